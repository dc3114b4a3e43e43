"""PDFium, as a process of its own: a page may take any time and any memory to draw, and nothing else interrupts it.

The file comes on standard input; out go, on a line, how many pages it has and the page's height, width and channels,
then its pixels: BGR first.
"""

import signal
import sys
from contextlib import suppress

LONGEST = 2600
"""Pixels of a page's longer side: A4 at 220 dots an inch."""

PATIENCE = 8.0
"""Seconds that a page may take."""

MEMORY = 2**30
"""Bytes that it may take, beside the file itself."""

NO_LIBRARY = 3
"""Exit code where pypdfium2 is not installed."""


def draw(page: int) -> None:
    """Draw a page, counted from 1; page 0, and one that is not there, is 0x0 pixels."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends also what PDFium does
    encoded = sys.stdin.buffer.read()
    _limit(MEMORY + 2 * len(encoded))
    try:
        import pypdfium2
    except ModuleNotFoundError:
        sys.exit(NO_LIBRARY)
    document = pypdfium2.PdfDocument(encoded)
    out = sys.stdout.buffer
    if not 1 <= page <= len(document):
        out.write(b"%d 0 0 3\n" % len(document))
        return
    sheet = document[page - 1]
    bitmap = sheet.render(scale=LONGEST / max(1.0, *sheet.get_size()), rev_byteorder=False)
    out.write(b"%d %d %d %d\n" % (len(document), bitmap.height, bitmap.width, bitmap.n_channels))
    rows = memoryview(bitmap.buffer).cast("B")
    for at in range(0, bitmap.height * bitmap.stride, bitmap.stride):
        out.write(rows[at : at + bitmap.width * bitmap.n_channels])


def _limit(memory: int) -> None:
    """Let the system end what takes more, where it does that; time too, should nobody be left to end it."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, round(2 * PATIENCE))):
        with suppress(ValueError, OSError):  # macOS has the name, and does not take every value
            resource.setrlimit(kind, (most, most))
