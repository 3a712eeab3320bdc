"""Commands for identity providers, on the same flows as the API (I2)."""

from __future__ import annotations

from pathlib import Path

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, now, show, the_tenant
from tenants.connecting import ProviderRequest, connect
from tenants.idp_records import providers_of
from tenants.metadata_errors import MAX_METADATA_BYTES
from tenants.metadata_intake import MetadataSource, SourceKind
from tenants.metadata_sync import queue_sync, run_sync
from tenants.providers import change_provider_facts, delete_provider, only_source, require_provider
from tenants.refresh.records import SyncResult
from tenants.sync_intervals import change_sync_hours
from tenants.views import provider_document, refresh_document
from tenants.wiring import end_sessions, settings

idp = ManagementGroup("idp", help="Identity providers of a tenant.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
NAME = click.argument("name", metavar="IDP")


@idp.command("put")
@SLUG
@NAME
@click.option("--display-name", required=True, help="What people see.")
@click.option("--metadata-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file on this machine.")
@click.option("--metadata-url", help="Fetched now, and again on every sync.")
@click.option("--metadata-path", help="A file below METADATA_DIRECTORY.")
@click.option("--metadata-mdq", help="Base URL of a metadata query service, which is asked for --entity-id alone.")
@click.option(
    "--metadata-signing-certificate",
    "signer",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM: metadata has to be signed by it from now on. Left out: as it is.",
)
@click.option("--without-metadata-signing-certificate", "unsigned", is_flag=True, help="It need not be signed any more.")
@click.option("--allow-aggregate/--no-aggregate", "aggregate", default=None, help="Out of a federation's list of up to 32 MiB.")
@click.option("--entity-id", help="Which one, where there are several; or the new one, where it has changed.")
@click.option("--enabled/--disabled", default=None)
def put_command(
    slug: str,
    name: str,
    display_name: str,
    metadata_file: Path | None,
    metadata_url: str | None,
    metadata_path: str | None,
    metadata_mdq: str | None,
    signer: Path | None,
    unsigned: bool,
    aggregate: bool | None,
    entity_id: str | None,
    enabled: bool | None,
) -> None:
    """Connect an identity provider, or change it; refused metadata changes nothing."""
    given = {SourceKind.XML: _text_of(metadata_file), SourceKind.URL: metadata_url, SourceKind.PATH: metadata_path}
    source = MetadataSource(*only_source(given | {SourceKind.MDQ: metadata_mdq}))
    pem = "" if unsigned else _text_of(signer)
    wanted = ProviderRequest(name, display_name, source, enabled, entity_id, pem, aggregate)
    provider, _ = connect(the_tenant(slug), wanted, settings(), actor=actor(), now=now(), in_web=False)
    show(provider_document(provider))


@idp.command("change")
@SLUG
@NAME
@click.option("--display-name", help="What people see.")
@click.option("--enabled/--disabled", default=None, help="Off: nobody signs in by it any more. Sessions go on.")
def change_command(slug: str, name: str, display_name: str | None, enabled: bool | None) -> None:
    """Change its name for people, or switch it off and on. Nothing is fetched."""
    if display_name is None and enabled is None:
        raise click.UsageError("Say what to change: --display-name, --enabled or --disabled.")
    with transaction():
        changed = change_provider_facts(
            the_tenant(slug), name, display_name=display_name, enabled=enabled, actor=actor(), now=now()
        )
    show(provider_document(changed))


@idp.command("list")
@SLUG
def list_command(slug: str) -> None:
    """List a tenant's identity providers."""
    for provider in providers_of(the_tenant(slug).id):
        click.echo(f"{provider.name}\t{'enabled' if provider.enabled else 'disabled'}\t{provider.entity_id}")


@idp.command("show")
@SLUG
@NAME
def show_command(slug: str, name: str) -> None:
    """Show an identity provider as it is in force."""
    show(provider_document(require_provider(the_tenant(slug).id, name)))


@idp.command("sync")
@SLUG
@NAME
def sync_command(slug: str, name: str) -> None:
    """Fetch the metadata now, at most once a minute, and show how it went; a fetch that failed ends with status 1."""
    tenant = the_tenant(slug)
    provider = require_provider(tenant.id, name)
    with transaction():
        queue_sync(tenant, provider, now())
    run_sync(tenant.id, provider.id, settings(), now())
    last = provider_document(require_provider(tenant.id, name))["last_sync"]
    show(last)
    if last["result"] == SyncResult.FAILED.value:
        click.get_current_context().exit(1)


@idp.command("refresh")
@SLUG
@NAME
@click.option("--hours", type=int, help="Its own interval, 1 to 168.")
@click.option(
    "--default", "by_service", is_flag=True, help="The service's interval (`vestibule prop get saml.metadata_sync_hours`)."
)
def refresh_command(slug: str, name: str, hours: int | None, by_service: bool) -> None:
    """Show how often the metadata is fetched again, or change it; that holds at once."""
    tenant = the_tenant(slug)
    if hours is not None and by_service:
        raise click.UsageError("Give --hours or --default, and not both.")
    if hours is not None or by_service:
        with transaction():
            change_sync_hours(tenant, name, hours, actor=actor(), now=now())
    show(refresh_document(require_provider(tenant.id, name)))


@idp.command("delete")
@SLUG
@NAME
def delete_command(slug: str, name: str) -> None:
    """Take an identity provider away: its sessions end, its people stay."""
    tenant = the_tenant(slug)
    with transaction():
        delete_provider(tenant, name, actor=actor(), now=now(), end_sessions=end_sessions())


def _text_of(path: Path | None) -> str | None:
    """The file as text; more than can be accepted is not read."""
    if path is None:
        return None
    with path.open("rb") as file:
        return file.read(MAX_METADATA_BYTES + 1).decode("utf-8", "replace")
