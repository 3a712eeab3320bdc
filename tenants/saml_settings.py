"""SAML settings of one identity provider: a value that cannot exist in an invalid form."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from tenants.errors import SettingsInvalid
from tenants.saml_choices import (
    AUTHN_CONTEXT_PREFIX,
    COMPARISONS,
    DIGEST_METHODS,
    NAME_ID_FORMATS,
    NAME_ID_UNSPECIFIED,
    SIGNATURE_METHODS,
)

PROFILE_FIELDS = ("username", "email", "first_name", "last_name", "phone")
MAX_CLASSES = 10
MAX_NAMES = 10
MAX_NAME_LENGTH = 256
MAX_REASON_LENGTH = 500
MAX_CLOCK_SKEW_SECONDS = 300
MAX_URL_LENGTH = 2000
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
"""A name that stands in a query as it is, whatever reads it there."""
_PARAMETERS_OF_SAML = frozenset({"samlrequest", "samlresponse", "samlart", "samlencoding", "relaystate", "sigalg", "signature"})
"""What carries the message itself (SAML Bindings 3.4.4.1); products that know no case know them in lower case, too."""


@dataclass(frozen=True, slots=True)
class AttributeMap:
    """For each field of a profile the attribute names that may carry it, in order of preference."""

    username: tuple[str, ...] = ("uid", "urn:oid:0.9.2342.19200300.100.1.1")
    email: tuple[str, ...] = ("mail", "urn:oid:0.9.2342.19200300.100.1.3")
    first_name: tuple[str, ...] = ("givenName", "urn:oid:2.5.4.42")
    last_name: tuple[str, ...] = ("sn", "urn:oid:2.5.4.4")
    phone: tuple[str, ...] = ("telephoneNumber", "urn:oid:2.5.4.20")


@dataclass(frozen=True, slots=True)
class SHA1Exception:
    """Leave for one identity provider to sign with SHA-1 until a day, for a reason that is on record."""

    until: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class SAMLSettings:
    """How one identity provider is asked, and what its answers must be like (requirements Q2–Q8, V4, V5, V9, V13, P1–P5).

    `authn_context_class_ref` empty: RequestedAuthnContext is left out. `name_id_format` "": NameIDPolicy is left out.
    `idp_login_url` "": sign-in starts with a request of ours; otherwise the page at the identity provider that starts it
    unasked (Q7). `name_id_source`: "NameID", or the name of the attribute that identifies the person. `login_hint_parameter`:
    under which name the identity provider takes the address of whoever is about to sign in; "": it is not told.
    Raises SettingsInvalid with a sentence for each field that is wrong.
    """

    sign_requests: bool = True
    want_assertions_signed: bool = True
    want_messages_signed: bool = False
    authn_context_class_ref: tuple[str, ...] = (AUTHN_CONTEXT_PREFIX + "Password",)
    authn_context_comparison: str = "EXACT"
    require_authn_context: bool = False
    digest_method: str = "http://www.w3.org/2001/04/xmlenc#sha256"
    signature_method: str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    name_id_format: str = NAME_ID_UNSPECIFIED
    name_id_source: str = "NameID"
    attribute_map: AttributeMap = field(default_factory=AttributeMap)
    profile_update: str = "every_login"
    jit_provisioning: bool = True
    allow_idp_initiated: bool = False
    idp_login_url: str = ""
    request_binding: str = "post"
    login_hint_parameter: str = "login_hint"
    force_authn: bool = False
    single_logout: bool = True
    clock_skew_seconds: int = 60
    allow_unsigned_cbc: bool = False
    refuse_expired_certificates: bool = False
    sha1_exception: SHA1Exception | None = None

    def __post_init__(self) -> None:
        errors = dict(_errors_of(self))
        if errors:
            raise SettingsInvalid("; ".join(f"{name}: {text}" for name, text in errors.items()), errors=errors)

    def to_document(self) -> dict[str, Any]:
        """JSON form, as stored and as the API shows it; `settings_from_document` reads it back."""
        document = asdict(self)
        document["authn_context_class_ref"] = list(self.authn_context_class_ref)
        document["attribute_map"] = {name: list(getattr(self.attribute_map, name)) for name in PROFILE_FIELDS}
        if self.sha1_exception:
            document["sha1_exception"] = {
                "until": self.sha1_exception.until.isoformat(),
                "reason": self.sha1_exception.reason,
            }
        return document


def _errors_of(settings: SAMLSettings) -> list[tuple[str, str]]:
    errors: list[tuple[str, str]] = []
    for item in fields(SAMLSettings):
        if item.type == "bool" and not isinstance(getattr(settings, item.name), bool):
            errors.append((item.name, "It is either true or false."))
    if not (settings.want_assertions_signed or settings.want_messages_signed):
        sentence = "One of the two signatures stays required: without any, anyone could sign in as anyone."
        errors += [("want_assertions_signed", sentence), ("want_messages_signed", sentence)]
    errors += _choice_errors(settings)
    errors += _class_errors(settings.authn_context_class_ref)
    errors += _name_errors(settings)
    errors += _login_url_errors(settings)
    errors += _parameter_errors(settings.login_hint_parameter)
    if type(settings.clock_skew_seconds) is not int or not 0 <= settings.clock_skew_seconds <= MAX_CLOCK_SKEW_SECONDS:
        errors.append(("clock_skew_seconds", f"It is a number of seconds from 0 to {MAX_CLOCK_SKEW_SECONDS}."))
    errors += _sha1_exception_errors(settings.sha1_exception)
    return errors


def _sha1_exception_errors(value: SHA1Exception | None) -> list[tuple[str, str]]:
    name = "sha1_exception"
    if value is None:
        return []
    if not isinstance(value, SHA1Exception) or value.until.tzinfo is None:
        return [(name, "It takes until (a date and time in ISO 8601) and reason.")]
    if not 0 < len(value.reason) <= MAX_REASON_LENGTH:
        return [(name, f"An exception needs a reason of at most {MAX_REASON_LENGTH} characters.")]
    return []


def _login_url_errors(settings: SAMLSettings) -> list[tuple[str, str]]:
    url = settings.idp_login_url
    if url == "":
        return []
    if not _is_web_address(url):
        return [("idp_login_url", "It is the address of a page at the identity provider, or blank.")]
    if not settings.allow_idp_initiated:
        return [("idp_login_url", "Sign-in that starts at the identity provider has to be allowed for this.")]
    return []


def _parameter_errors(value: object) -> list[tuple[str, str]]:
    """A hint is whatever stands in anybody's link, so the name that it goes by must be none that means something else."""
    name = "login_hint_parameter"
    if value == "":
        return []
    if not isinstance(value, str) or not _PARAMETER.fullmatch(value):
        return [(name, "It is the name of a parameter: a letter, then letters, digits, dots, hyphens, underscores; or blank.")]
    return [(name, "SAML itself uses this name.")] if value.lower() in _PARAMETERS_OF_SAML else []


