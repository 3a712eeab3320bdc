"""Host names: which labels a tenant may have as its MyDomain, and whose host a request came to."""

from __future__ import annotations

import functools
import re
from enum import Enum
from urllib.parse import urlsplit

from config.settings import Settings
from tenants.errors import HostInvalid, SlugInvalid, SlugTaken

MAX_HOST_HEADER_CHARACTERS = 260
"""253 of a host name (RFC 1035 2.3.4), a colon and a port, with a little to spare."""

MAX_KNOWN_HOSTS = 2_048
"""Host headers whose reading is kept, at 0.4 KiB each."""

_SERVICE_WORDS = """
    www app apps admin administrator api apis auth authorize login logout signin signout signup register sso slo saml saml2
    idp oauth oauth2 oidc openid scim ldap mfa session sessions token tokens metadata account accounts settings billing
    payment payments dashboard console portal my status health healthz readyz metrics support help docs documentation
    developer developers blog news about legal privacy terms security abuse trust staff internal intranet root system
    sysadmin superuser operator vestibule static assets cdn media images img files download downloads upload uploads
"""
_NETWORK_WORDS = """
    mail email webmail smtp imap pop pop3 mx postmaster hostmaster webmaster noreply no-reply mailer-daemon mta-sts
    autoconfig autodiscover wpad isatap dns ns ns0 ns1 ns2 ns3 ns4 ftp sftp ssh vpn proxy gateway localhost local
    localdomain broadcasthost example invalid dmarc dkim spf domainkey caa acme-challenge well-known
"""
RESERVED_SLUGS: frozenset[str] = frozenset((_SERVICE_WORDS + _NETWORK_WORDS).split())
"""Labels that no customer may have: they would look like the service itself, or mail, DNS and browsers
give them a meaning (RFC 2142, RFC 6761, RFC 8461).

Names with an underscore, such as `_dmarc`, cannot be a MyDomain in the first place. `test`, `demo` and `sandbox` are
left to customers, who ask for them.
"""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST_HEADER = re.compile(r"([a-z0-9.-]{1,253})(?::[0-9]{1,5})?")


class HostKind(Enum):
    """Which of the service's two kinds of host a request came to."""

    APP = "app"
    TENANT = "tenant"


def require_slug(text: str, settings: Settings | None = None) -> str:
    """The MyDomain label that somebody asked for, in lower case (requirement T1).

    Args:
        text: as typed; letters of either case.
        settings: where given, the app host's own label is reserved too.

    Raises:
        SlugInvalid: it cannot be one. So are `xn--…` labels and all others with hyphens in third and fourth place
            (RFC 5890 2.3.1): they show as foreign letters that look like another customer's name.
        SlugTaken: it is reserved.
    """
    slug = text.lower() if text.isascii() else ""
    if not _SLUG.fullmatch(slug):
        raise SlugInvalid(f"{text[:80]!r} cannot be a MyDomain")
    if slug[2:4] == "--":
        raise SlugInvalid(f"{slug!r} would be read as an internationalised name")
    if slug in RESERVED_SLUGS or (settings is not None and _label_of_app(settings) == slug):
        raise SlugTaken(f"{slug!r} is reserved")
    return slug


def read_host(host_header: str, settings: Settings) -> tuple[HostKind, str | None]:
    """Whose host a request came to, with the slug of a tenant host (requirement T2). Ports are not compared.

    Raises:
        HostInvalid: the host is neither the app host nor one label under the tenants' domain.
    """
    return _read_host(host_header, settings.app_url, settings.tenant_url)


@functools.lru_cache(maxsize=MAX_KNOWN_HOSTS)
def _read_host(host_header: str, app_url: str, tenant_url: str) -> tuple[HostKind, str | None]:
    """Refusals are not kept; what is kept does not say whether there is such a tenant."""
    match = _HOST_HEADER.fullmatch(host_header.lower()) if _may_be_host(host_header) else None
    if match is None:
        raise HostInvalid(f"Host {host_header[:80]!r} is not a host name")
    name = match[1]
    app_host, domain = _names_of(app_url, tenant_url)
    if name == app_host:
        return HostKind.APP, None
    label = _label_on(domain, name)
    if label is None:
        raise HostInvalid(f"Host {name!r} is neither the app host nor a tenant host")
    return HostKind.TENANT, label


def _may_be_host(host_header: str) -> bool:
    return len(host_header) <= MAX_HOST_HEADER_CHARACTERS and host_header.isascii()


def _label_of_app(settings: Settings) -> str | None:
    app_host, domain = _names_of(settings.app_url, settings.tenant_url)
    return _label_on(domain, app_host)


def _label_on(domain: str, name: str) -> str | None:
    label, dot, rest = name.partition(".")
    return label if dot and rest == domain and _LABEL.fullmatch(label) else None


@functools.lru_cache(maxsize=16)
def _names_of(app_url: str, tenant_url: str) -> tuple[str, str]:
    app_host = urlsplit(app_url).hostname or ""
    tenant_host = urlsplit(tenant_url.replace("{slug}", "slug")).hostname or ""
    return app_host, tenant_host.removeprefix("slug.")
