"""A real identity provider: Debian's SimpleSAMLphp under PHP's own web server, for one test process.

    idp = start_simplesamlphp(folder)
    idp.register(ServiceProvider(sp_metadata_xml, sign_response=False))
    answer = sign_in(requests.Session(), redirect_url, "alice")
    requests.post(answer.action, data=answer.fields)
    idp.stop()
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import requests
from lxml import html

from tests.support.keys import certificate_of, certificate_pem, private_pem, rsa_key
from tests.support.processes import Running, free_port, start

CONFIG = Path(__file__).with_name("simplesamlphp_config")
FORMATS = {
    "persistent": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "transient": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
    "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "unspecified": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
}
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
ATTRIBUTE_FILTERS: Mapping[str, Sequence[str]] = {
    "basic": (),
    "oid": ("name2oid",),
    "both": ("name2oid", "%duplicate"),
}
KNOWN_FIELDS = {"SAMLResponse", "SAMLRequest", "password"}
MAX_STEPS = 5
SECONDS = 60

PEOPLE: Mapping[str, Mapping[str, str]] = {
    "alice": {
        "uid": "alice",
        "givenName": "Alice",
        "sn": "Anderson",
        "mail": "alice@acme.test",
        "telephoneNumber": "+41 44 000 00 01",
    },
    "bob": {"uid": "bob", "givenName": 'Böb <&> "Q"', "sn": "Müller-Żółć", "mail": "bob.mueller@acme.test"},
    "carol": {"uid": "carol", "givenName": "Carol", "sn": "Outsider", "mail": "carol@elsewhere.test"},
    "dave": {"uid": "dave", "givenName": "Dave", "sn": "Upper", "mail": "Dave.Upper@ACME.TEST"},
    "erin": {"uid": "erin", "givenName": "Erin", "sn": "Globe", "mail": "erin@globex.test"},
}
"""alice has everything; bob is not ASCII and has no telephone; carol's domain is nobody's; dave's address is in capitals;
erin belongs to globex. The password of each is the user name."""


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """A service provider as the identity provider's administrator enters it.

    Args:
        metadata: its SAML metadata.
        encrypt: encrypt assertions, which this version does with AES-128-CBC and RSA-OAEP and nothing else.
        name_id_format: what it gets when its request names none; a key of FORMATS.
        attribute_names: `basic`, `oid` or `both`.
        validate_requests: refuse its requests unless they are signed by a key of its metadata.
    """

    metadata: bytes
    sign_assertion: bool = True
    sign_response: bool = True
    encrypt: bool = False
    encrypt_name_id: bool = False
    name_id_format: str = "persistent"
    attribute_names: str = "basic"
    validate_requests: bool = True
    signature_algorithm: str = RSA_SHA256


@dataclass(frozen=True, slots=True)
class SimpleSAMLphp:
    """A running SimpleSAMLphp. `base` ends with a slash."""

    base: str
    folder: Path
    running: Running
    registered: dict[str, Any] = field(default_factory=dict)

    @property
    def entity_id(self) -> str:
        """Where its metadata is, too."""
        return f"{self.base}saml2/idp/metadata.php"

    def metadata(self) -> str:
        """Its metadata as anybody may fetch it."""
        answer = requests.get(self.entity_id, timeout=SECONDS)
        answer.raise_for_status()
        return answer.text

    def register(self, provider: ServiceProvider) -> str:
        """Make it know a service provider, or know it otherwise than before, at once; gives its entity ID."""
        script = ["php", str(CONFIG / "read_service_provider.php")]
        environment = _environment(self.folder)
        done = subprocess.run(script, input=provider.metadata, stdout=subprocess.PIPE, env=environment, check=True)
        read = json.loads(done.stdout)
        self.registered[read["id"]] = read["sp"] | _options(provider)
        _write(self.folder / "service_providers.json", self.registered)
        entity_id: str = read["id"]
        return entity_id

    def add_person(self, name: str, mail: str, **more: str) -> None:
        """Give it one more person, at once; the password is the name. `more` are further attributes."""
        path = self.folder / "people.json"
        facts = {"uid": name, "givenName": name.title(), "sn": "Example", "mail": mail} | more
        _write(path, json.loads(path.read_text()) | {f"{name}:{name}": facts})

    def start_url(self, sp_entity_id: str, relay_state: str | None = None) -> str:
        """Where a person starts at the identity provider, without having been at the service before."""
        query = {"spentityid": sp_entity_id} | ({"RelayState": relay_state} if relay_state is not None else {})
        return f"{self.base}saml2/idp/SSOService.php?{urlencode(query)}"

    def log(self) -> str:
        """What it wrote about the last requests, for the message of a failing test."""
        path = self.folder / "log" / "simplesamlphp.log"
        return (path.read_text(errors="replace") if path.exists() else "")[-4_000:]

    def stop(self) -> None:
        """End it."""
        self.running.stop(seconds=2)


def start_simplesamlphp(
    folder: Path, people: Mapping[str, Mapping[str, str]] = PEOPLE, *, logout_type: str = "traditional"
) -> SimpleSAMLphp:
    """Start one in a folder of its own, on a free port of 127.0.0.1.

    Args:
        logout_type: `traditional`, one service after the other; or `iframe`, all of them in frames of its own page.

    Raises:
        NotStarted: it did not come up; the end of its log is in the message.
    """
    if not Path("/usr/share/simplesamlphp/www").is_dir() or not shutil.which("php"):
        raise RuntimeError("SimpleSAMLphp is not installed: apt-get install simplesamlphp php-cli php-xml php-mbstring")
    for name in ("cert", "log", "data", "tmp", "sessions"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    base = f"http://127.0.0.1:{port}/simplesaml/"
    key = rsa_key("simplesamlphp")
    (folder / "cert" / "idp.key").write_bytes(private_pem(key))
    (folder / "cert" / "idp.crt").write_text(certificate_pem(certificate_of(key, "SimpleSAMLphp")))
    _write(folder / "service_providers.json", {})
    _write(folder / "people.json", {f"{name}:{name}": facts for name, facts in people.items()})
    _write(
        folder / "idp.json",
        {
            "base": base,
            "entity_id": f"{base}saml2/idp/metadata.php",
            "salt": secrets.token_hex(16),
            "admin_password": secrets.token_hex(16),
            "name_id_formats": FORMATS,
            "logout_type": logout_type,
        },
    )
    command: list[str | Path] = ["php", "-d", "opcache.enable=0", "-S", f"127.0.0.1:{port}", CONFIG / "router.php"]
    running = start(command, log=folder / "server.log", folder=folder, environment=_environment(folder))
    idp = SimpleSAMLphp(base, folder, running)
    try:
        running.wait_until(lambda: _answers(idp), seconds=SECONDS)
    except BaseException:
        idp.stop()
        raise
    return idp


@dataclass(frozen=True, slots=True)
class Answer:
    """The form that the identity provider has the browser post to us."""

    action: str
    fields: dict[str, str]

    @property
    def saml_response(self) -> str:
        """As it stands in the form."""
        return self.fields["SAMLResponse"]

    @property
    def relay_state(self) -> str | None:
        """As it stands in the form."""
        return self.fields.get("RelayState")


class NoAnswer(RuntimeError):
    """The identity provider showed a page without an answer; its text is the message."""


def sign_in(
    browser: requests.Session, url: str, person: str, fields: Mapping[str, str] | None = None, *, password: str | None = None
) -> Answer:
    """Go to the identity provider and sign in there, like a person whose browser runs no script.

    Args:
        browser: keeps the cookies; a second sign-in with it meets the identity provider's own session.
        url: where our page sends the browser; with `fields`, they are posted there.

    Raises:
        NoAnswer: the identity provider refused.
    """
    page = browser.post(url, data=fields, timeout=SECONDS) if fields else browser.get(url, timeout=SECONDS)
    for _ in range(MAX_STEPS):
        form = _form_of(page)
        values = {name: str(value or "") for name, value in form.form_values()}
        action = urljoin(page.url, form.action or "")
        if "SAMLResponse" in values:
            return Answer(action, values)
        if "password" in form.fields:
            if values.get("username"):
                raise NoAnswer("the identity provider did not take the password")
            values |= {"username": person, "password": person if password is None else password}
        page = browser.post(action, data=values, timeout=SECONDS)
    raise NoAnswer(f"no answer after {MAX_STEPS} pages")


def _form_of(page: requests.Response) -> html.FormElement:
    document: Any = html.document_fromstring(page.content)
    forms: list[html.FormElement] = [form for form in document.forms if KNOWN_FIELDS & set(form.fields.keys())]
    if page.status_code != 200 or not forms:
        raise NoAnswer(f"{page.status_code} {' '.join(document.text_content().split())[:2_000]}")
    return forms[0]


def _options(provider: ServiceProvider) -> dict[str, Any]:
    uri = "uri" if provider.attribute_names != "basic" else "basic"
    options: dict[str, Any] = {
        "saml20.sign.assertion": provider.sign_assertion,
        "saml20.sign.response": provider.sign_response,
        "signature.algorithm": provider.signature_algorithm,
        "assertion.encryption": provider.encrypt,
        "nameid.encryption": provider.encrypt_name_id,
        "NameIDFormat": FORMATS[provider.name_id_format],
        "validate.authnrequest": provider.validate_requests,
        "validate.logout": provider.validate_requests,
        "attributes.NameFormat": f"urn:oasis:names:tc:SAML:2.0:attrname-format:{uri}",
    }
    if filters := ATTRIBUTE_FILTERS[provider.attribute_names]:
        options["authproc"] = {"60": {"class": "core:AttributeMap"} | {str(n): name for n, name in enumerate(filters)}}
    return options


def _answers(idp: SimpleSAMLphp) -> bool:
    try:
        return "EntityDescriptor" in idp.metadata()
    except requests.RequestException:
        return False


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "IDP_FOLDER": str(folder),
        "SIMPLESAMLPHP_CONFIG_DIR": str(CONFIG),
        "PHP_CLI_SERVER_WORKERS": "3",
    }


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    """Replace a file in one piece: the identity provider may be reading it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(facts))
    fresh.replace(path)
