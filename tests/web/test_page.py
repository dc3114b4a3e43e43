"""The page, in a real Chromium: drawn on, dropped on, shown a webcam."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.browser import CHROMIUM, STROKES, write
from tests.support.command import SAMPLES
from tests.support.documents import pdf
from tests.support.film import mjpeg_server
from tests.support.screen import wait_until
from tests.support.server import Server, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="comes with the group test")

MODELS = SAMPLES.parent / "models"
LABELS = [row for row in json.loads((SAMPLES / "labels.json").read_text()) if not row["file"].endswith(".mp4")]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def webcam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip, as Chromium takes it for a webcam's pictures."""
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    film = tmp_path_factory.mktemp("webcam") / "clip.mjpeg"
    clip = ["-i", str(SAMPLES / "clip.mp4"), "-q:v", "3"]
    subprocess.run(["ffmpeg", "-v", "error", *clip, str(film)], check=True)
    return film


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Any]]:
    """Starts browsers."""
    browsers = []
    with sync_api.sync_playwright() as playwright:

        def start(*arguments: str) -> Any:
            browsers.append(playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments]))
            return browsers[-1]

        yield start
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Any], webcam: Path) -> Any:
    return chromium("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={webcam}")


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages, and fails a test in whose page a script failed or a policy was broken."""
    contexts, complaints = [], []

    def opened(address: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
        page.goto(address)
        expect(page.locator("#model option")).not_to_have_count(0)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[..., Any], server: Server) -> Any:
    return open_page(server.root)


def expect(locator: Any) -> Any:
    return sync_api.expect(locator)


def test_reads_what_is_drawn(page: Any) -> None:
    expect(page.locator("#undo")).to_be_disabled()
    write(page, "2021")
    expect(page.locator("#drawn")).to_have_text("2021")
    expect(page.locator("#drawn-digits .card")).to_have_count(4)
    assert page.locator("#drawn-digits .card b").all_inner_texts()[::3] == list("2021")
    patch = page.locator("#drawn-digits img").first
    assert patch.evaluate("(image) => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    page.keyboard.press("Control+z")
    expect(page.locator("#drawn")).to_have_text("202")
    page.click("#clear")
    expect(page.locator("#drawn-digits .card")).to_have_count(0)


def test_a_stroke_that_was_read_before_it_ended_is_not_read_again(page: Any) -> None:
    page.evaluate("""() => {
      Object.assign(window, { sent: [], waited: 0, last: performance.now() });
      const ask = window.fetch;
      window.fetch = async (path, options) => {
        window.sent.push(options.body.get("file").type);
        window.waited += 1;
        const answer = await ask(path, options);
        window.waited -= 1;
        window.last = performance.now();
        return answer;
      };
    }""")
    paper = page.locator("#paper").bounding_box()
    page.mouse.move(paper["x"] + 0.5 * paper["width"], paper["y"] + 0.3 * paper["height"])
    page.mouse.down()
    page.mouse.move(paper["x"] + 0.5 * paper["width"], paper["y"] + 0.7 * paper["height"], steps=8)
    expect(page.locator("#drawn")).to_have_text("1")
    wait_until(lambda: page.evaluate("waited === 0 && performance.now() > last + 1000"))
    before = page.evaluate("window.sent")
    assert set(before) == {"image/jpeg"}  # as PNG an answer takes twice as long
    page.mouse.up()
    page.wait_for_timeout(500)
    assert page.evaluate("window.sent") == before


DASHES = "Dashed: less than 90 % sure."


def test_unsure_digits_that_are_drawn_are_outlined_by_dashes(page: Any) -> None:
    page.evaluate("""() => {
      window.dashes = [];
      const set = CanvasRenderingContext2D.prototype.setLineDash;
      CanvasRenderingContext2D.prototype.setLineDash = function (pattern) {
        window.dashes.push(pattern.length > 0);
        set.call(this, pattern);
      };
    }""")
    write(page, "20")
    expect(page.locator("#drawn")).to_have_text("20")
    expect(page.locator("#drawn-dashes")).to_have_text("")
    write(page, "  ?")
    expect(page.locator("#drawn")).to_have_text(re.compile("20[49]"))
    expect(page.locator("#drawn-dashes")).to_have_text(DASHES)
    page.wait_for_function("window.dashes.slice(-3).join() === 'false,false,true'")


def test_unsure_digits_in_pictures_are_outlined_by_dashes(page: Any, tmp_path: Path) -> None:
    paper = np.full((300, 500, 3), 255, np.uint8)
    (_, *loop), stem = STROKES["?"]
    for place, strokes in enumerate([STROKES["2"], STROKES["0"], [[(0.7, 0), *loop], stem]]):
        for stroke in strokes:
            points = np.array([(60 + 140 * place + 75 * x, 80 + 140 * y) for x, y in stroke], np.int32)
            cv2.polylines(paper, [points], False, (0, 0, 0), 9)
    cv2.imwrite(str(tmp_path / "unsure.png"), paper)
    drop(page, tmp_path / "unsure.png")
    expect(page.locator(".box")).to_have_count(3)
    expect(page.locator(".box.unsure")).to_have_attribute("title", re.compile("^[49], [5-8]"))  # and no other
    expect(page.locator(".picture")).to_contain_text(DASHES)


def test_the_answer_changes_while_a_stroke_is_drawn(page: Any) -> None:
    write(page, "2")
    expect(page.locator("#drawn")).to_have_text("2")
    paper = page.locator("#paper").bounding_box()
    x = paper["x"] + paper["width"] * 0.4
    page.mouse.move(x, paper["y"] + paper["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(x, paper["y"] + paper["height"] * 0.7, steps=10)
    expect(page.locator("#drawn")).to_have_text("21")  # and the pen is still down
    page.mouse.up()


def test_a_finger_writes_too(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(server.root, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    paper = page.locator("#paper").bounding_box()
    x = paper["x"] + paper["width"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, share in [("touchStart", 0.2), *(("touchMove", 0.2 + step / 20) for step in range(1, 13))]:
        points = [{"x": x, "y": paper["y"] + paper["height"] * share}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator("#drawn")).to_have_text("1")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def drop(page: Any, *files: Path) -> None:
    """Drop files on the page, as from a file manager."""
    sent = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files]
    script = """(files) => {
      const dropped = new DataTransfer();
      for (const [name, encoded] of files) {
        const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
        dropped.items.add(new File([bytes], name));
      }
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(script, sent)


def lines(picture: Any) -> list[list[str]]:
    """The numbers that stand beside a picture."""
    return [
        ["".join(number.locator("button, i").all_inner_texts()) for number in line.locator(".number").all()]
        for line in picture.locator(".lines > li").all()
    ]


def test_reads_every_sample_that_is_dropped(page: Any) -> None:
    drop(page, *(SAMPLES / row["file"] for row in LABELS))
    expect(page.locator("#tab-pictures")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".picture .lines")).to_have_count(len(LABELS), timeout=30_000)
    for row, picture in zip(LABELS, page.locator(".picture").all(), strict=True):
        assert lines(picture) == row["numbers"], row["file"]
        assert picture.locator(".chip").all_inner_texts() == [text for line in row["numbers"] for text in line]


