"""The one door to python-ldap: a directory is opened, signed in to and searched; its answers are bounded and not believed.

Nothing of libldap's configuration counts: it connects to nothing (tenants.directories.transport does), follows no referral,
dereferences no alias, and reads no ldap.conf that could say otherwise.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from config.settings import Settings
from tenants.directories.entries import Entry, entry_of
from tenants.directories.errors import DirectoryFault, Stage, SupportMissing
from tenants.directories.settings import DirectorySettings
from tenants.directories.transport import Link, linked
from tenants.directories.urls import DirectoryURL
from tenants.metadata_addresses import Address, Resolver, addresses_of, is_listed, system_resolver, why_closed
from tenants.metadata_errors import FetchRefused

try:
    import ldap
    from ldap.controls import PyAsn1Error, SimplePagedResultsControl
except ImportError:  # the extra `ldap` is not installed
    ldap = None

CONNECT_SECONDS = 3.0
"""For the look-up of the name, the connection and TLS together, of each URL."""
OPERATION_SECONDS = 5.0
MAX_ADDRESSES = 4
SIGN_IN_OCTETS = 1024 * 1024
PAGE_OCTETS = 32 * 1024 * 1024
PAGE_SIZE = 500
MAX_PAGES = 1000
"""Half a million people of one directory."""
_SCOPES = {"subtree": "SCOPE_SUBTREE", "one_level": "SCOPE_ONELEVEL"}


def is_supported() -> bool:
    """Whether python-ldap is installed."""
    return ldap is not None


def require_support() -> None:
    """Raises SupportMissing where python-ldap is not installed."""
    if not is_supported():
        raise SupportMissing("the extra `ldap` is not installed")


class OpenDirectory:
    """A secured connection to a server of a directory. Every operation has an end in time, and raises DirectoryFault."""

    def __init__(self, url: DirectoryURL, settings: DirectorySettings, handle: Any, link: Link) -> None:
        self.url = url
        self._settings = settings
        self._handle = handle
        self._link = link

    def bind(self, dn: str, password: str) -> bool:
        """Sign in to the directory; False where it does not take this password.

        An empty password is an "unauthenticated bind", which many directories answer with success (RFC 4513 5.1.2): it is
        refused before anything is sent, as is one for nobody.
        """
        if not dn or not password:
            return False
        with self._operation(Stage.BIND):
            try:
                self._handle.simple_bind_s(dn, password)
            except (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.INVALID_DN_SYNTAX):
                return False
            return True

    def search(self, base: str, scope: str, text: str, asked: Sequence[str], most: int) -> list[Entry]:
        """Entries that a filter finds, and one more than `most` where there are more. References elsewhere are left out."""
        with self._operation(Stage.SEARCH):
            number = self._handle.search_ext(
                base, getattr(ldap, scope), text, list(asked), timeout=OPERATION_SECONDS, sizelimit=most + 1
            )
            found: list[Entry] = []
            try:
                while len(found) <= most:
                    kind, items = self._handle.result(number, all=0, timeout=OPERATION_SECONDS)
                    found += [entry_of(dn, values, asked) for dn, values in items or () if dn is not None and items]
                    if kind == ldap.RES_SEARCH_RESULT:
                        break
            except ldap.SIZELIMIT_EXCEEDED:
                if len(found) <= 1:
                    raise
            return found

    def pages(self, text: str, asked: Sequence[str]) -> Iterator[list[Entry]]:
        """All entries that a filter finds under the base, page by page (RFC 2696), each within an operation's time."""
        control = SimplePagedResultsControl(True, size=PAGE_SIZE, cookie="")
        scope = getattr(ldap, _SCOPES[self._settings.scope])
        for _ in range(MAX_PAGES):
            self._link.octets_left = PAGE_OCTETS
            with self._operation(Stage.SEARCH):
                number = self._handle.search_ext(self._settings.base_dn, scope, text, list(asked), serverctrls=[control])
                _, items, _, controls = self._handle.result3(number, timeout=OPERATION_SECONDS)
                answers = [found for found in controls if found.controlType == SimplePagedResultsControl.controlType]
            # Without the answer to the control it is not known whether there is more, and whoever is missing were gone.
            if not answers:
                raise DirectoryFault(Stage.SEARCH, "no_pages", "the directory does not answer page by page (RFC 2696)")
            yield [entry_of(dn, values, asked) for dn, values in items if dn is not None]
            if not answers[0].cookie:
                return
            control.cookie = answers[0].cookie
        raise DirectoryFault(Stage.SEARCH, "too_large", f"there are more than {MAX_PAGES * PAGE_SIZE} entries")

    @contextmanager
    def _operation(self, stage: Stage) -> Iterator[None]:
        self._link.until = time.monotonic() + OPERATION_SECONDS
        try:
            yield
        except ldap.LDAPError as error:
            if (fault := self._link.fault) is not None:
                raise DirectoryFault(stage, fault.code, f"{self.url.authority}: {fault.words}") from None
            raise _fault_of(error, stage, self.url.authority) from None
        except (PyAsn1Error, ValueError, LookupError, TypeError, MemoryError):
            # python-ldap reads names and controls itself, and raises whatever comes of octets that are none; MemoryError where
            # libldap decodes nothing.
            words = f"{self.url.authority}: the answer was no LDAP that can be read"
            raise DirectoryFault(stage, "malformed", words) from None


