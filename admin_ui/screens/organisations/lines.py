"""Settings of an organisation as people read and choose them: the value, who says so, and what would hold otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from admin_ui.asked import Asked
from admin_ui.forms import WHOLE
from admin_ui.screens.general import ABSOLUTE_CHOICES, IDLE_CHOICES, time_words
from admin_ui.screens.organisations.choices import ROOT, words_of
from identity.organisation_views import ShownSetting, shown_settings
from identity.organisations.changing import require_node
from identity.organisations.settings import NAMED
from tenants.directories.records import directories_of
from tenants.idp_records import providers_of
from tenants.organisations.access import DEFAULT_ACCESS
from tenants.organisations.records import organisations_of

INHERIT = ""
"""A field's value that takes overriding back."""
GONE = "~"
"""Stands for what was chosen and deleted since: it stays chosen until somebody says otherwise, and nothing is called so."""
WAS = "was_"
"""Before a field's name: what it held when it was shown. Only what somebody changed is asked for."""
WAYS: Mapping[str, str] = {"sso": "Single sign-on", "ldap": "Directory (LDAP)", "local": "Local accounts"}
FLAGS: Mapping[str, bool] = {"yes": True, "no": False}
TIMES: Mapping[str, Sequence[int]] = {"session_idle_seconds": IDLE_CHOICES, "session_absolute_seconds": ABSOLUTE_CHOICES}
LABELS: Mapping[str, tuple[str, str]] = {
    "way": ("Way to sign in", "How people sign in where it is not, or not only, by single sign-on."),
    "identity_provider": ("Identity provider", "The one that people have to come by. Nobody comes in by another one."),
    "directory": ("Directory", "The one that is asked where the way is a directory."),
    "sso_enabled": ("Single sign-on is offered", "Whether people may come by it at all."),
    "sso_required": ("Single sign-on is required", "Refuses every other way. Takes a passing test of what is in force."),
    "provider_name": ("Name on the button", "What people read on the sign-in page."),
    "session_idle_seconds": ("Without use, a session ends after", ""),
    "session_absolute_seconds": ("A session ends at the latest after", ""),
    "jit_provisioning": ("Unknown people get an account", "With their first sign-in, where single sign-on vouches for them."),
    "require_second_factor": ("Local accounts need a second factor", "Identity providers and directories see to their own."),
}
CHOSEN = LABELS.keys() - {"provider_name"}
"""Settings that a field offers to choose; others are typed."""
NOBODY_SAYS: Mapping[str, str] = {
    "identity_provider": "any of the tenant's",
    "directory": "any of the tenant's",
    "provider_name": "the identity provider's own name",
    "jit_provisioning": "as the identity provider's SAML settings say",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One setting. `source` says who set it, "" where nobody did; `source_place` is where its page is.

    `otherwise` is what would hold if it said nothing itself. `value` is that of its field, INHERIT where it says nothing
    itself; `typed` False where the field offers `choices`. `inheritable` False: the tenant always has one.
    """

    name: str
    label: str
    help: str
    words: str
    own: bool
    source: str
    source_place: str
    otherwise: str
    otherwise_source: str
    value: str
    choices: Sequence[tuple[str, str]]
    inheritable: bool
    typed: bool


def lines_of(asked: Asked, organisation_id: str | None) -> list[Line]:
    """Every setting of an organisation that is there, or (None) of the tenant."""
    tree, above = organisations_of(asked.tenant.id), _defaults()
    own = shown_settings(asked.tenant, tree, organisation_id)
    if organisation_id is not None:
        above = shown_settings(asked.tenant, tree, require_node(tree, organisation_id).parent_id)
    names = {
        "identity_provider": {item.name: item.display_name for item in providers_of(asked.tenant.id) if item.enabled},
        "directory": {item.name: item.display_name for item in directories_of(asked.tenant.id) if item.enabled},
    }
    found = []
    for name, (label, help_words) in LABELS.items():
        here, there = own[name], above[name]
        value = _field_value(here)
        found.append(
            Line(
                name,
                label,
                help_words,
                words=_words(here, names),
                own=here.own,
                source=_source(asked, here, words_of(asked, tree, here.source)),
                source_place=(here.source or ROOT) if here.source_path is not None else "",
                otherwise=_words(there, names),
                otherwise_source=_source(asked, there, words_of(asked, tree, there.source)),
                value=value,
                choices=_choices(name, value, names),
                inheritable=organisation_id is not None or name not in TIMES,
                typed=name not in CHOSEN,
            )
        )
    return found


def patch_of(form: Mapping[str, str]) -> dict[str, Any]:
    """What somebody changed, as the API takes it: nobody's other settings are set back by a page that was open for long."""
    patch: dict[str, Any] = {}
    for name in LABELS:
        text = form.get(name)
        if text is not None and (text := text.strip()) != form.get(WAS + name, INHERIT):
            patch[name] = _read(name, text)
    return patch


def _read(name: str, text: str) -> Any:
    if text == INHERIT:
        return None
    if name in TIMES:
        return int(text) if WHOLE.fullmatch(text) else text
    return FLAGS.get(text, text)


def _defaults() -> Mapping[str, ShownSetting]:
    return {name: ShownSetting(name, getattr(DEFAULT_ACCESS, NAMED.get(name, name)), False, None, None) for name in LABELS}


def _field_value(shown: ShownSetting) -> str:
    if not shown.own:
        return INHERIT
    if shown.value is None:
        return GONE
    if isinstance(shown.value, bool):
        return "yes" if shown.value else "no"
    return str(shown.value)


def _words(shown: ShownSetting, names: Mapping[str, Mapping[str, str]]) -> str:
    value, name = shown.value, shown.name
    if value is None:
        return "one that was deleted" if name in NAMED and shown.source_path is not None else NOBODY_SAYS.get(name, "")
    if name in NAMED:
        return names[name].get(value, f"{value}, which is switched off")
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return time_words(value) if name in TIMES else WAYS.get(value, str(value))


def _source(asked: Asked, shown: ShownSetting, path: str) -> str:
    if shown.source_path is None:
        return ""
    return path if shown.source is not None else asked.tenant.name


def _choices(name: str, value: str, names: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """What a field offers besides inheriting; what is chosen now is always among it."""
    if name == "way":
        return list(WAYS.items())
    if name in TIMES:
        usual = {*TIMES[name], *([int(value)] if value else [])}
        return [(str(seconds), time_words(seconds)) for seconds in sorted(usual)]
    if name in NAMED:
        present = {value: "one that was deleted" if value == GONE else f"{value}, which is switched off"} if value else {}
        return list({**present, **names[name]}.items())
    return [] if name == "provider_name" else [("yes", "Yes"), ("no", "No")]
