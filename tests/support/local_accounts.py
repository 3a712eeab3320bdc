"""Somebody with a local account: a browser that fills in the forms that it is shown, an authenticator app, a passkey."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.database import read, transaction, write
from config.isolation import every_tenant
from identity.admin_addresses import admin_addresses
from identity.local_pages.arriving import BROWSER_COOKIE
from identity.local_sign_in.accounts import give_account
from identity.local_sign_in.break_glass import name_break_glass
from identity.local_sign_in.door import Means
from identity.local_sign_in.links import issue_link
from identity.people import prepare_person
from tenants.models import AuditEvent, Tenant
from tenants.records import TenantView, find_tenant
from tenants.tenant_records import bump_version
from tests.support.authenticator import Authenticator
from tests.support.browser import Browser
from tests.support.half_minutes import code_of_step, unused_step
from tests.support.world import Organisation, World, utc_now

PASSWORD = "three otters knit quietly"
REASON = "the identity provider does not answer"
_SEALED = re.compile(r'name="sealed" value="([^"]+)"')
_SECRET = re.compile(r'<code class="secret">([^<]+)</code>')
_OPTIONS = re.compile(r'data-passkey-make="([^"]+)"')
_CODES = re.compile(r"<li><code>([a-z2-7-]{19})</code></li>")


def allow_local(world: World, organisation: Organisation | None = None, **settings: Any) -> None:
    """Have a tenant's people sign in with local accounts."""
    with world.app.app_context():
        tenant = tenant_of(world, organisation)
        with transaction():
            bump_version(tenant.id)
            write(sa.update(Tenant).where(Tenant.id == tenant.id).values(access={"way": "local", **settings}))


def tenant_of(world: World, organisation: Organisation | None = None) -> TenantView:
    """The tenant of an organisation, inside an application context."""
    found = find_tenant((organisation or world.acme).slug)
    assert found is not None
    return found


def means_of(world: World) -> Means:
    """What the deployment gives."""
    parts = world.app.extensions
    return Means(parts["vestibule_settings"], parts["vestibule_keys"], admin_addresses)