@contextmanager
def opened(
    directory: DirectorySettings,
    network: Settings,
    *,
    octets: int = SIGN_IN_OCTETS,
    resolver: Resolver = system_resolver,
    whose: int = 0,
) -> Iterator[OpenDirectory]:
    """Connect to the first of a directory's servers that takes a connection, with TLS.

    Args:
        whose: the tenant that it belongs to.

    Raises:
        SupportMissing: python-ldap is not installed. DirectoryFault: no server could be reached; that of the last one.
    """
    require_support()
    servers = directory.servers
    for position, url in enumerate(servers):
        with contextlib.ExitStack() as stack:
            until = time.monotonic() + CONNECT_SECONDS
            try:
                addresses = allowed_addresses(url, network, resolver, until, whose=whose)
                trust = directory.ca_certificates or None
                descriptor, link = stack.enter_context(linked(url, addresses, trust, until, octets))
            except DirectoryFault as fault:
                # A certificate that is not good is no outage: the next server must not hide it.
                if position == len(servers) - 1 or fault.stage is Stage.TLS:
                    raise
                continue
            handle = _handle(descriptor)
            stack.callback(_let_go, handle)
            yield OpenDirectory(url, directory, handle, link)
            return


def allowed_addresses(
    url: DirectoryURL, network: Settings, resolver: Resolver, until: float, *, whose: int = 0
) -> tuple[Address, ...]:
    """Addresses of a server that may be connected to: public ones, and those that the operator has listed.

    Raises:
        DirectoryFault: of the stage dns.
    """
    try:
        found = addresses_of(url.host, resolver, until, whose=whose)
    except FetchRefused as refusal:
        code = "timeout" if refusal.code == "fetch_timeout" else "name_unknown"
        raise DirectoryFault(Stage.DNS, code, refusal.cause) from None
    listed = network.directory_allowed_networks
    allowed = tuple(address for address in found if is_listed(address, listed) or why_closed(address) is None)
    if not allowed:
        words = f"{url.host} leads to {why_closed(found[0])}, which DIRECTORY_ALLOWED_NETWORKS does not list"
        raise DirectoryFault(Stage.DNS, "address_not_allowed", words)
    return allowed[:MAX_ADDRESSES]


def _handle(descriptor: int) -> Any:
    """libldap with its end of the link. The URL is never looked up: it has its connection already."""
    handle = ldap.initialize("ldap://directory.invalid", fileno=descriptor)
    handle.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
    handle.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
    handle.set_option(ldap.OPT_DEREF, ldap.DEREF_NEVER)
    handle.set_option(ldap.OPT_RESTART, ldap.OPT_OFF)
    handle.set_option(ldap.OPT_SIZELIMIT, 0)
    handle.set_option(ldap.OPT_TIMELIMIT, 0)
    handle.set_option(ldap.OPT_TIMEOUT, OPERATION_SECONDS)
    handle.set_option(ldap.OPT_NETWORK_TIMEOUT, OPERATION_SECONDS)
    return handle


def _let_go(handle: Any) -> None:
    with contextlib.suppress(ldap.LDAPError):
        handle.unbind_ext_s()


def _fault_of(error: Any, stage: Stage, authority: str) -> DirectoryFault:
    """What libldap says, in our words; never the server's own text, which may be about people."""
    for kinds, code, words in _FAULTS:
        if isinstance(error, tuple(getattr(ldap, kind) for kind in kinds)):
            return DirectoryFault(stage, code, f"{authority}: {words}")
    return DirectoryFault(stage, "refused", f"{authority}: the directory answered {type(error).__name__}")


_FAULTS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("SERVER_DOWN", "CONNECT_ERROR", "UNAVAILABLE"), "broken_off", "the directory broke off the connection"),
    (("TIMEOUT", "TIMELIMIT_EXCEEDED", "ADMINLIMIT_EXCEEDED"), "timeout", "the directory did not answer in time"),
    (("REFERRAL", "PARTIAL_RESULTS"), "referral", "the directory sends elsewhere, which is not followed"),
    (("NO_SUCH_OBJECT",), "base_unknown", "there is nothing of this name to search in"),
    (("FILTER_ERROR",), "filter_unknown", "the filter was not understood"),
    (("SIZELIMIT_EXCEEDED",), "size_limit", "the directory gives fewer entries than there are"),
    (("INSUFFICIENT_ACCESS",), "not_permitted", "the service's account may not do that"),
    (("STRONG_AUTH_REQUIRED", "CONFIDENTIALITY_REQUIRED"), "not_permitted", "the directory wants another way to sign in"),
    (("BUSY", "UNWILLING_TO_PERFORM"), "busy", "the directory does not answer just now"),
    (("PROTOCOL_ERROR", "DECODING_ERROR"), "malformed", "the answer was no LDAP that can be read"),
)


def scope_of(settings: DirectorySettings) -> str:
    """The name of libldap's constant."""
    return _SCOPES[settings.scope]
