"""The HTTP API: the command line's JSON, of whatever may be sent, to whoever may ask."""

import json
import socket
import struct
import zlib
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from camdigits.prototypes import Lessons
from camdigits.web.serve import listen
from tests.support.command import SAMPLES, camdigits
from tests.support.documents import heic, pdf
from tests.support.server import Server, decoded, serving

PICTURES = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".jpg", ".png"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_says_what_the_command_line_says(server: Server, picture: Path) -> None:
    answer = server.send(picture)
    assert answer.status_code == 200
    command = json.loads(camdigits("image", "--json", picture.name, cwd=SAMPLES).stdout)
    assert answer.json() | {"elapsed_ms": 0} == command | {"elapsed_ms": 0}
    assert list(answer.json()) == list(command)


def test_a_picture_as_thin_as_a_line_is_shown_too(server: Server, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "thin.tiff"), np.full((4000, 1, 3), 200, np.uint8))
    answer = server.send(tmp_path / "thin.tiff", params={"details": True})
    assert (answer.status_code, answer.json()["numbers"]) == (200, [])
    assert "no ink found" in answer.json()["why"]
    assert answer.json()["picture"].startswith("data:image/jpeg")


def test_details_show_what_the_model_saw_and_what_else_it_may_be(server: Server) -> None:
    plain = server.send(SAMPLES / "tilted.jpg").json()
    told = server.send(SAMPLES / "tilted.jpg", params={"details": True}).json()
    for number, same in zip(told["numbers"], plain["numbers"], strict=True):
        for digit, bare in zip(number["digits"], same["digits"], strict=True):
            top = digit.pop("top")
            assert top[0] == [digit["label"], digit["confidence"]]
            assert [chance for _, chance in top] == sorted((chance for _, chance in top), reverse=True)
            assert len(top) == 3
            patch = decoded(digit.pop("patch"))
            assert patch.shape == (28, 28)
            assert patch[0, 0] == 255 > 60 > patch.min()  # ink on paper
            assert digit == bare


def test_patches_of_a_page_on_its_side_stand_upright(server: Server) -> None:
    upright = cv2.imread(str(SAMPLES / "lines.jpg"))
    turned = cv2.imencode(".png", np.rot90(upright))[1].tobytes()
    before = server.send(SAMPLES / "lines.jpg", params={"details": True}).json()["numbers"]
    after = server.send(turned, params={"details": True}).json()["numbers"]
    assert [number["text"] for number in after] == [number["text"] for number in before]
    upright, seen = (
        np.stack([decoded(digit["patch"]) for number in numbers for digit in number["digits"]]).astype(int)
        for numbers in (before, after)
    )
    differences = [np.abs(upright - np.rot90(seen, turns, axes=(1, 2))).mean() for turns in range(4)]
    assert differences[0] < 0.7 * min(differences[1:])


def test_pages_and_pictures_of_phones_are_read_as_the_command_line_does(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="comes with camdigits[formats]")
    pytest.importorskip("pillow_heif", reason="comes with camdigits[formats]")
    number, columns = (cv2.imread(str(SAMPLES / name)) for name in ("number.jpg", "columns.jpg"))
    (tmp_path / "scan.pdf").write_bytes(pdf([number, columns]))
    (tmp_path / "phone.heic").write_bytes(heic(number))
    command = map(json.loads, camdigits("image", "--json", "scan.pdf", "phone.heic", cwd=tmp_path).stdout.splitlines())
    for name, page, expected in zip(("scan.pdf", "scan.pdf", "phone.heic"), (1, 2, 1), command, strict=True):
        told = server.send(tmp_path / name, params={"page": page}).json()
        assert told | {"elapsed_ms": 0} == expected | {"elapsed_ms": 0}
    told = server.send(tmp_path / "scan.pdf", params={"details": True}).json()
    assert told["pages"] == 2
    assert told["picture"].startswith("data:image/jpeg;base64,")
    assert server.send(tmp_path / "scan.pdf", params={"page": 3}).status_code == 422


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_page_that_a_picture_has_not_is_refused(server: Server, suffix: str) -> None:
    picture = cv2.imencode(suffix, cv2.imread(str(SAMPLES / "crop-paper.png")))[1].tobytes()
    assert server.send(picture, params={"page": 1}).status_code == 200
    refused = server.send(picture, params={"page": 2})
    assert refused.status_code == 422
    assert refused.json()["error"] == "there is no page 2; only PDF files are read by page"


