"""The HTTP API and the page: POST /api/image, GET /api/models, WS /api/stream and /api/watch, and static/.

Its JSON is that of the command line; errors are {"error": …}, with the source where it is a picture that failed.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Query, Request, UploadFile, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from camdigits.classify import Classifier
from camdigits.errors import ModelError, PictureError, SinkError
from camdigits.formats import count_pages, is_pdf
from camdigits.pictures import decode_picture
from camdigits.stills import Still, read_still
from camdigits.types import MIN_CONFIDENCE, Box
from camdigits.web.collect import Collection
from camdigits.web.details import SHOWN, ink_of, preview, with_details
from camdigits.web.reading import Models, Readers, TooLargeError, TooMuchError, checked_size
from camdigits.web.schema import Failure, Offer, PictureRead, Saved
from camdigits.web.stream import follow_camera
from camdigits.web.watch import Watch

STATIC = Path(__file__).parent / "static"


Tell = Callable[[Still, Classifier, bytes, int], Response]
"""Answers with what was read; also given are the file's bytes and how many pages it has."""


Sent = Annotated[UploadFile, File(description="JPEG, PNG, BMP, WebP, TIFF; with an extra also HEIC and PDF.")]
Page = Annotated[int, Query(ge=1, le=100_000, description="Of a PDF file, from 1.")]
Confidence = Annotated[float, Query(ge=0, le=1, description="Digits less sure than this are left out.")]
ModelName = Annotated[str, Query(max_length=200, description="As GET /api/models names it; empty: the default one.")]

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Failure, "description": "The token is missing, or another, where one is asked for"},
    403: {
        "model": Failure,
        "description": "Asked for by a page of another site, or by a name that is not this server's",
    },
}
"""The Guard's."""

FAILURES = REFUSALS | {
    400: {"model": Failure, "description": "No such model, or not a request that can be understood"},
    408: {"model": Failure, "description": "Not all there in time"},
    413: {"model": Failure, "description": "Too many bytes or pixels"},
    422: {"model": Failure, "description": "Not a picture, or a value out of range"},
    503: {"model": Failure, "description": "Too much to read at present, or a picture that takes too long"},
}


MOST_SOCKETS = {"stream": 32, "watch": 100}
"""Cameras and viewers at once; more are turned away."""