def test_shows_what_browsers_do_not(page: Any, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="comes with camdigits[formats]")
    number, columns = (cv2.imread(str(SAMPLES / name)) for name in ("number.jpg", "columns.jpg"))
    (tmp_path / "scan.pdf").write_bytes(pdf([number, columns]))
    cv2.imwrite(str(tmp_path / "scan.tiff"), number)
    drop(page, tmp_path / "scan.pdf", tmp_path / "scan.tiff")
    expect(page.locator(".picture .lines")).to_have_count(3)
    assert page.locator(".picture h2").all_inner_texts() == ["scan.pdf", "scan.pdf, page 2", "scan.tiff"]
    assert lines(page.locator(".picture").nth(1))[0] == ["1234", "567"]
    for image in page.locator(".boxed img").all():
        assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 1000


def test_boxes_lie_on_the_digits(page: Any) -> None:
    drop(page, SAMPLES / "number.jpg")
    expect(page.locator(".box")).to_have_count(5)
    image = page.locator(".boxed img").bounding_box()
    (row,) = [row for row in LABELS if row["file"] == "number.jpg"]
    for (x, y, w, h, _), box in zip(row["boxes"], page.locator(".box").all(), strict=True):
        place = box.bounding_box()
        scale = image["width"] / 1280
        assert place["x"] + place["width"] / 2 == pytest.approx(image["x"] + scale * (x + w / 2), abs=6)
        assert place["y"] + place["height"] / 2 == pytest.approx(image["y"] + scale * (y + h / 2), abs=6)


