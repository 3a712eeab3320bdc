"""Branding in the console: all is saved or nothing, the preview tells the truth, and a bad picture has its own sentence."""

from __future__ import annotations

import html
import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from identity.brand_preview import preview_css, preview_of
from identity.branding import TEXT_CONTRAST
from tenants.management_errors import LogoFault
from tests.flows.console.walking import token_of
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.pictures import ATTACKS, picture
from tests.support.world import World

FORM = "/admin/branding"


def _save(browser: Browser, base: str = FORM, *, logo: bytes | None = None, path: str = "/save", **fields: Any) -> TestResponse:
    sent: dict[str, Any] = {"csrf_token": token_of(browser, "/admin/"), "name": "Acme", "brand_colour": "#0f7b4f", **fields}
    if logo is not None:
        sent["logo"] = (io.BytesIO(logo), "logo.png", "image/png")
    return browser.post(base + path, data=sent, content_type="multipart/form-data")


def _brand(world: World) -> tuple[str, str, str | None]:
    shown = world.api("GET", "/tenants/acme").get_json()
    return shown["name"], shown["brand_colour"], shown["logo"]


def test_name_colour_and_logo_are_saved_together(world: World) -> None:
    """By an administrator at their own host and by staff; without a file the logo stays."""
    admin, owner = tenant_client(world), staff_client(world)
    saved = _save(admin, logo=picture(), name="Acme Works", brand_colour="#aa0044")
    assert saved.status_code == 303, saved.get_data(as_text=True)
    name, colour, path = _brand(world)
    assert (name, colour) == ("Acme Works", "#aa0044")
    assert path is not None
    assert _save(owner, "/admin/tenants/acme/branding", name="Acme").status_code == 303
    assert _brand(world) == ("Acme", "#0f7b4f", path)
    for browser, base in ((admin, FORM), (owner, "/admin/tenants/acme/branding")):
        page = browser.get(base + "/")
        assert "logo.png?v=" in page.get_data(as_text=True)
        served = browser.get(base + "/logo.png")
        assert served.mimetype == "image/png"
        assert served.data == world.api("GET", "/tenants/acme/logo").data
    removed = admin.post(FORM + "/logo/remove", data={"csrf_token": token_of(admin, "/admin/")})
    assert removed.status_code == 303
    assert _brand(world)[2] is None
    assert admin.get(FORM + "/logo.png").status_code == 404


@pytest.mark.parametrize("name", ["svg", "png_bomb", "gif_called_png", "png_and_script", "jpeg_cut_off", "too_large"])
def test_a_bad_picture_saves_nothing_and_says_why(world: World, name: str) -> None:
    """At its field, in its own words; what was typed stays in the form."""
    admin = tenant_client(world)
    before, (content, fault) = _brand(world), ATTACKS[name]
    refused = _save(admin, logo=content, name="Another name")
    page = html.unescape(refused.get_data(as_text=True))
    assert refused.status_code == 422
    assert LogoFault[fault].value in page
    assert 'value="Another name"' in page
    assert _brand(world) == before


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "#123456}", "url(x)", "#１２３４５６", "x" * 10_000])
def test_what_is_no_colour_is_refused(world: World, colour: str) -> None:
    """With the picture beside it: nothing is saved, and nothing of it reaches a style sheet."""
    admin = tenant_client(world)
    before = _brand(world)
    assert _save(admin, logo=picture(), brand_colour=colour).status_code == 422
    assert _brand(world) == before
    sheet = admin.get(FORM + "/preview.css", query_string={"colour": colour}).get_data(as_text=True)
    assert sheet == preview_css("")


def test_names_of_all_kinds(world: World) -> None:
    """Right to left, emoji and markup are names; blanks, control characters and endless ones are not."""
    admin = tenant_client(world)
    for name in ("شركة النور", "🦊 Fox", "<b>Bold</b> & Söhne"):
        assert _save(admin, name=name).status_code == 303
        assert _brand(world)[0] == name
        assert "<b>Bold</b>" not in admin.get(FORM + "/").get_data(as_text=True)
    for name in ("", "   ", "a\x00b", "a\nb", "x" * 10_000):
        assert _save(admin, name=name).status_code == 422, name[:10]


def test_a_viewer_and_support_look_and_change_nothing(world: World) -> None:
    """The form is shown, switched off; sending it anyway is refused."""
    before = _brand(world)
    for browser, base in (
        (tenant_client(world, role="viewer"), FORM),
        (staff_client(world, "support"), "/admin/tenants/acme/branding"),
    ):
        assert "disabled" in browser.get(base + "/").get_data(as_text=True)
        assert _save(browser, base, logo=picture()).status_code == 403
    assert _brand(world) == before
    assert _save(tenant_client(world, world.globex), "/admin/tenants/acme/branding").status_code in (403, 404)
    assert _brand(world) == before


def test_the_preview_without_scripts_saves_nothing(world: World) -> None:
    """The button shows what was typed, in the colour that was typed."""
    admin = tenant_client(world)
    before = _brand(world)
    looked = _save(admin, path="/look", name="Looks so", brand_colour="#ffee00")
    page = html.unescape(looked.get_data(as_text=True))
    assert looked.status_code == 200
    assert "preview.css?colour=%23ffee00" in page
    assert "Sign in to <bdi data-preview-name>Looks so</bdi>" in page
    assert _brand(world) == before


def test_the_preview_says_what_becomes_of_a_colour(world: World) -> None:
    """One that can be read is kept; one that cannot is changed, with the reason and both contrasts."""
    kept = preview_of("#0b5c3b")
    assert (kept.light.adjusted, kept.readable) == (False, True)
    assert "has your colour, with white text" in kept.light.sentence
    changed = preview_of("#8a8f98")
    assert changed.light.adjusted
    assert "has a contrast of" in changed.light.sentence
    for colour in ("#ffffff", "#000000", "#ffee00", "#ff8800", "#00ff00", "#2f5bea", "#777777"):
        for theme in (preview_of(colour).light, preview_of(colour).dark):
            assert theme.text_contrast >= TEXT_CONTRAST, colour
    document = tenant_client(world).get(FORM + "/preview.json?colour=%238a8f98").get_json()
    assert document["light"] == changed.light.sentence
    assert document["sheet"].endswith("/preview.css?colour=%238a8f98")
    assert tenant_client(world).get(FORM + "/preview.json?colour=nonsense").get_json()["readable"] is False
