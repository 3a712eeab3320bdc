"""A real directory: Debian's slapd on the loopback, with TLS by an authority of its own, for one test process."""

from __future__ import annotations

import datetime as dt
import io
import ipaddress
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ldap
import ldap.dn
import ldap.modlist
import ldif
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support.keys import certificate_pem, private_pem, rsa_key
from tests.support.processes import Running, free_port, start

BASE = "dc=acme,dc=test"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
ROOT, ROOT_PASSWORD = f"cn=root,{BASE}", "root-password"
SERVICE, SERVICE_PASSWORD = f"cn=vestibule,{BASE}", "service-password"
SECONDS = 60
SLAPD = Path("/usr/sbin/slapd")
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.1 NAME 'adAccount' AUXILIARY MAY ( userAccountControl $ objectGUID $ sAMAccountName ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
allow bind_anon_dn
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
sizelimit {size_limit}
database mdb
suffix "{base}"
directory {folder}/db
maxsize 104857600
dbnosync
rootdn "{root}"
rootpw {root_password}
limits dn.exact="{service}" size.prtotal=unlimited size.pr=1000 size=1000
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by users read by anonymous auth
"""


@dataclass(frozen=True, slots=True)
class Slapd:
    """A running slapd. `authority` is the PEM of the authority that its certificate is by."""

    folder: Path
    running: Running
    port: int
    tls_port: int
    authority: str

    @property
    def ldaps(self) -> str:
        """With TLS from the beginning."""
        return f"ldaps://localhost:{self.tls_port}"

    @property
    def starttls(self) -> str:
        """With TLS by StartTLS."""
        return f"ldap://localhost:{self.port}"

    def settings(self, **changes: object) -> dict[str, object]:
        """Settings of a directory that is this one, in the form of the API."""
        good: dict[str, object] = {
            "urls": [self.ldaps],
            "ca_certificates": self.authority,
            "base_dn": PEOPLE,
            "bind_dn": SERVICE,
        }
        return good | changes

    def add(self, name: str, *, container: str = PEOPLE, **attributes: Sequence[str] | str | bytes) -> str:
        """Give it a person, whose password is their name with `-password` behind it; gives their DN."""
        dn, values = person(name, container, attributes)
        with self._root() as root:
            root.add_s(dn, ldap.modlist.addModlist(values))
        return dn

    def change(self, dn: str, **attributes: Sequence[str] | str | bytes) -> None:
        """Set attributes of an entry; an empty list removes one."""
        with self._root() as root:
            root.modify_s(dn, [(ldap.MOD_REPLACE, name, _octets(value) or None) for name, value in attributes.items()])

    def add_group(self, name: str, members: Sequence[str]) -> str:
        """Give it a group."""
        dn = f"cn={name},{GROUPS}"
        values = {"objectClass": [b"groupOfNames"], "cn": [name.encode()], "member": [dn_.encode() for dn_ in members]}
        with self._root() as root:
            root.add_s(dn, ldap.modlist.addModlist(values))
        return dn

    def remove(self, dn: str) -> None:
        """Take an entry away."""
        with self._root() as root:
            root.delete_s(dn)

    def stop(self) -> None:
        """End it."""
        self.running.stop(seconds=2)

    def _root(self) -> Root:
        return Root(f"ldap://127.0.0.1:{self.port}")


class Root:
    """Somebody who may change everything; in the clear, on the loopback."""

    def __init__(self, url: str) -> None:
        self._handle = ldap.initialize(url)
        self._handle.simple_bind_s(ROOT, ROOT_PASSWORD)

    def __enter__(self) -> ldap.ldapobject.LDAPObject:
        return self._handle

    def __exit__(self, *_: object) -> None:
        self._handle.unbind_s()


def start_slapd(folder: Path, people: Sequence[str] = (), *, size_limit: int = 500) -> Slapd:
    """Start one with its two containers, the service's account and these people."""
    if not SLAPD.exists():
        raise RuntimeError("slapd is not installed: apt-get install slapd ldap-utils")
    (folder / "db").mkdir(parents=True)
    authority, leaf = authority_and_leaf(["localhost"])
    (folder / "ca.pem").write_text(certificate_pem(authority))
    (folder / "server.pem").write_text(certificate_pem(leaf))
    (folder / "server.key").write_bytes(private_pem(rsa_key("slapd")))
    facts = {"root": ROOT, "root_password": ROOT_PASSWORD, "service": SERVICE, "base": BASE, "size_limit": size_limit}
    (folder / "slapd.conf").write_text(CONFIGURATION.format(folder=folder, **facts))
    tree = [(BASE, {"objectClass": ["dcObject", "organization"], "dc": ["acme"], "o": ["Acme"]})]
    tree += [(dn, {"objectClass": ["organizationalUnit"], "ou": [dn.split(",")[0][3:]]}) for dn in (PEOPLE, GROUPS)]
    service = {"objectClass": ["organizationalRole", "simpleSecurityObject"], "cn": ["vestibule"]}
    tree.append((SERVICE, service | {"userPassword": [SERVICE_PASSWORD]}))
    text = "".join(_ldif(dn, {name: _octets(value) for name, value in values.items()}) for dn, values in tree)
    text += "".join(_ldif(*person(name, PEOPLE, {})) for name in people)
    subprocess.run(
        ["/usr/sbin/slapadd", "-q", "-f", folder / "slapd.conf"], input=text.encode(), check=True, capture_output=True
    )
    port, tls_port = free_port(), free_port()
    addresses = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"
    command: list[str | Path] = [SLAPD, "-d", "0", "-h", addresses, "-f", folder / "slapd.conf"]
    running = start(command, log=folder / "log", folder=folder)
    slapd = Slapd(folder, running, port, tls_port, certificate_pem(authority))
    try:
        running.wait_until(lambda: _answers(port), seconds=SECONDS)
    except BaseException:
        slapd.stop()
        raise
    return slapd


def person(
    name: str, container: str, attributes: Mapping[str, Sequence[str] | str | bytes]
) -> tuple[str, dict[str, list[bytes]]]:
    """An entry of a person."""
    values: dict[str, Sequence[str] | str | bytes] = {
        "objectClass": ["inetOrgPerson", "adAccount"],
        "uid": name,
        "cn": name,
        "sn": "Example",
        "givenName": name.title(),
        "mail": f"{name}@acme.test",
        "userPassword": f"{name}-password",
        "userAccountControl": "512",
        "objectGUID": uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes_le,
    }
    merged = {key: _octets(value) for key, value in (values | dict(attributes)).items()}
    return f"uid={ldap.dn.escape_dn_chars(name)},{container}", {key: value for key, value in merged.items() if value}


def authority_and_leaf(names: Sequence[str]) -> tuple[x509.Certificate, x509.Certificate]:
    """An authority, and a server's certificate of these names by it, for the key `slapd`."""
    key, own = rsa_key("slapd-authority"), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme directory authority")])
    limits = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    named = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = _certificate(own, own, key.public_key()).add_extension(limits, True).add_extension(usage, True)
    authority = builder.add_extension(named, False).sign(key, hashes.SHA256())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
    subject_names = x509.SubjectAlternativeName([_general(name) for name in names])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    leaf = _certificate(subject, own, rsa_key("slapd").public_key()).add_extension(subject_names, False)
    return authority, leaf.add_extension(issuer, False).sign(key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
    )


def _ldif(dn: str, values: Mapping[str, Sequence[bytes]]) -> str:
    output = io.StringIO()
    ldif.LDIFWriter(output).unparse(dn, {name: list(found) for name, found in values.items()})
    return output.getvalue()


def _octets(value: Sequence[str] | str | bytes) -> list[bytes]:
    if isinstance(value, bytes):
        return [value]
    return [item.encode() for item in ([value] if isinstance(value, str) else value)]


def _answers(port: int) -> bool:
    try:
        Root(f"ldap://127.0.0.1:{port}").__exit__()
    except ldap.SERVER_DOWN:
        return False
    return True
