"""Pictures of every page of the console: `python -m tests.e2e.take_console_pictures FOLDER [WIDTH …]`.

With docs/images/console as the folder they are the pictures of the guide, whose page of them is written anew; with another
one, and every width, a designer's.
"""

from __future__ import annotations

import io
import itertools
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from admin_ui.rendering import SCREENS
from admin_ui.screen import Screen, TenantScreen
from config.database import transaction, write
from identity.sign_in_counts import count_sign_ins
from tenants.metadata_sync import run_due_syncs
from tenants.models import IdentityProvider
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.sealer import seal_whole
from tenants.tenant_records import find_managed_tenant
from tenants.trust import BINDING_POST
from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM
from tests.e2e.console_crawl import crawl, kind_of
from tests.e2e.console_site import ConsoleSite, running_console
from tests.flows.management.support import LOOPBACK
from tests.support.local_accounts import LocalPerson
from tests.support.metadata_server import metadata_server
from tests.support.world import Organisation, World, utc_now

WINDOWS = {360: 740, 1280: 800, 3840: 2160}
OF_THE_GUIDE = ("360", "1280")
LONGEST = 2
"""Of a long page that much is shown, in heights for one width."""
GUIDE = Path(__file__).resolve().parents[2] / "docs"
HEAD = (
    "# Every page\n\nEach screen of the console in a wide window; the links lead to the same page in the dark and on a "
    "telephone. Staff's own screens come first, then those of a tenant."
)
COLOURS = 128
"""Enough for flat pages, and a third of the size."""


