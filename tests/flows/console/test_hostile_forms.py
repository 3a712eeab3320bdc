"""Values that no honest form sends, in every field of every form of the console: answered or refused, never our mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

from admin_ui.screen import MAX_FORM
from admin_ui.settings_form import read_settings_form
from tenants.saml_settings import SAMLSettings
from tests.flows.console.walking import of_staff, of_tenants, token_of
from tests.support.console import staff_client, tenant_client
from tests.support.world import World

HOSTILE = ("a\x00b", "--5", "9" * 5_000)
"""NUL, which PostgreSQL takes in no text; what looks like a number and is none; and a number that Python does not read."""
_PYTHON = re.compile(r"""(?:form\.get|form\.getlist|files\.get)\(\s*["'](\w+)["']|form\[["'](\w+)["']\]""")
_TEMPLATE = re.compile(r"""(?:form\.\w+\(|name=)["'](\w+)["']""")


def _fields() -> list[str]:
    """Every name that a form of the console may have."""
    names: dict[str, None] = {}
    for path in sorted(Path("admin_ui").rglob("*.py")):
        names |= dict.fromkeys(name for found in _PYTHON.findall(path.read_text()) for name in found if name)
    for path in sorted(Path("admin_ui/templates").rglob("*.html")):
        names |= dict.fromkeys(_TEMPLATE.findall(path.read_text()))
    names |= dict.fromkeys(("seen", "revision", "id", "entity_id"))
    return [name for name in names if name != "csrf_token"]


@pytest.mark.parametrize("who", ["staff", "admin"])
def test_no_form_is_a_mistake_of_ours(world: World, who: str) -> None:
    """Each form that makes or changes something whole, with the same hostile value in all of its fields."""
    fields, bad = _fields(), []
    assert len(fields) > 40
    browser = staff_client(world) if who == "staff" else tenant_client(world)
    token = token_of(browser, "/admin/")
    pages = of_tenants(world.app, below_slug=who == "staff") + (of_staff(world.app) if who == "staff" else [])
    for address in (item for item in pages if item.changes and not item.arguments):
        for value in HOSTILE:
            answer = browser.post(address.filled(""), data={**dict.fromkeys(fields, value), "csrf_token": token})
            if answer.status_code >= 500:
                bad.append(f"{address.path} with {value[:20]!r}: {answer.status}")
    assert bad == []


def test_a_form_is_no_longer_than_its_page_takes(world: World) -> None:
    """A file of more than that is not taken in by a page that takes none."""
    browser = tenant_client(world)
    fields = {"csrf_token": token_of(browser, "/admin/"), 'file"; filename="x.bin': "x" * MAX_FORM}
    parts = [f'--part\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    sent = ("".join(parts) + "--part--\r\n").encode()
    answer = browser.post("/admin/general/save", data=sent, content_type="multipart/form-data; boundary=part")
    assert answer.status_code == 413


@pytest.mark.parametrize("seen", ["[" * 60_000, "9" * 5_000, "[]", '{"digest_method": [1]}', "null"])
def test_settings_that_a_form_carries_along_are_believed_no_further_than_they_can_be_read(seen: str) -> None:
    """Too deep, too long a number, another shape: then what is there now counts as what was seen."""
    form = MultiDict({"seen": seen, "clock_skew_seconds": "60"})
    assert read_settings_form(form, SAMLSettings()).document["clock_skew_seconds"] == 60