def test_lists_the_models_and_reads_with_the_one_chosen(server: Server) -> None:
    told = server.get("/api/models").json()
    assert [model["name"] for model in told["models"]] == ["cnn", "knn"]
    assert told["models"][0]["labels"] == list("0123456789")
    assert told["min_confidence"] == 0.5
    confidences = [
        server.send(SAMPLES / "number.jpg", params={"model": model}).json()["numbers"][0]["confidence"]
        for model in ("cnn", "knn", "")
    ]
    assert confidences[0] == confidences[2] != confidences[1]


def test_reads_with_a_model_of_ones_own(tmp_path: Path) -> None:
    models = SAMPLES.parent / "models"
    (tmp_path / "mine.onnx").write_bytes((models / "knn.onnx").read_bytes())
    with serving("--model", tmp_path / "mine.onnx", "--min-confidence", "0.3") as own:
        told = own.get("/api/models").json()
        assert [model["name"] for model in told["models"]] == ["mine", "cnn", "knn"]
        assert told["min_confidence"] == 0.3
        assert own.send(SAMPLES / "number.jpg").json()["numbers"][0]["text"] == "40718"


def test_reads_with_lessons(tmp_path: Path) -> None:
    Lessons(np.zeros((1, 28, 28), np.uint8), ["7"], "cnn").save(tmp_path / "mine.npz")
    with serving("--model", tmp_path / "mine.npz") as own:
        assert [model["name"] for model in own.get("/api/models").json()["models"]] == ["mine", "cnn", "knn"]
        assert own.send(SAMPLES / "number.jpg").json()["numbers"][0]["text"] == "40718"


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"model": "../../models/cnn"}, 400, "no such model; one of: cnn, knn"),
        ({"model": str(SAMPLES.parent / "models" / "cnn.onnx")}, 400, "no such model"),
        ({"min_confidence": "2"}, 422, "min_confidence"),
        ({"min_confidence": "nan"}, 422, "min_confidence"),
    ],
)
def test_a_wrong_question_gets_one_line(server: Server, params: dict[str, str], status: int, words: str) -> None:
    answer = server.send(SAMPLES / "number.jpg", params=params)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_errors_are_what_the_description_says(server: Server) -> None:
    described = server.get("/api/openapi.json").json()["paths"]["/api/image"]["post"]["responses"]
    picture = SAMPLES / "crop-paper.png"
    told: list[tuple[httpx.Response, int, set[str]]] = [
        (server.send(picture, params={"model": "none"}), 400, {"error"}),
        (server.send(picture, headers={"Origin": "http://evil.example"}), 403, {"error"}),
        (server.send(bytes(33 * 2**20)), 413, {"error"}),
        (server.send(BOMBS["png"]), 413, {"error", "source"}),
        (server.send(picture, params={"min_confidence": 2}), 422, {"error"}),
        (httpx.post(server.root + "/api/image"), 422, {"error"}),
        (server.send(b"no picture"), 422, {"error", "source"}),
    ]
    for answer, status, keys in told:
        assert (answer.status_code, set(answer.json())) == (status, keys)
        assert str(status) in described
    assert set(described) == {"200", "400", "401", "403", "408", "413", "422", "503"}


def test_a_request_that_is_not_whole_or_not_for_this_says_what_is(server: Server) -> None:
    without = httpx.post(server.root + "/api/image", data={"file": "a text"})
    assert (without.status_code, without.json()["error"][:11]) == (422, "no picture;")
    assert "-F file=@photo.jpg" in without.json()["error"]
    asked = server.get("/api/image")
    assert (asked.status_code, asked.json(), asked.headers["allow"]) == (405, {"error": "send it by POST"}, "POST")