def main(folder: str, *widths: str) -> None:
    """Take them, light and dark, narrow and wide: staff's own screens as staff see them, a tenant's as its admins do."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, running_console(Path(temporary)) as site, sync_playwright() as playwright:
        fill(site.world)
        kinds = set[str]()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for role, organisation in (("staff", None), ("admin", site.world.acme)):
            context = browser.new_context()
            site.enter(context, role, organisation)
            kinds |= _take(site, context.new_page(), organisation, target, [int(width) for width in widths or OF_THE_GUIDE])
            context.close()
        browser.close()
        if target.resolve() == GUIDE / "images/console":
            screens = site.world.app.extensions[SCREENS]
            (GUIDE / "console/pages.md").write_text(page_of_guide(screens, kinds), "utf-8")


def page_of_guide(screens: Mapping[str, Screen], kinds: Collection[str]) -> str:
    """The page that shows them, in the order of the menu."""
    parts = [HEAD]
    for heading, of_tenants in (("The service", False), ("A tenant", True)):
        parts.append(f"## {heading}")
        for endpoint, screen in screens.items():
            own = sorted(kind for kind in kinds if kind.partition(".")[0] == endpoint)
            own.sort(key=lambda kind: not kind.endswith(".index"))
            if isinstance(screen, TenantScreen) == of_tenants:
                parts += [_shown(screen.label, kind, own) for kind in own]
    return "\n\n".join(parts) + "\n"


def _shown(label: str, kind: str, own: Sequence[str]) -> str:
    view = kind.partition(".")[2]
    has_list = any(other.endswith(".index") for other in own)
    what = "" if view == "index" else ("one of them" if has_list else "") if view == "show" else view.replace("_", " ")
    title, file = (f"{label}: {what}" if what else label), f"../images/console/{_file_of(kind)}"
    others = (("in the dark", "1280-dark"), ("on a telephone", "360-light"), ("on a telephone, in the dark", "360-dark"))
    links = ", ".join(f"[{words}]({file}-{ending}.png)" for words, ending in others)
    return f"### {title}\n\n![{title}]({file}-1280-light.png)\n\n{links}."


def _file_of(kind: str) -> str:
    return kind.replace(".", "-").replace("_", "-")


def fill(world: World) -> None:
    """Leave something to see on pages that tell of what waits, ends or was sent."""
    extensions, main = world.app.extensions, "/tenants/acme/identity-providers/main"
    settings = replace(extensions["vestibule_settings"], smtp_url="smtp://127.0.0.1:25", metadata_allowed_networks=LOOPBACK)
    extensions["vestibule_settings"] = settings
    _let_people_have_passwords(world)
    for path in ("/tenants/acme/notifications", "/notifications"):
        for where, body in (("contacts", {"email": "noc@acme.test"}), ("webhooks", {"url": "https://hooks.acme.test/in"})):
            assert world.api("POST", f"{path}/{where}", json=body).status_code == 201
    assert world.api("POST", "/tenants/acme/keys", json={"use": "signing"}).status_code == 201
    directory = {"display_name": "Head office", "urls": ["ldaps://ldap.acme.test"], "base_dn": "dc=acme,dc=test"}
    directory |= {"bind_dn": "cn=vestibule,dc=acme,dc=test", "password": "a good one"}
    assert world.api("PUT", "/tenants/acme/directories/office", json=directory).status_code in (200, 201)
    rule = {"attribute": "memberOf", "values": ["cn=it,dc=acme,dc=test"], "role": "viewer"}
    assert world.api("PUT", f"{main}/placement-rules", json={"rules": [rule]}).status_code == 200
    works = {"jit_provisioning": False, "session_idle_seconds": 3600}
    for name, own in (("Offices", {"identity_provider": "main"}), ("Works", works)):
        made = world.api("POST", "/tenants/acme/organisations", json={"name": name, "parent_id": None}).get_json()["id"]
        assert world.api("PATCH", f"/tenants/acme/organisations/{made}/access", json=own).status_code == 200
        below = world.api("POST", "/tenants/acme/organisations", json={"name": f"{name} abroad", "parent_id": made})
        assert below.status_code == 201
    assert world.api("PATCH", f"{main}/saml-settings/draft", json={"clock_skew_seconds": 120}).status_code in (200, 201)
    with metadata_server(world.acme.idp.metadata_xml()) as server:
        saved = {"display_name": "Company login", "metadata_url": server.url}
        assert world.api("PUT", main, json=saved).status_code == 200
        server.body = world.acme.idp.metadata_xml(sso=[(BINDING_POST, "https://login.elsewhere.test/sso")])
        with world.app.app_context():
            tenant = find_managed_tenant("acme")
            assert tenant is not None
            with transaction():  # as if somebody asked a while after it was saved
                asked = {"sync_requested_at": utc_now(), "sync_reason": "asked"}
                write(sa.update(IdentityProvider).where(IdentityProvider.tenant_id == tenant.id).values(**asked))
            assert run_due_syncs(settings, utc_now()) == 1
            assert count_sign_ins() > 0
            assert seal_whole(tenant_ledger(tenant.id), extensions["vestibule_seal_keys"], utc_now()) > 0


def _let_people_have_passwords(world: World) -> None:
    """Three local accounts: one that came in by break-glass, one with a password, one whose invitation waits."""
    people = []
    for first, last in (("Noor", "Haddad"), ("Samuel", "Okafor"), ("Mei", "Tanaka")):
        body = {"email": f"{first.lower()}@acme.test", "first_name": first, "last_name": last}
        user_id = world.api("POST", "/tenants/acme/users", json=body).get_json()["id"]
        people.append(LocalPerson(world, name=first.lower(), user_id=user_id))
    admin, owner, invited = people
    link = admin.invited()
    admin.named()
    assert admin.follow(link).status_code == 200
    assert admin.break_glass().status_code == 303
    assert admin.give(code=admin.code()).status_code == 303
    owner.enrolled()
    invited.invited()


def small(picture: bytes, tallest: int | None = None) -> Image.Image:
    """A picture of a page as the guide has it: so high at most, and of few colours."""
    image = Image.open(io.BytesIO(picture))
    shown = image.crop((0, 0, image.width, min(image.height, tallest or image.height)))
    return shown.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)


def _take(
    site: ConsoleSite, page: Page, organisation: Organisation | None, target: Path, widths: Sequence[int]
) -> set[str]:
    """Pictures of each kind of page, by the name of its kind; which those are."""
    screens = site.world.app.extensions[SCREENS]
    taken = set[str]()

    def is_wanted(kind: str) -> bool:
        screen = screens.get(kind.partition(".")[0])
        return screen is not None and isinstance(screen, TenantScreen) == (organisation is not None)

    for address in crawl(site, page, organisation, is_wanted):
        kind = kind_of(site, address) or ""
        if kind in taken or not is_wanted(kind):
            continue
        taken.add(kind)
        for scheme, width in itertools.product(("light", "dark"), widths):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # as it takes
            page.set_viewport_size({"width": width, "height": WINDOWS[width]})
            shown = small(page.screenshot(full_page=True), max(WINDOWS[width], width * LONGEST))
            shown.save(target / f"{_file_of(kind)}-{width}-{scheme}.png", optimize=True)
    return taken


if __name__ == "__main__":
    main(*sys.argv[1:])
