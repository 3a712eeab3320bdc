"""The demo's identity provider: one for all tenants of the service; whom it signs in is chosen by a click.

    python -m demo.idp --port 8001 --service-port 8000 --tenant-url 'http://{slug}.localhost:8000' --keys var/demo-idp

It asks for no password: it must never be reachable from elsewhere, and listens on the loopback address only.
"""

from __future__ import annotations

import argparse
import base64
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, abort, g, make_response, render_template, request
from jinja2 import StrictUndefined
from werkzeug.serving import run_simple

from demo.keys import key_pair
from demo.people import people_of, person_of
from demo.saml import AuthnRequest, IdentityProvider, RequestRefused

REQUEST_FIELDS = ("SAMLRequest", "RelayState", "SigAlg", "Signature")
MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class Showcase:
    """A tenant that the front page offers to start at."""

    slug: str
    name: str


SHOWCASES = (Showcase("acme", "Acme"), Showcase("globex", "Globex"))


def create_idp(provider: IdentityProvider) -> Flask:
    """The identity provider's pages."""
    app = Flask("demo", template_folder=str(Path(__file__).parent / "templates"), static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.jinja_env.undefined = StrictUndefined

    @app.before_request
    def begin() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{g.nonce}'; script-src 'nonce-{g.nonce}'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def front() -> str:
        tenants = [(show, people_of(show.slug), provider.tenant_url.replace("{slug}", show.slug)) for show in SHOWCASES]
        return render_template("front.html", tenants=tenants)

    @app.get("/metadata")
    def metadata() -> Response:
        response = make_response(provider.metadata())
        response.content_type = "application/samlmetadata+xml"
        return response

    @app.route("/sso", methods=["GET", "POST"])
    def choose() -> str:
        source = request.form if request.method == "POST" else request.args
        fields = {name: source[name] for name in REQUEST_FIELDS if name in source}
        asked = provider.read_request(request.method, fields)
        people = people_of(asked.slug)
        return render_template("choose.html", slug=asked.slug, people=people, fields=fields, method=request.method)

    @app.post("/chosen")
    def chosen() -> str:
        fields = {name: request.form[name] for name in REQUEST_FIELDS if name in request.form}
        method = request.form.get("method", "")
        if method not in ("GET", "POST"):
            abort(400)
        return _answer(provider.read_request(method, fields), request.form.get("RelayState"))

    @app.post("/start/<slug>")
    def start(slug: str) -> str:
        return _answer(provider.unsolicited(slug), request.form.get("RelayState"))

    @app.errorhandler(RequestRefused)
    def refused(error: RequestRefused) -> tuple[str, int]:
        return render_template("refused.html", sentence=str(error)), 400

    def _answer(asked: AuthnRequest, relay_state: str | None) -> str:
        person = person_of(asked.slug, request.form.get("person", ""))
        if person is None:
            abort(400)
        fields = {"SAMLResponse": base64.b64encode(provider.answer(asked, person).encode()).decode()}
        if relay_state:
            fields["RelayState"] = relay_state
        return render_template("answer.html", action=asked.destination, fields=fields, person=person, slug=asked.slug)

    return app


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description="The demo's identity provider.")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--service-port", type=int, default=8000)
    parser.add_argument("--tenant-url", default="http://{slug}.localhost:8000")
    parser.add_argument("--keys", type=Path, default=Path("var/demo-idp"))
    options = parser.parse_args()
    # pysaml2 prints whole messages, werkzeug a line for each request.
    logging.getLogger("saml2").setLevel(logging.CRITICAL)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    provider = identity_provider(options.port, options.service_port, options.tenant_url, options.keys)
    run_simple("127.0.0.1", options.port, create_idp(provider), threaded=True)


def identity_provider(port: int, service_port: int, tenant_url: str, keys: Path) -> IdentityProvider:
    """The identity provider of a demo at these ports."""
    key_file, certificate_file = key_pair(keys)
    return IdentityProvider(f"http://localhost:{port}", tenant_url, ("127.0.0.1", service_port), key_file, certificate_file)


if __name__ == "__main__":
    main()
