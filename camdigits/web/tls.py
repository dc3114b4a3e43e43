"""A certificate for one run, made by this machine for itself, and the address as a QR code to point a phone at."""

import ssl
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import cv2
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from camdigits.web.guard import is_address

DAYS = 30
"""For which the certificate holds; the next run makes another."""

WHITE_ON_BLACK, PLAIN = "\x1b[38;5;231;48;5;16m", "\x1b[0m"


def encrypted(hosts: Collection[str]) -> tuple[ssl.SSLContext, str]:
    """Return a context that serves these hosts, and the fingerprint of its certificate, for people to compare."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camdigits")])
    names = [x509.IPAddress(ip_address(host)) if is_address(host) else x509.DNSName(host) for host in sorted(hosts)]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem, no = serialization.Encoding.PEM, serialization.NoEncryption()
    chain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no) + certificate.public_bytes(pem)
    with tempfile.TemporaryDirectory() as folder:  # Python takes it from a file only; nobody else can read this folder
        path = Path(folder) / "certificate.pem"
        path.write_bytes(chain)
        context.load_cert_chain(path)
    digest = sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    return context, ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def qr_code(text: str) -> str:
    """Return a QR code as lines of half blocks, dark on light in a terminal of any colours."""
    code = cv2.QRCodeEncoder.create().encode(text) > 0
    code = np.pad(code, 2, constant_values=True)
    if len(code) % 2:
        code = np.pad(code, ((0, 1), (0, 0)), constant_values=True)
    signs = np.array([[" ", "▄"], ["▀", "█"]])[code[::2].astype(int), code[1::2].astype(int)]
    return "\n".join(f"{WHITE_ON_BLACK}{''.join(row)}{PLAIN}" for row in signs)
