"""Settings from the environment, read once at start and checked before anything listens."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from config.mail_server import mail_server_of, sender_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

KEY_BYTES = 32
MAX_PROXY_HOPS = 8
_LABEL = re.compile("[a-z0-9-]{3,63}")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


DNS_PORT = 53
MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Resolver:
    """A DNS server that look-ups are sent to."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int = DNS_PORT


class SettingsInvalid(Exception):
    """A setting that the service must not start with; the sentence says how to mend it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a deployment decides.

    Args:
        database_url: SQLAlchemy URL, `sqlite:///…` or `postgresql+psycopg://…`.
        app_url: origin of the app host, without a path.
        tenant_url: origin of tenant hosts, with `{slug}` where the MyDomain label stands.
        secret_keys: key id -> 32 bytes; the first one seals, all of them open.
        trusted_proxies: how many reverse proxies stand in front and set `X-Forwarded-*`.
        metadata_allowed_networks: private networks that metadata may be fetched from.
        metadata_directory: folder that server-side metadata files are read from.
        dns_resolvers: whom to ask when an e-mail domain is to be proven by DNS; the system's where there are none.
        smtp_url: mail server, `smtp://` or `smtps://`; without one no mail is sent.
        mail_from: whom mail comes from.
        notice_ca_bundle: certificate authorities that hold beside the system's for the mail server and webhooks.
        webhook_allowed_networks: private networks that webhooks may be sent to.
        directory_allowed_networks: private networks that tenants' directories may be in.
        staff_tenant: MyDomain of the tenant that staff may sign in to the console through.
        breached_passwords: sorted list of SHA-1 hashes of leaked passwords, for new passwords of local accounts.
        rate_limits: False only in test runs.
    """

    secret_keys: Mapping[str, bytes] = field(repr=False)
    database_url: str = field(default="sqlite:///var/vestibule.db", repr=False)
    app_url: str = "http://localhost:8000"
    tenant_url: str = "http://{slug}.localhost:8000"
    trusted_proxies: int = 0
    metadata_allowed_networks: tuple[Network, ...] = ()
    metadata_directory: Path | None = None
    metadata_ca_bundle: Path | None = None
    dns_resolvers: tuple[Resolver, ...] = ()
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = "Vestibule <no-reply@localhost>"
    notice_ca_bundle: Path | None = None
    webhook_allowed_networks: tuple[Network, ...] = ()
    directory_allowed_networks: tuple[Network, ...] = ()
    staff_tenant: str | None = None
    breached_passwords: Path | None = None
    rate_limits: bool = True
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if not self.secret_keys:
            raise SettingsInvalid(HOW_TO_MAKE_KEYS)
        for name, key in self.secret_keys.items():
            if not name or not name.isalnum() or len(key) != KEY_BYTES:
                raise SettingsInvalid(HOW_TO_MAKE_KEYS)
        _require_origin("APP_URL", self.app_url)
        if self.tenant_url.count("{slug}") != 1:
            raise SettingsInvalid("TENANT_URL must contain {slug} exactly once, for example https://{slug}.example.com")
        _require_origin("TENANT_URL", self.tenant_url.replace("{slug}", "slug"))
        if urlsplit(self.tenant_url).netloc.partition(".")[0] != "{slug}":
            raise SettingsInvalid("TENANT_URL must have {slug} as the whole first label of its host name")
        if self.staff_tenant is not None and not _LABEL.fullmatch(self.staff_tenant):
            raise SettingsInvalid("STAFF_TENANT must be the MyDomain of a tenant, for example staff-sso")
        if self.breached_passwords is not None and not self.breached_passwords.is_file():
            raise SettingsInvalid("BREACHED_PASSWORDS must be the path of a file that can be read")
        try:
            sender_of(self.mail_from)
            if self.smtp_url:
                mail_server_of(self.smtp_url)
        except ValueError as error:
            raise SettingsInvalid(str(error)) from None
        if not 0 <= self.trusted_proxies <= MAX_PROXY_HOPS:
            raise SettingsInvalid(f"TRUSTED_PROXIES must be a number from 0 to {MAX_PROXY_HOPS}")

    def tenant_origin(self, slug: str) -> str:
        """The origin of one tenant's MyDomain, built from configuration and never from a request."""
        return self.tenant_url.replace("{slug}", slug)


