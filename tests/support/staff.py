"""One of staff at the console's door: a browser that fills in the forms that it is shown."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from werkzeug.test import TestResponse

from admin_ui.console_sessions import STAFF_COOKIE
from admin_ui.staff_accounts import Invitation, invite
from config.database import transaction
from tenants.roles import Role
from tests.support.authenticator import Authenticator
from tests.support.browser import Browser
from tests.support.half_minutes import LASTING_SECONDS, code_of_step, present_step, unused_step
from tests.support.world import World, utc_now

PASSWORD = "three otters knit quietly"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_SEALED = re.compile(r'name="sealed" value="([^"]+)"')
_SECRET = re.compile(r'<code class="secret">([^<]+)</code>')
_OPTIONS = re.compile(r'data-passkey-make="([^"]+)"')
_CODES = re.compile(r"<li><code>([a-z2-7-]{19})</code></li>")


class Colleague:
    """A person of staff with their browser, password, app and passkey."""

    def __init__(self, world: World, email: str = "sam@vestibule.test", *, app_url: str | None = None) -> None:
        self.world, self.email, self.password = world, email, PASSWORD
        self.browser = Browser(world.app, None)
        self.secret = ""
        self.passkey = Authenticator()
        self.codes: list[str] = []
        self.invitation: Invitation | None = None
        self._steps: set[int] = set()

    def page(self, path: str) -> str:
        """The text of a page that is shown."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, (path, answer.status, answer.get_data(as_text=True)[:400])
        return answer.get_data(as_text=True)

    def send(self, path: str, shown: str | None = None, **fields: str) -> TestResponse:
        """Send a form; its token is that of the page that shows it."""
        token = _TOKEN.search(shown if shown is not None else self.page("/admin/sign-in?again=1"))
        assert token is not None
        return self.browser.post(path, data={"csrf_token": token[1], **fields})

    def invited(self, role: str = "staff", name: str = "Sam Staff") -> Colleague:
        """Have an invitation."""
        with self.world.app.app_context(), transaction():
            self.invitation = invite(self.email, name, Role(role), actor="test", now=utc_now())
        return self

    def enrolled(self, role: str = "staff", *, by_passkey: bool = False) -> Colleague:
        """Follow an invitation to its end."""
        if self.invitation is None:
            self.invited(role)
        answer = self.follow(by_passkey=by_passkey)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        self.codes = _CODES.findall(answer.get_data(as_text=True))
        assert len(self.codes) == 10
        return self

    def follow(self, shown: str | None = None, *, by_passkey: bool = False, **changed: str) -> TestResponse:
        """Fill in the invitation's form, as it is shown now or was shown before."""
        assert self.invitation is not None
        shown = shown or self.page(self.invitation.path)
        sealed, secret = _SEALED.search(shown), _SECRET.search(shown)
        assert sealed is not None
        assert secret is not None
        self.secret = secret[1].replace(" ", "")
        fields = {"password": self.password, "sealed": sealed[1]}
        if by_passkey:
            fields |= {"code": "", "passkey": self.passkey.make(options_in(shown))}
        fields |= changed
        if "code" not in fields:
            fields["code"] = self.code()
        return self.send(self.invitation.path, shown, **fields)

    def code(self) -> str:
        """What the app shows: a code that was not shown before."""
        step = unused_step(self._steps)
        self._steps.add(step)
        return code_of_step(self.secret, step)

    def codes_around(self, lasting: float = LASTING_SECONDS) -> tuple[str, str, str]:
        """The code that was used last, and the two that the app shows behind it, which are right for so many seconds."""
        present_step(lasting)
        last = max(self._steps)
        used, following, later = (code_of_step(self.secret, last + ahead) for ahead in range(3))
        return used, following, later

    def give_password(self, password: str | None = None, email: str | None = None, **fields: str) -> TestResponse:
        """The first step."""
        return self.send("/admin/sign-in", email=email or self.email, password=password or self.password, **fields)

    def give(self, **fields: str) -> TestResponse:
        """The second step."""
        return self.send("/admin/sign-in/second-factor", **fields)

    def sign_in(self) -> TestResponse:
        """Both steps, by password and app."""
        first = self.give_password()
        assert first.status_code == 303, first.get_data(as_text=True)
        return self.give(code=self.code())

    def options(self, path: str) -> dict[str, Any]:
        """What a script asks for before it opens the browser's dialogue."""
        answer = self.send(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: dict[str, Any] = answer.get_json()["options"]
        return found

    @property
    def token(self) -> str | None:
        """What the session cookie holds."""
        return self.browser.cookie(STAFF_COOKIE)

    def is_in(self) -> bool:
        """Whether the console lets this browser in."""
        answer = self.browser.get("/admin/tenants/")
        assert answer.status_code in (200, 302), answer.status
        return answer.status_code == 200


def options_in(shown: str) -> dict[str, Any]:
    """What a page's script is given to make a passkey."""
    found = _OPTIONS.search(shown)
    assert found is not None
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options
