"""Commands for organisations, on the same flows as the API (I2). An organisation is named by its path, or by its id."""

from __future__ import annotations

from typing import Any

import click

from config.database import transaction
from identity.cli_people import person_id
from identity.organisation_schemas import AccessPatch
from identity.organisation_views import organisation_document, organisation_documents, placed_document, shown_access
from identity.organisations.branches import change_organisation, make_organisation
from identity.organisations.members import put_people
from identity.organisations.removing import remove_branch
from identity.organisations.settings import change_access
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import SEPARATOR
from tenants.tenant_records import ManagedTenant

organisation = ManagementGroup("organisation", help="A tenant's organisations, and how their people sign in.")
TENANT = click.option("--tenant", "slug", required=True, metavar="MYDOMAIN")
PATH = click.argument("path", metavar="PATH")
ANYWAY = click.option("--anyway", is_flag=True, help="Although people lose the way that they sign in by.")
WHOLE_TENANT = ("", SEPARATOR)
UNSET = "inherit"
WORDS: dict[str, Any] = {"true": True, "yes": True, "false": False, "no": False, UNSET: None}


@organisation.command("list")
@TENANT
def list_command(slug: str) -> None:
    """List a tenant's organisations."""
    show(sorted(organisation_documents(the_tenant(slug).id), key=lambda item: str(item["path"])))


@organisation.command("create")
@PATH
@TENANT
def create_command(path: str, slug: str) -> None:
    """Make an organisation; those above it have to be there."""
    tenant = the_tenant(slug)
    above, _, name = path.rpartition(SEPARATOR)
    with transaction():
        parent = id_of(tenant, above)
        made = make_organisation(tenant, name, parent, actor=actor(), now=now())
        show(organisation_document(tenant.id, made))


@organisation.command("rename")
@PATH
@click.argument("name")
@TENANT
def rename_command(path: str, name: str, slug: str) -> None:
    """Call an organisation something else."""
    tenant = the_tenant(slug)
    with transaction():
        found = _required(tenant, path)
        change_organisation(tenant, found, {"name": name}, actor=actor(), now=now())
        show(organisation_document(tenant.id, found))


@organisation.command("move")
@PATH
@click.option("--to", "target", required=True, metavar="PATH", help='Below which one; "/" is the tenant itself.')
@ANYWAY
@TENANT
def move_command(path: str, target: str, anyway: bool, slug: str) -> None:
    """Move an organisation with everything below it."""
    tenant = the_tenant(slug)
    with transaction():
        found = _required(tenant, path)
        change_organisation(tenant, found, {"parent_id": id_of(tenant, target)}, anyway=anyway, actor=actor(), now=now())
        show(organisation_document(tenant.id, found))


@organisation.command("remove")
@PATH
@click.option("--contents-to-parent", is_flag=True, help="First move its people, organisations and identity providers there.")
@ANYWAY
@TENANT
def remove_command(path: str, contents_to_parent: bool, anyway: bool, slug: str) -> None:
    """Remove an organisation."""
    tenant = the_tenant(slug)
    with transaction():
        found = _required(tenant, path)
        remove_branch(tenant, found, contents_to_parent=contents_to_parent, anyway=anyway, actor=actor(), now=now())


@organisation.command("show")
@click.argument("path", metavar="PATH", default=SEPARATOR)
@TENANT
def show_command(path: str, slug: str) -> None:
    """Show how its people sign in, and where each setting comes from. Without a path: the tenant itself."""
    tenant = the_tenant(slug)
    show(shown_access(tenant, id_of(tenant, path)).to_document())


@organisation.command("set")
@PATH
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE ...")
@ANYWAY
@TENANT
def set_command(path: str, settings: tuple[str, ...], anyway: bool, slug: str) -> None:
    """Override settings of an organisation ("/": of the tenant); the value `inherit` takes overriding back.

    Names are way, identity_provider, directory, sso_enabled, sso_required, provider_name, session_idle_seconds,
    session_absolute_seconds, jit_provisioning and require_second_factor.
    """
    tenant = the_tenant(slug)
    patch = checked(AccessPatch, dict(_setting_of(text) for text in settings))
    del patch["anyway"]
    with transaction():
        found = id_of(tenant, path)
        change_access(tenant, found, patch, anyway=anyway, actor=actor(), now=now())
    show(shown_access(the_tenant(slug), found).to_document())


@organisation.command("put")
@PATH
@click.argument("people", nargs=-1, required=True, metavar="ID-OR-EMAIL ...")
@TENANT
def put_command(path: str, people: tuple[str, ...], slug: str) -> None:
    """Have people belong to an organisation, or ("/") to the tenant as a whole."""
    tenant = the_tenant(slug)
    user_ids = [person_id(tenant, one) for one in people]
    with transaction():
        show(placed_document(put_people(tenant, user_ids, id_of(tenant, path), actor=actor(), now=now())))


def id_of(tenant: ManagedTenant, path: str) -> str | None:
    """The organisation that a path or an id names; None: the tenant itself."""
    return None if path.strip() in WHOLE_TENANT else _required(tenant, path)


def _required(tenant: ManagedTenant, path: str) -> str:
    tree = organisations_of(tenant.id)
    found = tree.nodes.get(path) or tree.find_by_path(path.strip(SEPARATOR))
    if found is None:
        sentence = f"There is no organisation {path!r}. `vestibule organisation list --tenant {tenant.slug}` shows them all."
        raise click.UsageError(sentence)
    return found.id


def _setting_of(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE.")
    return name, int(value) if value.isascii() and value.isdigit() and name.endswith("_seconds") else WORDS.get(value, value)
