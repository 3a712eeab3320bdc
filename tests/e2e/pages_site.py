"""A small site that shows every page with every kind of tenant, and identity providers for its forms to go to."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, Response, abort, g, redirect, request
from markupsafe import escape
from werkzeug.serving import make_server

from identity import errors, leaving_pages, page_assets, pages
from identity.account_pages import account_page
from identity.error_pages import install_error_pages, refusal_response
from identity.front_door.pages import RememberedPlace, front_page, onward_page
from identity.native_pages import consent_page
from identity.native_request import NativeRequest
from identity.provisioning import Person
from identity.session_records import OpenSession
from identity.sessions import CurrentSession
from tenants import errors as tenant_errors
from tenants.errors import Refusal
from tenants.records import TenantView
from tenants.signed_xml.errors import SignatureInvalid

NOW = dt.datetime(2026, 11, 24, 21, 29, tzinfo=dt.UTC)
REFERENCE = "4f2a91c07be3"
LONG = "Vereinigte" + "Donaudampfschifffahrtsgesellschaft" * 6
TENANTS = {
    "acme": ("Acme AG", "#2f5bea"),
    "yellow": ("Bolt Energy", "#ffd500"),
    "white": ("Cobalt Health", "#ffffff"),
    "black": ("Delta Freight", "#000000"),
    "navy": ("Fjord Bank", "#0b2545"),
    "orange": ("Ember Studios", "#f76707"),
    "grey": ("Granite Legal", "#808080"),
    "long": (LONG[:200], "#0f7b4f"),
    "rtl": ("شركة النور للتجارة العالمية", "#9d174d"),
    "emoji": ("🦊 Fox & <b>Friends</b> 🏳️‍🌈 👩‍👩‍👧", "#7c3aed"),
}
PERSONS = {
    "long": (LONG[:200], None, f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"),
    "rtl": ("ליאת", "כהן", "liat@example.com"),
    "emoji": ("🦊", "<script>alert(1)</script>", "fox@example.com"),
}
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
REFUSALS: dict[str, Refusal] = {
    "signature": SignatureInvalid("bad digest"),
    "lost": errors.LoginStateLost("no cookie"),
    "account": errors.EmailDomainNotAllowed("example.org"),
    "status": errors.StatusNotSuccess(
        "denied", status_codes=[STATUS + "Responder", STATUS + "NoAuthnContext"], status_message="AADSTS75011: call 555"
    ),
    "suspended": tenant_errors.TenantSuspended("acme"),
    "unavailable": tenant_errors.ServiceUnavailable("locked"),
    "missing": tenant_errors.IdentityProviderMissing("none"),
}


@dataclass(frozen=True)
class Choice:
    """An identity provider on the sign-in page."""

    idp_name: str
    idp_display_name: str


ONE = (Choice("main", "Company login"),)
MANY = (*ONE, Choice("entra", "Microsoft Entra ID"), Choice("partners", "Okta for partners and suppliers of the whole group"))


def tenant_named(slug: str, origin: str = "http://acme.localhost:8000") -> TenantView:
    """One of TENANTS as a view."""
    name, colour = TENANTS[slug]
    return TenantView(1, slug, name, "active", 1, origin, colour, None, 3600, 36000, True)


def session_of(slug: str) -> CurrentSession:
    """A session that began twelve minutes ago and ends in seven hours."""
    first_name, last_name, email = PERSONS.get(slug, ("Jo", "van Doe", "jo.doe@acme.test"))
    person = Person("p1", 1, "jo", "jo", email, first_name, last_name, None, True)
    began, ends = NOW - dt.timedelta(minutes=12), NOW + dt.timedelta(hours=7)
    return CurrentSession("s1", person, "sso", "main", "Company login", began, began, ends, "")


ASKED = NativeRequest("Acme CLI", "http://127.0.0.1:49152/callback", "state-0123456789", "c" * 43)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1",
    "<b>" + "W" * 296,
)


def devices_of(slug: str) -> list[OpenSession]:
    """This one and two others."""
    email, seen, ends = session_of(slug).person.email, NOW - dt.timedelta(minutes=3), NOW + dt.timedelta(hours=7)
    return [
        OpenSession(f"s{at}", "p1", email, agent, address, NOW - dt.timedelta(days=at), seen, ends, "sso", "main")
        for at, (agent, address) in enumerate(zip(AGENTS, ("192.0.2.7", "2001:db8:85a3::8a2e:370:7334", ""), strict=True), 1)
    ]


def pages_app() -> Flask:
    """`/<slug>/<page>` shows a page as that tenant; `idp.localhost` and `broker.localhost` are the others."""
    app = Flask("pages", static_folder=None, template_folder=None)
    page_assets.install_pages(app)
    install_error_pages(app)
    app.before_request(_find_tenant)
    app.add_url_rule("/<slug>/<page>", "page", _page)
    app.add_url_rule("/sso", "sso", _identity_provider, methods=["POST"])
    app.add_url_rule("/saml/login", "login", _identity_provider)
    app.add_url_rule("/logout", "logout", _signed_out, methods=["POST"])
    app.add_url_rule("/framing", "framing", _framing)
    app.add_url_rule("/mistake", "mistake", _mistake)
    return app


def _find_tenant() -> None:
    slug = (request.view_args or {}).get("slug") or request.cookies.get("slug")
    g.reference = REFERENCE
    g.tenant = tenant_named(slug, request.host_url.rstrip("/")) if slug in TENANTS else None


def _page(slug: str, page: str) -> Response:
    response = _page_named(slug, page)
    response.set_cookie("slug", slug)  # so that /brand.css is this tenant's
    return response


def _page_named(slug: str, page: str) -> Response:
    tenant, scheme, port = g.tenant, request.scheme, request.host.rpartition(":")[2]
    shown: dict[str, Callable[[], Response]] = {
        "sign-in": lambda: pages.sign_in_page(tenant, ONE, target="/reports?a=1&b=2"),
        "sign-in-many": lambda: pages.sign_in_page(tenant, MANY, target="/"),
        "sign-in-none": lambda: pages.sign_in_page(tenant, (), target="/"),
        "signed-out": lambda: pages.sign_in_page(tenant, ONE, target="/", signed_out="1"),
        "signed-out-partly": lambda: pages.sign_in_page(tenant, ONE, target="/", signed_out="partly"),
        "signing-out": lambda: leaving_pages.logout_link_page(tenant, f"{scheme}://idp.localhost:{port}/slo?SAMLRequest=x"),
        "native": lambda: consent_page(tenant, session_of(slug), ASKED),
        "account": lambda: account_page(tenant, session_of(slug), devices_of(slug), now=NOW, ended=1),
        "landing": lambda: pages.landing_page(tenant, session_of(slug), now=NOW, csrf_token="t0ken"),
        "leaving": lambda: leaving_pages.post_form_page(
            tenant,
            f"{scheme}://idp.localhost:{port}/sso?tenant=1&hand_on={request.args.get('hand_on', '')}",
            {"SAMLRequest": 'PHNhbWw"+/=', "RelayState": "r"},
        ),
        "app-host": front_page,
        "app-host-nothing": lambda: front_page(places_of(port), typed="jo.doe@example.com", found_nothing=True),
        "onward": lambda: onward_page(f"{scheme}://idp.localhost:{port}/sso", f"idp.localhost:{port}"),
        "unknown": lambda: refusal_response(
            tenant_errors.TenantUnknown(slug), tenant=None, reference=REFERENCE, accepts=request.accept_mimetypes
        ),
    }
    if page in shown:
        return shown[page]()
    if page not in REFUSALS:
        abort(404)
    retry_url = request.path if page == "unavailable" else None
    return refusal_response(
        REFUSALS[page], tenant=tenant, reference=REFERENCE, accepts=request.accept_mimetypes, retry_url=retry_url
    )


def places_of(port: str) -> list[RememberedPlace]:
    """Organisations that this browser went to."""
    return [RememberedPlace(label, f"http://{label}.localhost:{port}/") for label in ("acme", "granite-legal", "x" * 63)]


def _identity_provider() -> Response:
    if request.host.startswith("idp.") and request.args.get("hand_on"):
        return redirect(request.url.replace("idp.localhost", "broker.localhost"), 303)  # type: ignore[return-value]
    told = {name: request.headers.get(name) for name in ("Host", "Origin", "Referer")}
    return Response(f"<title>provider</title><pre id=told>{told} {dict(request.values)}</pre>", content_type="text/html")


def _signed_out() -> Response:
    told = {name: request.headers.get(name) for name in ("Host", "Origin", "Referer")}
    return Response(f"<title>out</title><pre id=told>{told} {dict(request.form)}</pre>", content_type="text/html")


def _framing() -> Response:
    page = Response(f'<iframe src="{escape(request.args["of"])}"></iframe>', content_type="text/html")
    page.headers["Content-Security-Policy"] = "frame-src *"
    return page


def _mistake() -> Response:
    raise RuntimeError("a mistake of ours")


@contextmanager
def running_site(*, tls: bool = False) -> Iterator[int]:
    """Serve the site on a free port of the loopback interface; gives the port."""
    server = make_server("127.0.0.1", 0, pages_app(), threaded=True, ssl_context="adhoc" if tls else None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
