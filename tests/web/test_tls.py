"""Encrypted with a certificate of its own, and found by phones."""

import hashlib
import re
import ssl

import cv2
import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from camdigits.web.tls import qr_code
from tests.support.command import SAMPLES
from tests.support.server import serving


def test_serves_encrypted_and_nothing_else() -> None:
    with serving("--tls", "--host", "0.0.0.0") as server:
        assert server.address.startswith("https://")
        certificate = ssl.get_server_certificate(("127.0.0.1", server.port))
        trusting = ssl.create_default_context(cadata=certificate)
        trusting.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        bearer = {"Authorization": f"Bearer {server.token}"}
        for host in ("127.0.0.1", "localhost"):  # the certificate names both
            with httpx.Client(base_url=f"https://{host}:{server.port}", verify=trusting) as browser:
                page = browser.get(f"/?token={server.token}", follow_redirects=True)
                assert page.status_code == 200
                assert browser.get("/api/models").status_code == 200
                (cookie,) = browser.cookies.jar
                assert (cookie.secure, cookie.has_nonstandard_attr("HttpOnly")) == (True, True)
        with connect(server.socket + "/api/stream", ssl=trusting, additional_headers=bearer) as camera:
            camera.send((SAMPLES / "crop-paper.png").read_bytes())
            assert '"text": "7"' in str(camera.recv(5))
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{server.port}/")
    (said,) = server.said
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest().upper()
    assert digest in said.replace(":", "")
    assert "with its token" in said
    assert "nothing is encrypted" not in said


def test_the_qr_code_leads_to_the_page() -> None:
    address = "https://192.168.178.121:8000/?token=Qx-0_abcdefghijklmnopq"
    rows = [re.sub("\x1b.*?m", "", line) for line in qr_code(address).splitlines()]
    blocks = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}
    pixels = [[blocks[sign][half] for sign in row] for row in rows for half in (0, 1)]
    seen = cv2.resize(np.array(pixels, np.uint8) * 255, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
    assert cv2.QRCodeDetector().detectAndDecode(seen)[0] == address