def test_says_how_many_pages_are_read_and_reads_so_many_at_most(page: Any, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="comes with camdigits[formats]")
    number = cv2.imread(str(SAMPLES / "crop-paper.png"))
    (tmp_path / "three.pdf").write_bytes(pdf(3 * [number]))
    (tmp_path / "long.pdf").write_bytes(pdf(60 * [number]))
    held: list[Any] = []
    page.route("**/api/image*page=3*", lambda route: held.append(route))
    drop(page, tmp_path / "three.pdf")
    expect(page.locator("#progress")).to_have_text("2 of 3 read")
    held[0].continue_()
    expect(page.locator("#progress")).to_have_text("")
    expect(page.locator(".picture .lines")).to_have_count(3)
    page.click("#forget")
    page.route("**/api/image*", lambda route: route.continue_() if "page=1&" in route.request.url + "&" else None)
    drop(page, tmp_path / "long.pdf")
    expect(page.locator("article.picture")).to_have_count(50)
    expect(page.locator("p.picture")).to_have_text("50 of 60 pages are read: split the file for the others.")


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        one[at] < other[at] + other[long] and other[at] < one[at] + one[long]
        for at, long in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("width", [1280, 375])
def test_numbers_over_a_picture_cover_no_digit_and_one_another(
    open_page: Callable[..., Any], server: Server, width: int
) -> None:
    page = open_page(server.root, viewport={"width": width, "height": 800})
    drop(page, SAMPLES / "small.jpg")
    expect(page.locator(".chip")).to_have_count(6)
    expect(page.locator(".chip:visible")).to_have_count(6)
    chips, boxes = ([one.bounding_box() for one in page.locator(kind).all()] for kind in (".chip", ".box"))
    assert len(boxes) == 24
    for at, chip in enumerate(chips):
        assert not any(overlap(chip, other) for other in boxes + chips[at + 1 :])


def test_of_numbers_in_a_crowd_those_without_room_are_not_written(page: Any) -> None:
    rows = [
        {"text": "123", "box": [x, y, 60, 20], "digits": [{"box": [x + 20 * at, y, 18, 20]} for at in range(3)]}
        for y in range(0, 480, 24)
        for x in range(0, 640, 64)
    ]

    def labelled(numbers: list[dict[str, Any]]) -> Any:
        script = """async (numbers) => {
          const { labelled } = await import("./elements.js");
          return labelled(numbers, { width: 640, height: 480 }, 22, 9);
        }"""
        return page.evaluate(script, numbers)

    assert labelled(rows) == []
    first, last = labelled([rows[0], rows[-1]])
    assert [first["number"]["text"], first["size"]] == ["123", 22]
    assert first["box"][0] > 60  # beside it: over it there is no room
    assert last["box"][1] + last["box"][3] < 456
    assert [one["number"].get("settled") for one in labelled([rows[41], rows[43] | {"settled": True}])] == [True, None]


def test_a_digit_shows_what_the_model_saw(page: Any) -> None:
    drop(page, SAMPLES / "number.jpg")
    page.locator(".box").nth(2).click()
    expect(page.locator(".picture .card b").first).to_have_text("7")
    page.locator(".number button").nth(4).press("Enter")
    expect(page.locator(".picture .card b").first).to_have_text("8")
    expect(page.locator('.number button[aria-pressed="true"]')).to_have_text("8")