def create_app(
    models: Models,
    min_confidence: float = MIN_CONFIDENCE,
    watch: Watch | None = None,
    collection: Collection | None = None,
) -> FastAPI:
    """Return the app.

    watch: what the server itself sees, if anything. collection: where corrections go, if anywhere. Who may ask is the
    Guard's to say.
    """
    sockets = dict.fromkeys(MOST_SOCKETS, 0)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.readers = Readers()
        if watch:
            watch.start()
        yield
        if watch:
            watch.close()
        app.state.readers.close()

    # FastAPI's own documentation pages load scripts from another host
    app = FastAPI(
        title="camdigits",
        version=version("camdigits"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )

    @app.exception_handler(HTTPException)
    async def _http_error(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "request"
        if where == "file":
            return JSONResponse({"error": "no picture; send it as the field file of a form: -F file=@photo.jpg"}, 422)
        return JSONResponse({"error": f"{where}: {first['msg']}"}, 422)

    def chosen(name: str) -> Classifier:
        try:
            return models[name or models.default]
        except KeyError:
            raise HTTPException(400, f"no such model; one of: {', '.join(models.names)}") from None
        except ModelError as error:
            raise HTTPException(400, str(error)) from None

    @app.get("/api/models", response_model=Offer, responses=REFUSALS)
    def list_models() -> dict[str, Any]:
        """List the models."""
        entries = []
        for name in models.names:
            with suppress(ModelError):
                entries.append({"name": name, "labels": models[name].labels})
        return {"models": entries, "min_confidence": min_confidence} | {
            "version": app.version,
            "source": watch.name if watch else None,
            "collects": collection is not None,
        }

    async def answer(file: UploadFile, model: str, min_confidence: float, page: int, tell: Tell) -> Response:
        """Return what is told of a picture, once it is read, or why it is not."""
        classifier = await run_in_threadpool(chosen, model)  # it may have to be opened
        name = picture_name(file.filename)
        encoded = await file.read()

        def read() -> Response:
            pages = count_pages(encoded, name) if is_pdf(encoded) else 1
            source = f"{name}#page={page}" if pages > 1 else name  # as the command line calls it
            still = read_still(decode_picture(encoded, name, page), source, classifier, min_confidence)
            return tell(still, classifier, encoded, pages)

        try:
            size = await run_in_threadpool(checked_size, encoded, name)
            readers: Readers = app.state.readers
            return await readers.picture(size, read)
        except PictureError as error:
            return JSONResponse({"source": name, "error": str(error).removeprefix(f"{name}: ")}, 422)
        except TooLargeError as error:
            return JSONResponse({"source": name, "error": str(error)}, 413)
        except TooMuchError as error:
            return JSONResponse({"source": name, "error": str(error)}, 503, {"Retry-After": "2"})

    @app.post("/api/image", response_model=PictureRead, responses=FAILURES)
    async def read(
        file: Sent,
        model: ModelName = "",
        min_confidence: Confidence = min_confidence,
        page: Page = 1,
        details: Annotated[bool, Query(description="Add top and patch to each digit.")] = False,
    ) -> Response:
        """Read the numbers in a picture, as `camdigits image --json` does."""

        def tell(still: Still, classifier: Classifier, encoded: bytes, pages: int) -> Response:
            if not details:
                return JSONResponse(still.to_dict())
            told = with_details(still, classifier.labels)
            if is_pdf(encoded):
                told["pages"] = pages
            if not encoded.startswith(SHOWN):
                told["picture"] = preview(still.image)
            return JSONResponse(told)

        return await answer(file, model, min_confidence, page, tell)

    async def correct(
        file: Sent,
        box: Annotated[str, Form(pattern=r"^\d{1,6}(,\d{1,6}){3}$", description="x,y,w,h of the digit as read.")],
        label: Annotated[str, Form(max_length=100, description="What it is: one of the model's labels.")],
        model: ModelName = "",
        min_confidence: Confidence = min_confidence,
        page: Page = 1,
    ) -> Response:
        """Save a digit that was misread, under the label that is right."""
        assert collection
        keep = collection

        def tell(still: Still, classifier: Classifier, *_: object) -> Response:
            if label not in classifier.labels:
                return JSONResponse({"error": "the model knows no such label"}, 400)
            x, y, w, h = map(int, box.split(","))
            ink = ink_of(still, Box(x, y, w, h), classifier.labels)
            if ink is None:
                return JSONResponse({"source": still.source, "error": "no digit was read there"}, 404)
            try:
                return JSONResponse({"saved": keep.save(ink, label)}, 201)
            except SinkError as error:
                return JSONResponse({"error": str(error)}, 507)

        return await answer(file, model, min_confidence, page, tell)

    def for_post() -> None:
        raise HTTPException(405, "send it by POST", {"Allow": "POST"})

    def not_collected() -> None:
        raise HTTPException(404, "nothing is collected here; start it as camdigits serve --collect DIR")

    app.get("/api/image", include_in_schema=False)(for_post)  # else it would be looked for among the page's files
    if collection:
        app.get("/api/wrong", include_in_schema=False)(for_post)
        failures = FAILURES | {
            404: {"model": Failure, "description": "No digit was read there"},
            507: {"model": Failure, "description": "It cannot be saved"},
        }
        app.post("/api/wrong", status_code=201, response_model=Saved, responses=failures)(correct)
    else:
        app.api_route("/api/wrong", methods=["GET", "POST"], include_in_schema=False)(not_collected)

    @asynccontextmanager
    async def accepted(socket: WebSocket, kind: str) -> AsyncIterator[bool]:
        """Accept a connection, and say whether there is room for it."""
        await socket.accept()
        if sockets[kind] >= MOST_SOCKETS[kind]:
            await socket.close(1013, "too many are connected; come back later")
            yield False
            return
        sockets[kind] += 1
        try:
            yield True
        finally:
            sockets[kind] -= 1
        with suppress(RuntimeError, WebSocketDisconnect):  # who went, or is let go
            await socket.close()

    @app.websocket("/api/stream")
    async def stream(socket: WebSocket, model: ModelName = "", min_confidence: Confidence = min_confidence) -> None:
        try:
            classifier = await run_in_threadpool(chosen, model)
        except HTTPException as error:
            raise WebSocketException(1008, str(error.detail)) from None
        async with accepted(socket, "stream") as is_in:
            if is_in:
                await follow_camera(socket, app.state.readers, classifier, min_confidence)

    @app.websocket("/api/watch")
    async def show(socket: WebSocket) -> None:
        if not watch:
            raise WebSocketException(1008, "no --source")
        async with accepted(socket, "watch") as is_in:
            if is_in:
                await watch.show(socket)

    app.mount("/", StaticFiles(directory=STATIC, html=True), name="static")
    return app


def picture_name(sent: str | None) -> str:
    """Return the name of a file as its sender calls it, without folders, of characters that can be written."""
    name = (sent or "").replace("\\", "/").rsplit("/", 1)[-1][-200:]
    return name.encode(errors="replace").decode() or "picture"
