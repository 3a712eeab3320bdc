"""Settings of one directory: a value that cannot exist in an invalid form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cryptography import x509

from tenants.directories.filters import DN, USERNAME, FilterInvalid, require_filter
from tenants.directories.urls import DirectoryURL, URLInvalid, directory_url
from tenants.directory_attributes import ATTRIBUTE, GROUPS, SECRET
from tenants.errors import SettingsInvalid
from tenants.saml_settings import PROFILE_FIELDS, AttributeMap

SCOPES = ("subtree", "one_level")
PROFILE_UPDATES = ("first_login", "every_login")
MAX_URLS = 3
MAX_DN = 1000
MAX_NAMES = 10
MAX_RULE_ATTRIBUTES = 20
MAX_CA_CHARACTERS = 64 * 1024
MIN_SYNC_HOURS, MAX_SYNC_HOURS = 1, 168
DEFAULT_MAP = AttributeMap(("uid",), ("mail",), ("givenName",), ("sn",), ("telephoneNumber",))
AD_DISABLED = "(userAccountControl:1.2.840.113556.1.4.803:=2)"
"""Accounts that are switched off in Active Directory (ADS_UF_ACCOUNTDISABLE)."""


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where a directory is, how people are found there, and what is made of them.

    Args:
        urls: tried in their order; ldaps://, or ldap:// with StartTLS.
        ca_certificates: PEM of whom to trust; "" means the system's authorities.
        user_filter: finds one person; `{username}` stands for what they typed.
        subject_attribute: what a person is known by for ever; never the e-mail.
        group_attribute: of a person's entry, such as memberOf; "" means none.
        group_filter: finds the groups of a person, whose name stands in it as `{dn}`; "" means that none are looked for.
        placed_by: what rules of placement ask for besides; no part of the document, since rules are rows of their own.
        disabled_filter: finds accounts that are switched off; they neither sign in nor stay.
        sync_filter: finds everybody for the sync; "" makes it of `user_filter`.
        sync_hours: None: it is not synchronised by itself.
        max_gone_percent: where more of its people than this seem to be gone, nothing is done.

    Raises:
        SettingsInvalid: with a sentence for each field that is wrong.
    """

    urls: tuple[str, ...]
    base_dn: str
    bind_dn: str = ""
    ca_certificates: str = ""
    user_filter: str = "(&(objectClass=person)(uid={username}))"
    scope: str = "subtree"
    subject_attribute: str = "entryUUID"
    attribute_map: AttributeMap = field(default_factory=lambda: DEFAULT_MAP)
    group_attribute: str = ""
    group_base_dn: str = ""
    group_filter: str = ""
    rule_attributes: tuple[str, ...] = ()
    placed_by: tuple[str, ...] = ()
    disabled_filter: str = ""
    sync_filter: str = ""
    sync_hours: int | None = None
    max_gone_percent: int = 20
    jit_provisioning: bool = True
    profile_update: str = "every_login"

    def __post_init__(self) -> None:
        errors = _errors_of(self)
        if errors:
            raise SettingsInvalid("; ".join(f"{name}: {text}" for name, text in errors.items()), errors=errors)

    @property
    def servers(self) -> tuple[DirectoryURL, ...]:
        """The URLs, read."""
        return tuple(directory_url(url) for url in self.urls)

    @property
    def everybody(self) -> str:
        """The filter of the sync."""
        return self.sync_filter or self.user_filter.replace(USERNAME, "*")

    def asked_attributes(self) -> list[str]:
        """What is asked of an entry: nothing that is not needed."""
        mapped = [name for item in PROFILE_FIELDS for name in getattr(self.attribute_map, item)]
        rules = [name for name in self.placed_by if name != GROUPS]
        names = [self.subject_attribute, *mapped, *self.rule_attributes, *rules, self.group_attribute]
        return list(dict.fromkeys(name for name in names if name))

    def to_document(self) -> dict[str, Any]:
        """JSON form, as stored and as the API shows it."""
        document = asdict(self)
        del document["placed_by"]
        document["attribute_map"] = {name: list(getattr(self.attribute_map, name)) for name in PROFILE_FIELDS}
        lists = {name: list(getattr(self, name)) for name in ("urls", "rule_attributes")}
        return document | lists


def directory_settings_of(document: Mapping[str, Any]) -> DirectorySettings:
    """Build settings from their JSON form, of the API or of the database.

    Raises:
        SettingsInvalid
    """
    known = {item.name for item in fields(DirectorySettings)} - {"placed_by"}
    unknown = sorted(str(name) for name in document if name not in known)
    if unknown:
        raise SettingsInvalid("unknown fields", errors=dict.fromkeys(unknown, "There is no such setting."))
    missing = [name for name in ("urls", "base_dn") if name not in document]
    if missing:
        raise SettingsInvalid("missing fields", errors=dict.fromkeys(missing, "It is needed."))
    values = dict(document)
    for name in ("urls", "rule_attributes"):
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    if isinstance(values.get("attribute_map"), Mapping):
        values["attribute_map"] = _map_of(values["attribute_map"])
    return DirectorySettings(**values)


