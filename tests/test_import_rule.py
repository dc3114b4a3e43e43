"""The house's import rule, read off the code: stages know types and errors, not one another."""

import ast
from pathlib import Path

import camdigits

PACKAGE = Path(camdigits.__file__).parent
STAGES = {
    "accept",
    "deliver",
    "best",
    "cameras",
    "corrections",
    "desktop",
    "panels",
    "recorder",
    "screen",
    "sources",
    "segment",
    "normalize",
    "prototypes",
    "classify",
    "decode",
    "track",
    "overlay",
    "window",
    "sinks",
    "pictures",
    "formats",
    "pages",
    "turn",
    "cut",
    "inked",
    "leftmost",
    "locate",
    "closer",
    "context",
    "explain",
    "signs",
    "tables",
    "unchanged",
}
GROUND = {"types", "errors", "files", "crops", "lettering", "network"}
PAPER = {"ink", "rules"}
# a model and lessons state the normalisation they were made with; lessons are a part of models; explain shows patches;
# formats are what OpenCV does not decode; pages are drawn by a process of its own
ALSO = {
    "pictures": {"formats"},
    "formats": {"pages"},
    "prototypes": {"normalize"},
    "classify": {"normalize", "prototypes"},
    "explain": {"normalize"},
    "segment": PAPER,
    "closer": PAPER,
    "inked": PAPER,
    "tables": PAPER,
    "decode": {"lines", "framed"},
    "sources": {"cameras", "screen"},
    "cameras": {"screen"},
}
ALLOWED = {
    "types": set(),
    "errors": set(),
    "files": set(),
    "crops": {"types", "errors"},
    "lettering": {"types"},
    "network": {"errors"},
    **dict.fromkeys(PAPER | {"lines", "framed"}, GROUND),
    **{stage: GROUND | ALSO.get(stage, set()) for stage in STAGES},
    "pipeline": STAGES | GROUND,
}
HOMES = {
    "onnxruntime": {"network"},
    "typer": {"cli", "cli_live", "options"},
    "rich": {"cli"},
    "pillow_heif": {"formats"},
    "pypdfium2": {"pages"},
}
WEB = {"fastapi", "starlette", "pydantic", "uvicorn", "websockets", "cryptography"}
FORBIDDEN = {"camdigits_export", "tensorflow", "keras", "sklearn", "onnx", "tf2onnx", "matplotlib", "scipy", "PIL"}


def imports(path: Path) -> set[str]:
    """Every imported module and name, wherever in the file, `camdigits.x` for one's own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(part for part in ("camdigits" if node.level else "", node.module) if part)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def modules() -> dict[str, set[str]]:
    """By name, those of the page as `web.x`."""
    names = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in PACKAGE.rglob("*.py")}
    return {".".join(parts): imports(path) for path, parts in names.items()}


def test_stages_do_not_import_one_another() -> None:
    for name, allowed in ALLOWED.items():
        own = {module.split(".")[1] for module in modules()[name] if module.startswith("camdigits.")}
        assert own <= allowed, f"{name} imports {sorted(own - allowed)}"


def test_libraries_stay_where_they_belong() -> None:
    for name, imported in modules().items():
        roots = {module.split(".")[0] for module in imported}
        assert not roots & FORBIDDEN, f"{name} imports {sorted(roots & FORBIDDEN)}"
        assert name.startswith("web.") or not roots & WEB, f"{name} imports {sorted(roots & WEB)}"
        for library, homes in HOMES.items():
            assert library not in roots or name in homes, f"{name} imports {library}"


def test_only_the_command_line_knows_the_page() -> None:
    for name, imported in modules().items():
        of_the_page = {module for module in imported if module.startswith("camdigits.web")}
        assert not of_the_page or name == "cli" or name.startswith("web."), f"{name} imports {sorted(of_the_page)}"


def test_public_names_are_sorted_and_there() -> None:
    assert camdigits.__all__ == sorted(camdigits.__all__)
    for name in camdigits.__all__:
        assert getattr(camdigits, name) is not None