def _is_web_address(url: object) -> bool:
    if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not _is_absolute_uri(url, MAX_URL_LENGTH):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is no IPv6 address
        return False
    return bool(parts.hostname) and "@" not in parts.netloc and "#" not in url


def _choice_errors(settings: SAMLSettings) -> list[tuple[str, str]]:
    choices: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("authn_context_comparison", COMPARISONS),
        ("digest_method", tuple(DIGEST_METHODS)),
        ("signature_method", tuple(SIGNATURE_METHODS)),
        ("name_id_format", ("", *NAME_ID_FORMATS)),
        ("profile_update", ("first_login", "every_login")),
        ("request_binding", ("post", "redirect")),
    )
    return [
        (name, "It is one of: " + ", ".join(choice or '""' for choice in allowed) + ".")
        for name, allowed in choices
        if getattr(settings, name) not in allowed
    ]


def _class_errors(classes: tuple[str, ...]) -> list[tuple[str, str]]:
    name = "authn_context_class_ref"
    if not isinstance(classes, tuple) or not all(isinstance(value, str) and _is_absolute_uri(value) for value in classes):
        return [(name, "Each class is a name of SAML 2.0 or an absolute URI, without blanks.")]
    return [(name, f"At most {MAX_CLASSES} classes.")] if len(classes) > MAX_CLASSES else []


def _is_absolute_uri(value: str, limit: int = MAX_NAME_LENGTH) -> bool:
    scheme, colon, rest = value.partition(":")
    return (
        bool(colon and rest and scheme[:1].isalpha() and scheme.replace("+", "").replace(".", "").replace("-", "").isalnum())
        and len(value) <= limit
        and value.isascii()
        and value.isprintable()
        and not any(char in value for char in ' <>"{}|\\^`')
    )


def _name_errors(settings: SAMLSettings) -> list[tuple[str, str]]:
    errors = []
    if not _is_name(settings.name_id_source):
        errors.append(("name_id_source", 'It is "NameID" or the name of an attribute.'))
    attribute_map: object = settings.attribute_map  # whatever came in JSON, if it was no object
    if not isinstance(attribute_map, AttributeMap):
        return [*errors, ("attribute_map", "It names the attributes for each field of a profile.")]
    for field_name in PROFILE_FIELDS:
        names = getattr(attribute_map, field_name)
        if len(names) > MAX_NAMES or not all(_is_name(name) for name in names):
            errors.append(("attribute_map", f"{field_name}: at most {MAX_NAMES} names of attributes."))
    if not attribute_map.email:
        errors.append(("attribute_map", "E-mail needs at least one attribute: without it nobody can sign in."))
    return errors


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH and value.isprintable() and value == value.strip()