def _map_of(document: Mapping[str, Any]) -> AttributeMap | Mapping[str, Any]:
    """What is no map of names comes back as it is, to be refused by the value's own check."""
    names = {name: (found,) if isinstance(found, str) else tuple(found or ()) for name, found in document.items()}
    if not set(names) <= set(PROFILE_FIELDS):
        return document
    return AttributeMap(**{name: names.get(name, getattr(DEFAULT_MAP, name)) for name in PROFILE_FIELDS})


def _errors_of(settings: DirectorySettings) -> dict[str, str]:
    errors = {name: text for name, check in _CHECKS.items() if (text := check(getattr(settings, name)))}
    if not errors and (secret := next((name for name in settings.asked_attributes() if SECRET.search(name)), None)):
        errors["rule_attributes"] = f"{secret} holds what people sign in with, and is not read."
    if not errors and (settings.group_filter == "") != (settings.group_base_dn == ""):
        errors["group_filter"] = "A search for groups takes a filter and where to search; name both, or neither."
    if not errors and not settings.sync_filter and settings.everybody.count("*") != settings.user_filter.count(USERNAME):
        errors["sync_filter"] = "The filter of a person has a * of its own; say here how everybody is found."
    return errors


def _urls(value: object) -> str:
    if not isinstance(value, tuple) or not 1 <= len(value) <= MAX_URLS:
        return f"It takes 1 to {MAX_URLS} addresses."
    try:
        for url in value:
            directory_url(str(url))
    except URLInvalid as error:
        return f"{str(url)[:80]}: {error}."
    return ""


def _dn(value: object) -> str:
    """Printable and bounded; whether it is a name is for the directory to say."""
    if not isinstance(value, str) or len(value) > MAX_DN or (value and not value.isprintable()):
        return f"It is a distinguished name such as ou=people,dc=example,dc=com, of at most {MAX_DN} characters."
    return "" if not value or "=" in value else "It is a distinguished name such as ou=people,dc=example,dc=com."


def _needed_dn(value: object) -> str:
    return _dn(value) or ("" if value else "It is needed: where people are searched.")


def _authorities(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_CA_CHARACTERS:
        return f"It is PEM, of at most {MAX_CA_CHARACTERS} characters."
    if "PRIVATE KEY" in value:
        return "This holds a private key; it takes certificates alone."
    try:
        return "" if value == "" or x509.load_pem_x509_certificates(value.encode()) else "There is no certificate in it."
    except ValueError:
        return "It is certificates in PEM form (-----BEGIN CERTIFICATE-----)."


def _filter(place: str | None, *, needed: bool = False) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            return "It is a search filter."
        if value == "":
            return "It is needed." if needed else ""
        try:
            require_filter(value, place=place)
        except FilterInvalid as error:
            return f"This is no search filter: {error}."
        return ""

    return check


def _attribute(*, needed: bool) -> Callable[[object], str]:
    def check(value: object) -> str:
        fits = isinstance(value, str) and (ATTRIBUTE.fullmatch(value) is not None or (value == "" and not needed))
        return "" if fits else "It is the name of an attribute, such as entryUUID."

    return check


def _attributes(value: object) -> str:
    fits = isinstance(value, tuple) and len(value) <= MAX_RULE_ATTRIBUTES
    if fits and all(isinstance(name, str) and ATTRIBUTE.fullmatch(name) for name in value):  # type: ignore[attr-defined]
        return ""
    return f"At most {MAX_RULE_ATTRIBUTES} names of attributes."


def _attribute_map(value: object) -> str:
    if not isinstance(value, AttributeMap):
        return "It names the attributes for each field of a profile."
    for name in PROFILE_FIELDS:
        found = getattr(value, name)
        if len(found) > MAX_NAMES or not all(isinstance(item, str) and ATTRIBUTE.fullmatch(item) for item in found):
            return f"{name}: at most {MAX_NAMES} names of attributes."
    return "" if value.email else "E-mail needs at least one attribute: without it nobody can sign in."


def _one_of(*choices: str) -> Callable[[object], str]:
    return lambda value: "" if value in choices else "It is one of: " + ", ".join(choices) + "."


def _hours(value: object) -> str:
    fits = value is None or (type(value) is int and MIN_SYNC_HOURS <= value <= MAX_SYNC_HOURS)
    return "" if fits else f"It is a number of hours from {MIN_SYNC_HOURS} to {MAX_SYNC_HOURS}, or nothing."


def _percent(value: object) -> str:
    return "" if type(value) is int and 0 <= value <= 100 else "It is a number from 0 to 100."


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "It is either true or false."


_CHECKS: Mapping[str, Callable[[object], str]] = {
    "urls": _urls,
    "base_dn": _needed_dn,
    "bind_dn": _dn,
    "ca_certificates": _authorities,
    "user_filter": _filter(USERNAME, needed=True),
    "scope": _one_of(*SCOPES),
    "subject_attribute": _attribute(needed=True),
    "attribute_map": _attribute_map,
    "group_attribute": _attribute(needed=False),
    "group_base_dn": _dn,
    "group_filter": _filter(DN),
    "rule_attributes": _attributes,
    "disabled_filter": _filter(None),
    "sync_filter": _filter(None),
    "sync_hours": _hours,
    "max_gone_percent": _percent,
    "jit_provisioning": _flag,
    "profile_update": _one_of(*PROFILE_UPDATES),
}