def change_deployment(world: World, **changes: Any) -> None:
    """Let the deployment decide otherwise from now on."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, **changes)


def events_of(world: World, kind: str) -> list[Any]:
    """Audit events of a kind, the first one first."""
    with world.app.app_context(), every_tenant():
        columns = (AuditEvent.reason, AuditEvent.actor, AuditEvent.detail, AuditEvent.tenant_id)
        return read(sa.select(*columns).where(AuditEvent.type == kind).order_by(AuditEvent.id)).all()  # type: ignore[return-value]


class LocalPerson:
    """A person of a tenant with their browser, password, app and passkey."""

    def __init__(
        self, world: World, organisation: Organisation | None = None, name: str = "lin", user_id: str | None = None
    ) -> None:
        """With the id of somebody who was made before, or made now."""
        self.world, self.organisation = world, organisation or world.acme
        self.email, self.password = f"{name}@{self.organisation.domain}", PASSWORD
        self.browser = Browser(world.app, self.organisation.slug)
        self.passkey = Authenticator(self.organisation.origin, f"{self.organisation.slug}.localhost")
        self.secret, self.user_id, self.codes = "", user_id or "", list[str]()
        self._steps: set[int] = set()
        if user_id is not None:
            return
        with world.app.app_context(), transaction():
            profile = {"email": self.email, "username": name, "first_name": "Lin", "last_name": "Ito"}
            self.user_id = prepare_person(tenant_of(world, organisation).id, profile, actor="test", now=utc_now()).id

    def invited(self) -> str:
        """Get an account; the path of the invitation's link."""
        with self.world.app.app_context(), transaction():
            tenant = tenant_of(self.world, self.organisation)
            given = {"show": True, "by_staff": True, "actor": "test", "now": utc_now()}
            issued = give_account(tenant, self.user_id, means_of(self.world), **given)  # type: ignore[arg-type]
        assert issued is not None
        assert issued.url is not None
        return urlsplit(issued.url).path

    def another_link(self) -> str:
        """The path of one more link."""
        with self.world.app.app_context(), transaction():
            tenant = tenant_of(self.world, self.organisation)
            given = {"show": True, "by_staff": True, "actor": "test", "now": utc_now()}
            issued = issue_link(tenant, self.user_id, means_of(self.world), **given)  # type: ignore[arg-type]
        assert issued.url is not None
        return urlsplit(issued.url).path

    def named(self) -> LocalPerson:
        """Become a break-glass administrator."""
        with self.world.app.app_context(), transaction():
            tenant = tenant_of(self.world, self.organisation)
            name_break_glass(tenant, self.user_id, REASON, means_of(self.world), actor="test", now=utc_now())
        return self

    def enrolled(self) -> LocalPerson:
        """Follow an invitation to its end, with a password alone."""
        answer = self.follow(self.invited())
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return self

    def follow(self, path: str, browser: Browser | None = None, **changed: str) -> TestResponse:
        """Fill in a link's form."""
        shown = self.page(path, browser)
        sealed, secret = _SEALED.search(shown), _SECRET.search(shown)
        assert sealed is not None
        fields = {"password": self.password, "sealed": sealed[1]}
        if secret:
            self.secret = secret[1].replace(" ", "")
            fields["code"] = self.code()
        answer = self.send(path, browser, **(fields | changed))
        self.codes = _CODES.findall(answer.get_data(as_text=True)) or self.codes
        return answer

    def page(self, path: str, browser: Browser | None = None) -> str:
        """The text of a page that is shown."""
        answer = (browser or self.browser).get(path)
        assert answer.status_code == 200, (path, answer.status, answer.get_data(as_text=True)[:600])
        return answer.get_data(as_text=True)

    def send(self, path: str, browser: Browser | None = None, **fields: str) -> TestResponse:
        """Send a form of ours, as a browser does."""
        using = browser or self.browser
        return using.post(path, data=fields, headers={"Origin": f"http://{using.host}"})

    def give_password(self, password: str | None = None, browser: Browser | None = None, **fields: str) -> TestResponse:
        """The first step."""
        given = {"name": self.email, "password": password or self.password, **fields}
        return self.send("/sign-in", browser, **given)

    def break_glass(self, browser: Browser | None = None, **fields: str) -> TestResponse:
        """The first step of it."""
        given = {"name": self.email, "password": self.password, "reason": REASON, **fields}
        return self.send("/break-glass", browser, **given)

    def give(self, browser: Browser | None = None, **fields: str) -> TestResponse:
        """The second step."""
        return self.send("/sign-in/second-factor", browser, **fields)

    def sign_in(self, browser: Browser | None = None) -> TestResponse:
        """Both steps, or the one that it takes."""
        first = self.give_password(browser=browser)
        assert first.status_code == 303, first.get_data(as_text=True)
        return self.give(browser, code=self.code()) if first.location.endswith("/second-factor") else first

    def set_up_app(self) -> TestResponse:
        """Set an authenticator app up on one's own page."""
        shown = self.page("/account/sign-in")
        sealed, secret = _SEALED.search(shown), _SECRET.search(shown)
        assert sealed is not None
        assert secret is not None
        self.secret = secret[1].replace(" ", "")
        answer = self.send("/account/sign-in/app", present=self.password, sealed=sealed[1], code=self.code())
        self.codes = _CODES.findall(answer.get_data(as_text=True)) or self.codes
        return answer

    def set_up_passkey(self, label: str = "Key") -> TestResponse:
        """Make a passkey on one's own page."""
        shown = self.page("/account/sign-in")
        sealed = _SEALED.search(shown)
        assert sealed is not None
        made = self.passkey.make(made_for(shown))
        answer = self.send("/account/sign-in/passkeys", present=self.password, sealed=sealed[1], passkey=made, label=label)
        self.codes = _CODES.findall(answer.get_data(as_text=True)) or self.codes
        return answer

    def options(self, path: str, browser: Browser | None = None) -> dict[str, Any]:
        """What a script asks for before it opens the browser's dialogue."""
        answer = self.send(path, browser)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: dict[str, Any] = answer.get_json()["options"]
        return found

    def code(self) -> str:
        """What the app shows: a code that was not shown before."""
        step = unused_step(self._steps)
        self._steps.add(step)
        return code_of_step(self.secret, step)

    @property
    def device(self) -> str | None:
        """What the cookie of a known browser holds."""
        return self.browser.cookie(BROWSER_COOKIE)

    def is_in(self, browser: Browser | None = None) -> bool:
        """Whether somebody is signed in in the browser."""
        return (browser or self.browser).get("/session").status_code == 200


def made_for(shown: str) -> dict[str, Any]:
    """What a page's script is given to make a passkey."""
    found = _OPTIONS.search(shown)
    assert found is not None
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options
