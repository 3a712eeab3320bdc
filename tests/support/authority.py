"""A certificate authority of a test run, and servers' certificates that it vouches for."""

from __future__ import annotations

import atexit
import datetime as dt
import ipaddress
import shutil
import ssl
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test run, with a file that can be trusted."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def bundle(self) -> Path:
        """The authority's certificate in a file."""
        return self.folder / "authority.pem"

    def context_for(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """A server's TLS context with a certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        builder = _builder(names[0], self.certificate.subject, now - dt.timedelta(days=1 if expired else 0))
        alternatives = [_general_name(name) for name in names]
        certificate = (
            builder.public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{x509.random_serial_number()}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def make_authority(folder: Path) -> Authority:
    """A new certificate authority that nobody trusts by default."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = f"Authority {folder.name}"  # two of one name are taken for each other
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    certificate = (
        _builder(called, name, dt.datetime.now(dt.UTC))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(key, certificate, folder)
    authority.bundle.write_bytes(certificate.public_bytes(Encoding.PEM))
    return authority


def _builder(subject: str, issuer: x509.Name, now: dt.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=2))
        .not_valid_after(now + dt.timedelta(hours=2))
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def loopback_authority() -> tuple[Path, ssl.SSLContext]:
    """Whom servers on the loopback can be trusted by, as a file, and what they serve with; one of each process."""
    folder = Path(tempfile.mkdtemp(prefix="vestibule-authority-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    authority = make_authority(folder)
    return authority.bundle, authority.context_for("127.0.0.1", "localhost")