def test_an_empty_file_is_said_to_be_empty(server: Server) -> None:
    answer = httpx.post(server.root + "/api/image", files={"file": ("a.jpg", b"")}, timeout=30)
    assert answer.status_code == 422
    assert answer.json() == {"source": "a.jpg", "error": "the file is empty; copy or take the picture again"}


def test_what_is_no_picture_is_told_as_the_command_line_does(server: Server) -> None:
    answer = server.send(b"these are letters", name="../../etc/passwd\\letters.txt")
    assert answer.status_code == 422
    assert list(answer.json()) == ["source", "error"]
    assert answer.json()["source"] == "letters.txt"
    assert "not a picture" in answer.json()["error"]
    assert answer.json()["error"].endswith("TIFF, HEIC and PDF are read")


def png_header(width: int, height: int, bits: int = 8) -> bytes:
    """A PNG that says it is of this size, without pixels."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def tiff_header(width: int, height: int, end: str = "<") -> bytes:
    tags = b"".join(struct.pack(end + "HHII", tag, 4, 1, value) for tag, value in ((256, width), (257, height)))
    return {"<": b"II*\0", ">": b"MM\0*"}[end] + struct.pack(end + "IH", 8, 2) + tags + bytes(4)


BOMBS = {
    "png": png_header(60_000, 60_000),
    "png16": png_header(6_000, 6_000, 16),
    "jpeg": b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x11\x08" + struct.pack(">HH", 65_500, 65_500) + bytes(40),
    "bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 50_000, -50_000) + bytes(40),
    "tiff": tiff_header(100_000, 100_000),
    "tiff-big-endian": tiff_header(100_000, 100_000, ">"),
    "webp": b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\x00" * 2 + bytes(40),
    "webp-lossless": b"RIFF\xff\0\0\0WEBPVP8L\xff\0\0\0\x2f" + struct.pack("<I", (1 << 28) - 1) + bytes(40),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_picture_of_too_many_pixels_is_refused_undecoded(server: Server, kind: str) -> None:
    answer = server.send(BOMBS[kind])
    assert answer.status_code == 413, answer.text
    assert "million pixels" in answer.json()["error"]


def test_no_room_is_made_for_what_is_not_there(server: Server) -> None:
    before = server.memory()
    png = png_header(10, 10) + struct.pack(">I", 1_900_000_000) + b"IDAT" + bytes(1000)
    assert server.send(png).status_code == 422
    assert server.memory() < before + 100


def test_a_picture_in_thousands_of_scans_is_refused(server: Server) -> None:
    scans = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert server.send(scans).status_code == 200
    last = scans[scans.rindex(b"\xff\xda") : -2]
    assert server.send(scans[:-2] + 5000 * last + scans[-2:]).status_code == 422


def test_too_many_bytes_are_refused(server: Server) -> None:
    assert server.send(bytes(31_900_000)).status_code == 422
    answer = server.send(bytes(32_100_000))
    assert answer.status_code == 413
    assert "larger than 32 MB" in answer.json()["error"]

    def unmeasured() -> object:  # sent in pieces, its length not stated
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield bytes(2**20)

    try:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = httpx.post(server.root + "/api/image", content=unmeasured(), headers=headers, timeout=30)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # hung up on while it was still sending


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
def test_pictures_cut_short_anywhere_do_no_harm(server: Server, suffix: str) -> None:
    whole = cv2.imencode(suffix, cv2.imread(str(SAMPLES / "crop-paper.png")))[1].tobytes()
    assert server.send(whole).json()["numbers"][0]["text"] == "7"
    for length in [*range(64), *range(64, len(whole), max(1, len(whole) // 40))]:
        assert server.send(whole[:length]).status_code in (200, 422)
    assert server.send(whole).json()["numbers"][0]["text"] == "7"


def test_pages_of_other_sites_and_names_are_refused(server: Server) -> None:
    path = "/api/models"
    assert server.get(path).status_code == 200
    for host in ("localhost", f"localhost:{server.port}", "[::1]:80", "192.168.1.7"):
        assert server.get(path, headers={"Host": host}).status_code == 200, host
    for host in ("evil.example", f"evil.example:{server.port}", "localhost.evil.example", "127.0.0.1.nip.io", ""):
        assert server.get(path, headers={"Host": host}).status_code in (400, 403), host
    assert server.get(path, headers={"Origin": server.root}).status_code == 200
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{server.port + 1}"):
        answer = server.send(SAMPLES / "crop-paper.png", headers={"Origin": origin})
        assert (answer.status_code, "another site" in answer.text) == (403, True), origin


def test_beyond_loopback_a_token_is_asked_for() -> None:
    with serving("--host", "0.0.0.0") as server:
        assert len(server.token) >= 20
        assert server.get("/").status_code == 401
        assert server.get("/api/models").status_code == 401
        refused = server.send(SAMPLES / "crop-paper.png")
        assert (refused.status_code, list(refused.json())) == (401, ["error"])
        assert server.get("/?token=wrong").status_code == 401
        with httpx.Client(base_url=server.root, follow_redirects=True) as browser:
            page = browser.get(f"/?token={server.token}")
            assert page.status_code == 200
            assert "token" not in str(page.url)
            assert browser.get("/api/models").status_code == 200
        bearer = {"Authorization": f"Bearer {server.token}"}
        assert server.send(SAMPLES / "crop-paper.png", headers=bearer).json()["numbers"][0]["text"] == "7"


def test_a_browser_without_the_token_is_told_on_a_page() -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    with serving("--host", "0.0.0.0") as server:
        told = server.get("/")
        page = server.get("/", headers=browser)
        assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert f"<p>{told.json()['error']}</p>" in page.text
        for name in ("content-security-policy", "x-content-type-options", "cache-control"):
            assert page.headers[name] == told.headers[name]
        evil = server.get("/", headers=browser | {"Host": "evil.example"})
        assert (evil.status_code, "the page&#x27;s" in evil.text) == (403, True)
        assert server.get("/", headers={"Accept": "*/*"}).json() == told.json()


def test_two_servers_on_one_machine_are_open_at_once() -> None:
    with serving("--host", "0.0.0.0") as one, serving("--host", "0.0.0.0") as other, httpx.Client() as browser:
        for server in (one, other):
            assert browser.get(f"{server.root}/?token={server.token}", follow_redirects=True).status_code == 200
        for server in (one, other):
            assert browser.get(server.root + "/api/models").status_code == 200


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_on_all_addresses_the_older_ones_are_among_them() -> None:
    with listen("::", 0) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), 5).close()


def test_no_answer_lets_a_browser_fetch_from_elsewhere(server: Server) -> None:
    for path in ("/", "/api/models", "/nowhere", "/api/openapi.json"):
        policy = server.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "http" not in policy
    assert server.get("/docs").status_code == server.get("/redoc").status_code == 404


def test_files_beside_the_page_are_not_served(server: Server) -> None:
    for path in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/static/../../app.py", "//etc/passwd"):
        assert server.get(path).status_code in (404, 405), path


def test_a_port_in_use_is_told_in_one_line(server: Server) -> None:
    done = camdigits("serve", "--port", str(server.port), "--no-open")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "in use" in done.stderr
    assert "--port" in done.stderr


def test_answers_do_not_wait_for_one_another() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as one,
    ):
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_machine_is_told_in_one_line(host: str) -> None:
    done = camdigits("serve", "--host", host, "--port", "0", "--no-open")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--host must be an address of this machine" in done.stderr


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(name='uvicorn')")
    done = camdigits("serve", "--no-open", PYTHONPATH=f"{tmp_path}:{SAMPLES.parent}:{SAMPLES.parent / 'export'}")
    assert done.returncode == 1
    assert done.stderr == 'error: the page needs uvicorn: python -m pip install "camdigits[web]"\n'
