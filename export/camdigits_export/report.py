"""A judgement as one page that needs nothing else, report.html, with its figures beside it in report.json."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camdigits_export.evaluate import Judgement, summary
from camdigits_export.metrics import wilson
from camdigits_export.mistakes import Confusion, Mistake
from camdigits_export.traits import UNITS

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2 { line-height: 1.2; margin-top: 2.5rem; }
section { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e4e4e4; }
th { font-weight: 600; white-space: nowrap; }
.ranked th:last-child { text-align: left; }
td { white-space: nowrap; }
td.words { text-align: left; white-space: normal; min-width: 16rem; }
td.zero { color: #bbb; }
b.out { color: #b3261e; }
img { max-width: 100%; }
img.patch { image-rendering: pixelated; width: 84px; height: 84px; }
.near img.patch { width: 42px; height: 42px; }
.gallery { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; }
.gallery > figure { display: flex; gap: .6rem; align-items: start; font-size: .9rem; width: 18rem; }
.near { display: flex; gap: .3rem; margin-top: .3rem; }
.near figure { text-align: center; line-height: 1.2; }
.note { color: #666; max-width: 46rem; }
"""


def write_report(judged: Judgement, mistakes: Sequence[Mistake], folder: Path) -> Path:
    """Write report.json and report.html into a folder, made where it is missing; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = [
        {"at": m.at, "true": m.true, "read": m.read, "confidence": m.confidence, "nearest": [n for n, _ in m.nearest]}
        for m in mistakes
    ]
    figures = json.dumps({**asdict(judged), "mistakes": shown}, indent=1) + "\n"
    (folder / "report.json").write_text(figures, encoding="utf-8")
    page = folder / "report.html"
    page.write_text(_page(judged, mistakes), encoding="utf-8")
    return page


def _page(judged: Judgement, mistakes: Sequence[Mistake]) -> str:
    title = escape(f"{judged.model} on {judged.dataset}")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<ul>
{"".join(f"<li>{escape(line)}</li>" for line in summary(judged))}
</ul>
<h2>By class</h2>
<section>{_classes(judged)}</section>
<h2>Confusion matrix</h2>
<p class="note">A row for each true class, a column for what was read.</p>
<section>{_matrix(judged)}</section>
<h2>Calibration</h2>
<p class="note">On the diagonal, of those read at 90 % confidence nine in ten are right. Bars are 95 % intervals.</p>
{_picture(_reliability(judged), "share right against confidence")}
<h2>Answers and errors</h2>
<p class="note">The more confidence is asked for, the fewer patches get an answer, and the fewer answers are wrong.</p>
{_picture(_coverage(judged), "error against share answered")}
<h2>Confusions</h2>
<p class="note">The most frequent first, with the mean of each trait over their patches and, behind it, over all of the
true class. Bold: more than 2.5 standard errors away; a trait that means nothing is so about once in eighty.
Slant is in {UNITS["slant"]} to the right; stroke width and size, the shorter side of the ink, in pixels of the patch;
loops are the holes that ink closes, pieces do not touch.</p>
<section class="ranked">{_confusions(judged.confusions)}</section>
<h2>Worst mistakes</h2>
<p class="note">Those the model is surest of. Small: the nearest patches that it could learn from, by pixel
distance.</p>
<div class="gallery">{"".join(_mistake(m) for m in mistakes) or "None."}</div>
</body>
</html>
"""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; cells are HTML, each a whole <td> or <th>."""
    lines = [[f"<th>{escape(name)}</th>" for name in head], *rows]
    return "<table>" + "".join(f"<tr>{''.join(line)}</tr>" for line in lines) + "</table>"


def _classes(judged: Judgement) -> str:
    rows = []
    for name, c in zip(judged.names, judged.classes, strict=True):
        if c.count:
            low, high = wilson(round(c.recall * c.count), c.count)
            cells = f"{c.count}", f"{c.precision:.2%}", f"{c.recall:.2%}", f"{low:.2%} to {high:.2%}", f"{c.f1:.2%}"
            rows.append([f"<th>{escape(name)}</th>", *(f"<td>{cell}</td>" for cell in cells)])
    return _table(("class", "patches", "precision", "recall", "95 % interval", "F1"), rows)


def _matrix(judged: Judgement) -> str:
    rows = []
    for name, true, counts in zip(judged.names, range(len(judged.names)), judged.matrix, strict=True):
        if total := sum(counts):
            cells = (_count(count, total, true == read) for read, count in enumerate(counts))
            rows.append([f"<th>{escape(name)}</th>", *cells])
    return _table(("", *judged.names), rows)


def _count(count: int, total: int, right: bool) -> str:
    """Return a cell of the matrix: mistakes are tinted, fully where they are a tenth of the class."""
    if not count:
        return '<td class="zero">0</td>'
    colour = "46, 125, 50, 0.18" if right else f"179, 38, 30, {min(0.12 + 5 * count / total, 0.7):.2f}"
    return f'<td style="background: rgba({colour})">{count}</td>'


def _confusions(ranked: Sequence[Confusion]) -> str:
    rows = []
    for confusion in ranked:
        cells = []
        for trait in confusion.traits:
            here = f'<b class="out">{trait.here:.1f}</b>' if trait.stands_out else f"{trait.here:.1f}"
            cells.append(f"<td>{here} / {trait.usual:.1f}</td>")
        pair = f"<th>{escape(confusion.true)}</th><th>{escape(confusion.read)}</th><td>{confusion.count}</td>"
        rows.append([pair, *cells, f'<td class="words">{escape(confusion.attempt)}</td>'])
    return _table(("true", "read", "times", *UNITS, "what to try"), rows) if rows else "None."


def _mistake(mistake: Mistake) -> str:
    near = "".join(
        f"<figure>{_patch(patch, f'training patch, {name}')}<figcaption>{escape(name)}</figcaption></figure>"
        for name, patch in mistake.nearest
    )
    said = f"<b>{escape(mistake.true)}</b> read as <b>{escape(mistake.read)}</b><br>{mistake.confidence:.1%} sure"
    return (
        f"<figure>{_patch(mistake.patch, f'patch {mistake.at}')}"
        f'<figcaption>{said}<div class="near">{near}</div></figcaption></figure>'
    )


def _patch(patch: NDArray[np.uint8], says: str) -> str:
    """Return a patch as it would be on paper, dark on light."""
    png = cv2.imencode(".png", 255 - np.asarray(patch))[1].tobytes()
    return f'<img class="patch" alt="{escape(says)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _picture(figure: Any, says: str) -> str:
    png = BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return f'<img alt="{escape(says)}" src="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}">'


def _reliability(judged: Judgement) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    shares, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bins = judged.reliability
    spans = [wilson(round(b.right * b.count), b.count) for b in bins]
    lengths = np.array([(b.right - low, high - b.right) for b, (low, high) in zip(bins, spans, strict=True)]).clip(0)
    shares.plot([0, 1], [0, 1], color="0.8")
    shares.errorbar([b.confidence for b in bins], [b.right for b in bins], lengths.T, fmt="o", capsize=2)
    shares.set(ylabel="share right", ylim=(-0.03, 1.03))
    counts.bar([b.low for b in bins], [b.count for b in bins], [b.high - b.low for b in bins], align="edge", alpha=0.6)
    counts.set(xlabel="confidence", ylabel="patches", yscale="log", xlim=(0, 1.01))
    return figure


def _coverage(judged: Judgement) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    curve = [point for point in judged.coverage if point.share]
    axes.plot([100 * point.share for point in curve], [100 * point.error for point in curve])
    here = judged.answered
    axes.plot(100 * here.share, 100 * here.error, "o", label=f"the reader's own threshold, {here.threshold:.0%}")
    axes.set(xlabel="answered, %", ylabel="of these wrong, %", ylim=(0, None))
    axes.legend()
    return figure
