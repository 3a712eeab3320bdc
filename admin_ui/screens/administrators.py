"""Who of a tenant's people has a role in its console: named by address, or by a rule over their sign-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.principals import require_recent
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from tenants.console_role_records import grants_of, rules_of
from tenants.console_role_schemas import GrantCreate, GrantPatch, RuleCreate
from tenants.console_roles import Taken, change_grant, drop_rule, grant_role, make_rule, withdraw_grant
from tenants.errors import NotFound, Refusal
from tenants.idp_records import providers_of
from tenants.paging import MAX_LIMIT, is_row_id
from tenants.roles import CONFIGURE, READ, Role

NOTHING: Mapping[str, Any] = {}


class AdministratorsScreen(TenantScreen):
    """A tenant's administrators and viewers."""

    label, path, endpoint_name, icon, group = "Administrators", "/administrators", "administrators", "crown", "People"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Who was named, and the rules."""
        return self._page(asked)

    @page("/grants", CONFIGURE, methods=("POST",), fresh=True)
    def grant(self, asked: Asked) -> WerkzeugResponse:
        """Name somebody."""
        sent = submitted(GrantCreate(), request.form)
        if sent.values is None:
            return self._page(asked, grant=sent.shown, grant_errors=sent.errors, status=422)
        values = sent.values
        try:
            with transaction():
                given = grant_role(asked.tenant, values["email"], Role(values["role"]), actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._page(asked, grant=sent.shown, grant_errors=errors_of(refusal), status=refusal.status)
        notify(f"Whoever you named is {_words_of(given.role)} now. It holds from their next click, or their first sign-in.")
        return self.see_other("index", asked)

    @page("/grants/<grant_id>", CONFIGURE, methods=("POST",))
    def change(self, asked: Asked, grant_id: str) -> WerkzeugResponse:
        """Give a named person another role, or none."""
        chosen = _row_id(grant_id)
        if request.form.get("remove") == "yes":
            with transaction():
                taken = withdraw_grant(asked.tenant, chosen, actor=asked.actor, now=asked.now)
            notify("The role was taken away. The person is out of the console with their next click." + _words_on(taken))
            return self.see_other("index", asked)
        require_recent(asked.principal, asked.now)
        sent = submitted(GrantPatch(), request.form)
        if sent.values is None:
            raise NotFound("no such role")
        with transaction():
            given = change_grant(asked.tenant, chosen, Role(sent.values["role"]), actor=asked.actor, now=asked.now)
        ended = "" if given.role == Role.ADMIN.value else " API tokens that they made as an administrator have ended."
        notify(f"This person is {_words_of(given.role)} now.{ended}")
        return self.see_other("index", asked)

    @page("/rules", CONFIGURE, methods=("POST",), fresh=True)
    def rule(self, asked: Asked) -> WerkzeugResponse:
        """Make a rule."""
        sent = submitted(RuleCreate(), request.form)
        if sent.values is None:
            return self._page(asked, rule=sent.shown, rule_errors=sent.errors, status=422)
        wanted = {**sent.values, "role": Role(sent.values["role"])}
        try:
            with transaction():
                make_rule(asked.tenant, **wanted, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._page(asked, rule=sent.shown, rule_errors=errors_of(refusal), status=refusal.status)
        notify("The rule holds from each person's next sign-in on.")
        return self.see_other("index", asked)

    @page("/rules/<rule_id>", CONFIGURE, methods=("POST",))
    def remove_rule(self, asked: Asked, rule_id: str) -> WerkzeugResponse:
        """Remove a rule."""
        with transaction():
            drop_rule(asked.tenant, _row_id(rule_id), actor=asked.actor, now=asked.now)
        notify(
            "The rule was removed. Whoever had a role by it alone is out of the console with their next click, and API tokens"
            " that were made by it have ended."
        )
        return self.see_other("index", asked)

    def _page(
        self,
        asked: Asked,
        *,
        grant: Mapping[str, Any] = NOTHING,
        rule: Mapping[str, Any] = NOTHING,
        grant_errors: Mapping[str, Sequence[str]] = NOTHING,
        rule_errors: Mapping[str, Sequence[str]] = NOTHING,
        status: int = 200,
    ) -> Response:
        grants = grants_of(asked.tenant.id)
        return self.render(
            "administrators/index.html",
            asked,
            status=status,
            grants=grants,
            actors=actor_words(asked, (given.granted_by for given in grants)),
            rules=rules_of(asked.tenant.id, limit=MAX_LIMIT),
            providers=[(provider.name, provider.display_name) for provider in providers_of(asked.tenant.id)],
            grant={"email": "", "role": Role.ADMIN.value, **grant},
            rule={"idp": "", "attribute": "", "value": "", "role": Role.ADMIN.value, **rule},
            grant_errors=grant_errors,
            rule_errors=rule_errors,
            may_change=asked.may(CONFIGURE),
        )


def _words_on(taken: Taken) -> str:
    """What went with a role, and what stays; nobody is named, as it waits in a cookie."""
    ended, webhooks, contacts = taken.tokens_ended, len(taken.stays.webhooks), taken.stays.contacts
    words = f" {_count(ended, 'API token')} of theirs ended." if ended else ""
    left = [_count(number, what) for number, what in ((webhooks, "webhook"), (contacts, "contact")) if number]
    return f"{words} {' and '.join(left)} that they added stay: look at Notifications." if left else words


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _words_of(role: str) -> str:
    return "an administrator" if role == Role.ADMIN.value else "a viewer"


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