HOW_TO_MAKE_KEYS = (
    "SECRET_KEYS is missing or wrong. It is a comma-separated list of id:base64-of-32-bytes, the first one active. "
    'Make one with: echo "k1:$(head -c32 /dev/urandom | base64)"'
)


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings, or raise SettingsInvalid with a sentence that says what to mend."""
    return Settings(
        secret_keys=_read_secret_keys(environment.get("SECRET_KEYS", "")),
        database_url=_read_database_url(environment.get("DATABASE_URL") or "sqlite:///var/vestibule.db"),
        app_url=(environment.get("APP_URL") or "http://localhost:8000").rstrip("/"),
        tenant_url=(environment.get("TENANT_URL") or "http://{slug}.localhost:8000").rstrip("/"),
        trusted_proxies=_read_number("TRUSTED_PROXIES", environment.get("TRUSTED_PROXIES") or "0"),
        metadata_allowed_networks=_read_networks(environment.get("METADATA_ALLOWED_NETWORKS", "")),
        metadata_directory=_read_path(environment.get("METADATA_DIRECTORY")),
        metadata_ca_bundle=_read_path(environment.get("METADATA_CA_BUNDLE")),
        dns_resolvers=_read_resolvers(environment.get("DNS_RESOLVERS", "")),
        smtp_url=environment.get("SMTP_URL") or None,
        mail_from=environment.get("MAIL_FROM") or "Vestibule <no-reply@localhost>",
        notice_ca_bundle=_read_path(environment.get("NOTICE_CA_BUNDLE")),
        webhook_allowed_networks=_read_networks(environment.get("WEBHOOK_ALLOWED_NETWORKS", ""), "WEBHOOK_ALLOWED_NETWORKS"),
        directory_allowed_networks=_read_networks(
            environment.get("DIRECTORY_ALLOWED_NETWORKS", ""), "DIRECTORY_ALLOWED_NETWORKS"
        ),
        staff_tenant=environment.get("STAFF_TENANT") or None,
        breached_passwords=_read_path(environment.get("BREACHED_PASSWORDS")),
        rate_limits=environment.get("RATE_LIMITS", "on").lower() != "off",
        log_level=_read_log_level((environment.get("LOG_LEVEL") or "INFO").upper()),
    )


def _read_secret_keys(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, encoded = part.partition(":")
        if name in keys:
            raise SettingsInvalid(f"SECRET_KEYS names the key {name[:40]!r} twice; each one needs an id of its own.")
        try:
            keys[name] = base64.b64decode(encoded, validate=True)
        except ValueError:  # of which binascii.Error is one
            raise SettingsInvalid(HOW_TO_MAKE_KEYS) from None
    return keys


def _read_database_url(url: str) -> str:
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    if not url.startswith(("sqlite:", "postgresql+psycopg:")):
        raise SettingsInvalid("DATABASE_URL must begin with sqlite:/// or postgresql://")
    path = url.removeprefix("sqlite:///")
    if path == url or not path or path.startswith((":memory:", "file:")):
        return url
    # Relative means here, where the process starts, for everything that opens it (Flask-SQLAlchemy has a folder of its own).
    return f"sqlite:///{Path(path).absolute()}"


def _read_log_level(text: str) -> str:
    if text not in LOG_LEVELS:
        raise SettingsInvalid(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    return text


def _read_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SettingsInvalid(f"{name} must be a whole number") from None


def _read_networks(text: str, name: str = "METADATA_ALLOWED_NETWORKS") -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsInvalid(f"{name}: {error}") from None


def _read_resolvers(text: str) -> tuple[Resolver, ...]:
    return tuple(_read_resolver(part.strip()) for part in text.split(",") if part.strip())


def _read_resolver(text: str) -> Resolver:
    """`192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`."""
    try:
        if text.startswith("["):
            host, closed, port = text[1:].partition("]")
            if not closed or (port and not port.startswith(":")):
                raise ValueError("a bracket without its other half")
            port = port.removeprefix(":")
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        else:
            host, port = text, ""
        resolver = Resolver(ipaddress.ip_address(host), int(port) if port else DNS_PORT)
    except ValueError:
        resolver = None
    if resolver is None or not 0 < resolver.port <= MAX_PORT:
        raise SettingsInvalid(f"DNS_RESOLVERS: {text[:60]!r} is not an IP address, or one with a port such as 192.0.2.1:5353")
    return resolver


def _read_path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _require_origin(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    rest = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not host or rest or not url.isascii():
        raise SettingsInvalid(f"{name} must be an origin such as https://login.example.com, without a path")