def test_copies_text_csv_and_json(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(server.root, permissions=["clipboard-read", "clipboard-write"])
    drop(page, SAMPLES / "columns.jpg")
    expect(page.locator(".picture .lines")).to_have_count(1)

    def copied(kind: str) -> str:
        page.click(f'[data-as="{kind}"]')
        expect(page.locator("#copied")).to_have_text("Copied.")
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert copied("text") == "1234 567\n80 2049\n305 61"
    head, first, *_ = copied("csv").splitlines()
    assert head == "source,line,text,confidence,angle,x,y,w,h"
    assert first.startswith("columns.jpg,0,1234,0.")
    sent = server.send(SAMPLES / "columns.jpg").json()
    assert json.loads(copied("json")) | {"elapsed_ms": 0} == sent | {"elapsed_ms": 0}


def test_what_is_no_picture_is_said_beside_those_that_are(page: Any) -> None:
    drop(page, SAMPLES / "labels.json", SAMPLES / "crop-paper.png")
    expect(page.locator(".picture").first).to_contain_text("ot a picture")
    expect(page.locator(".picture").nth(1).locator(".number button")).to_have_text("7")


def test_of_a_picture_without_a_number_it_says_why(page: Any, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((480, 640), 230, np.uint8))
    drop(page, tmp_path / "empty.png")
    expect(page.locator(".picture")).to_contain_text("No number was read: no ink found; digits must stand out")


def test_pasting_works_from_any_tab(page: Any) -> None:
    encoded = base64.b64encode((SAMPLES / "crop-paper.png").read_bytes()).decode()
    script = """(encoded) => {
      const pasted = new DataTransfer();
      const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
      pasted.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted }));
    }"""
    page.evaluate(script, encoded)
    expect(page.locator(".number button")).to_have_text("7")


def test_the_webcam_is_read_within_two_seconds(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(server.root + "#camera", permissions=["camera"])
    page.click("#start")
    expect(page.locator("#seen")).to_have_text("4096\n2750", timeout=15_000)  # how soon is for the benchmark
    expect(page.locator("#pace")).to_contain_text(re.compile("[1-9][0-9]* pictures a second"))
    boxes = page.locator("#camera-boxes")
    assert boxes.evaluate("(canvas) => [canvas.width, canvas.height]") == [640, 480]
    page.click("#start")
    expect(page.locator("#start")).to_have_text("Start the camera")
    assert page.evaluate("document.querySelector('#video').srcObject") is None


@pytest.mark.parametrize("meanwhile", ["#start", "#tab-draw"])
def test_a_camera_that_is_no_longer_wanted_goes_off(
    open_page: Callable[..., Any], server: Server, meanwhile: str
) -> None:
    page = open_page(server.root + "#camera", permissions=["camera"])
    # a person takes a while to say yes
    page.evaluate("""() => {
      window.given = [];
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        await new Promise((wake) => setTimeout(wake, 500));
        const media = await ask(wanted);
        window.given.push(...media.getTracks());
        return media;
      };
    }""")
    page.click("#start")
    page.click(meanwhile)
    asked = 2 if meanwhile == "#start" else 1
    page.wait_for_function("(asked) => window.given.length === asked", arg=asked)
    live = "window.given.filter((track) => track.readyState === 'live').length"
    page.wait_for_function(f"{live} === {asked - 1}")
    page.goto("about:blank")


def test_a_phone_is_the_camera(open_page: Callable[..., Any]) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    with serving("--host", "0.0.0.0", "--tls") as server:
        address = f"{server.root}/?token={server.token}"
        page = open_page(address, ignore_https_errors=True, permissions=["camera"], **phone)
        assert page.url == server.root + "/"
        page.tap("#tab-camera")
        page.tap("#start")
        expect(page.locator("#seen")).to_have_text("4096\n2750", timeout=15_000)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.tap("#start")


def test_a_refused_camera_gets_a_sentence_that_helps(page: Any) -> None:
    page.click("#tab-camera")
    page.context.clear_permissions()
    page.click("#start")
    expect(page.locator("#trouble")).to_contain_text("Allow it for this page")


def test_no_camera_gets_a_sentence_that_helps(chromium: Callable[..., Any], server: Server) -> None:
    page = chromium("--use-fake-ui-for-media-stream").new_page()
    page.goto(server.root + "#camera")
    page.click("#start")
    expect(page.locator("#trouble")).to_contain_text("Plug one in")


def test_an_address_that_is_not_encrypted_gets_a_sentence_that_helps(
    chromium: Callable[..., Any], server: Server
) -> None:
    page = chromium("--host-resolver-rules=MAP 192.0.2.7 127.0.0.1").new_page()
    page.goto(f"http://192.0.2.7:{server.port}/#camera")
    page.click("#start")
    expect(page.locator("#trouble")).to_contain_text("--tls")


def test_watches_what_the_server_sees(open_page: Callable[..., Any], film: Server) -> None:
    page = open_page(film.root + "#watch")
    expect(page.locator("#watch-seen")).to_have_text("4096\n2750", timeout=15_000)
    assert page.locator("#watched").evaluate("(canvas) => [canvas.width, canvas.height]") == [640, 480]


def test_numbers_of_a_source_that_is_lost_are_dimmed(open_page: Callable[..., Any]) -> None:
    still = cv2.resize(cv2.imread(str(SAMPLES / "number.jpg")), (960, 540))
    with ExitStack() as sender, ExitStack() as stack:
        address = sender.enter_context(mjpeg_server(picture_of=lambda _: still))
        page = open_page(stack.enter_context(serving("--source", address)).root + "#watch")
        expect(page.locator("#watch-seen")).to_have_text("40718", timeout=15_000)
        assert "stale" not in page.locator("#watch-seen").get_attribute("class")
        sender.close()
        expect(page.locator("#watch-pace")).to_contain_text("gives no pictures", timeout=15_000)
        expect(page.locator("#watch-seen")).to_have_class("answer stale")
        page.click("#tab-draw")


def test_a_digit_that_was_misread_becomes_a_lesson(open_page: Callable[..., Any], tmp_path: Path) -> None:
    with serving("--collect", tmp_path) as collecting:
        page = open_page(collecting.root)
        drop(page, SAMPLES / "crop-paper.png")
        page.locator(".number button").click()
        card = page.locator(".picture .card")
        expect(card.locator("select")).not_to_be_visible()  # until it is asked for
        card.get_by_text("Wrong?").press("Enter")
        page.keyboard.press("Tab")
        expect(card.locator("select")).to_be_focused()
        page.keyboard.type("6")
        card.get_by_role("button", name="Save").click()
        expect(card.get_by_role("status")).to_have_text("Saved, thank you.")
    assert [path.parent.name for path in tmp_path.rglob("*.png")] == ["6"]


def test_the_figures_are_those_of_the_models_that_ship(page: Any) -> None:
    page.click("#tab-figures")
    rows = json.loads((MODELS / "REPORT.json").read_text())
    expect(page.locator("#compared tbody tr")).to_have_count(len(rows))
    first = page.locator("#compared tbody tr").first.locator("td").all_inner_texts()
    assert first[0] == f"{100 * rows[0]['shares']['MNIST']:.2f}"
    figures = json.loads(page.evaluate("fetch('figures.json').then((answer) => answer.text())"))
    for measured in figures["measured"]:
        digest = hashlib.sha256((MODELS / f"{measured['name']}.onnx").read_bytes()).hexdigest()
        assert measured["sha256"] == digest, "run python docs/figures.py"
        assert sum(map(sum, measured["matrix"])) == 10_000
        expect(page.get_by_role("region", name=f"Confusions of {measured['name']}")).to_be_visible()
    expect(page.locator(".gallery figure")).to_have_count(24)


def test_on_a_phone_tables_fit_or_scroll_beside_their_first_column(
    open_page: Callable[..., Any], server: Server
) -> None:
    page = open_page(server.root + "#figures", viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    expect(page.locator(".matrix")).to_have_count(2)
    widths = page.locator(".scroll:has(.matrix)").evaluate_all(
        "(all) => all.map((one) => [one.scrollWidth, one.clientWidth])"
    )
    assert all(whole <= shown for whole, shown in widths)
    compared = page.get_by_role("region", name="The models compared")
    first, last = (compared.locator("tbody tr").first.locator(cell) for cell in ("th", "td:last-child"))
    expect(last).not_to_be_in_viewport()
    before = first.bounding_box()["x"]
    compared.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(last).to_be_in_viewport(ratio=0.95)
    assert first.bounding_box()["x"] == before


def test_another_model_or_threshold_reads_again(page: Any) -> None:
    drop(page, SAMPLES / "number.jpg")
    chance = page.locator(".picture small")
    expect(chance).to_be_visible()
    before = page.locator(".picture .quiet").last.inner_text()
    page.select_option("#model", "knn")
    expect(page.locator("#read")).not_to_contain_text(before)
    expect(page.locator(".number button")).to_have_count(5)
    page.locator("#confidence").fill("0.99")
    expect(page.locator("#confidence-said")).to_have_text("99 %")


def test_the_keyboard_reaches_everything(page: Any) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#tab-draw")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-pictures")).to_be_focused()
    expect(page.locator("#pictures")).to_be_visible()
    for place in ("#model", "#confidence", "#theme"):
        page.keyboard.press("Tab")
        expect(page.locator(place)).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_the_whole_page_is_small_and_of_one_host(chromium: Callable[..., Any], server: Server) -> None:
    page = chromium().new_page()
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(server.root, wait_until="networkidle")
    assert {answer.url.split("/")[2] for answer in answers} == {f"127.0.0.1:{server.port}"}
    assert len(answers) > 8
    assert sum(len(answer.body()) for answer in answers) < 150_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["draw", "pictures", "camera", "watch", "figures"])
def test_axe_finds_nothing(open_page: Callable[..., Any], server: Server, film: Server, scheme: str, tab: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="comes with the group test").Axe()
    address = film.root if tab == "watch" else server.root
    page = open_page(address, color_scheme=scheme, bypass_csp=True, permissions=["camera"])
    if tab == "draw":
        write(page, "20?")
        expect(page.locator("#drawn-dashes")).to_have_text(DASHES)
    elif tab == "pictures":
        drop(page, SAMPLES / "columns.jpg", SAMPLES / "labels.json")
        page.locator(".number button").first.click()
        expect(page.locator(".picture .card")).to_be_visible()
    else:
        page.click(f"#tab-{tab}")
    if tab == "camera":
        page.click("#start")
    if tab in ("camera", "watch"):
        expect(page.locator("#seen" if tab == "camera" else "#watch-seen")).to_have_text("4096\n2750", timeout=15_000)
    elif tab == "figures":
        expect(page.locator(".matrix")).to_have_count(2)
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
