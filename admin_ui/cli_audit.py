"""Commands for sealed audit events: verify them, and print what an auditor keeps (L2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import click
from flask import Flask

from admin_ui.audit_chains import STAFF_LEDGER, adopt
from config.isolation import every_tenant
from tenants.cli_support import ManagementGroup, actor, now, the_tenant
from tenants.models import Tenant
from tenants.paging import MAX_LIMIT
from tenants.schema_fields import MAX_REASON
from tenants.sealing.across import page_of_chains
from tenants.sealing.errors import AnchorInvalid, NothingToAdopt
from tenants.sealing.examination import examine
from tenants.sealing.ledgers import Ledger, table_of, tenant_ledger
from tenants.sealing.offline import examine_export
from tenants.sealing.records import head_of
from tenants.sealing.reports import Fault, Finding, Report
from tenants.sealing.seals import SERVICE_CHAIN, Anchor, read_anchor
from tenants.wiring import seal_keys

audit = ManagementGroup("audit", help="Sealed audit events: verify them, print anchors.")
SLUG = click.argument("slug", metavar="[MYDOMAIN]", required=False)
STAFF = click.option("--staff", is_flag=True, help="The service's own chain: what staff do among themselves.")
CHAIN = click.option("--chain", "number", type=click.IntRange(1), help="By its number: also of a tenant that was deleted.")
EXIT_BROKEN = 1
OWN_NAME = "(staff)"


def install_audit_commands(app: Flask) -> None:
    """Give the application these commands."""
    app.cli.add_command(audit)


@audit.command("verify")
@SLUG
@STAFF
@CHAIN
@click.option("--from", "since", metavar="ANCHOR", help="Begin behind this seal; what it holds is taken as it stands.")
@click.option("--anchor", "anchors", metavar="ANCHOR", multiple=True, help="A seal that the chain has to have.")
@click.option("--file", "export", type=click.Path(allow_dash=True), help="Instead: a `sealed` export, or -.")
@click.option("--key", "public_keys", multiple=True, help="With --file: a public key to trust, besides those of SECRET_KEYS.")
@click.option("--partial", is_flag=True, help="With --file: it holds what a filter let through, so events may be missing.")
@click.pass_context
def verify_command(
    ctx: click.Context,
    slug: str | None,
    staff: bool,
    number: int | None,
    since: str | None,
    anchors: tuple[str, ...],
    export: str | None,
    public_keys: tuple[str, ...],
    partial: bool,
) -> None:
    """Verify the chains of all tenants and of staff, or of one. Exit code 1: something was changed, removed or added."""
    kept = [read_anchor(text) for text in anchors]
    if export is not None:
        trusted = frozenset(public_keys) | frozenset(seal_keys().public.values())
        with _opened(export) as lines:
            reports = examine_export(lines, trusted, anchors=kept, is_partial=partial)
        intact = [_show(f"chain {report.chain}", report) for report in reports]
    else:
        start = read_anchor(since) if since else None
        is_alone, seen, intact = bool(slug or staff or number), set[int](), list[bool]()
        for name, ledger in _chains(slug, staff, number):
            intact.append(_verified(name, ledger, start, kept, is_alone=is_alone))
            seen.add(ledger.chain)
        intact += [_show(*_gone(anchor)) for anchor in (*kept, *([start] if start else [])) if anchor.chain not in seen]
    ctx.exit(0 if all(intact) else EXIT_BROKEN)


@audit.command("adopt")
@SLUG
@STAFF
@CHAIN
@click.option("--all", "every", is_flag=True, help="Each chain that cannot go on: one key sealed them all.")
@click.option("--anchor", "anchors", metavar="ANCHOR", multiple=True, help="Only a chain whose newest seal is this one.")
@click.option("--reason", required=True, metavar="WHY", help="Why the key is gone; it is kept on record.")
def adopt_command(
    slug: str | None, staff: bool, number: int | None, every: bool, anchors: tuple[str, ...], reason: str
) -> None:
    """Go on with a chain whose newest seal is of a key that is lost. What was sealed before is not vouched for by that.

    Only here, where SECRET_KEYS are: neither API nor console can do it. First compare its newest seal with an anchor that
    was kept elsewhere, or name those anchors: whoever can write to the database could have put a history of their own there.
    """
    if not (slug or staff or number or every):
        raise click.UsageError("Name one chain: a MyDomain, --chain or --staff. Or say --all.")
    if every and (slug or staff or number):
        raise click.UsageError("--all is for all chains.")
    why = reason.strip()
    if not 1 <= len(why) <= MAX_REASON:
        raise click.UsageError(f"The reason has 1 to {MAX_REASON} characters.")
    kept, count = [read_anchor(text) for text in anchors], 0
    for name, ledger in _chains(slug, staff, number):
        if kept and not _is_anchored(name, ledger, kept):
            continue
        try:
            adopted = adopt(ledger, seal_keys(), why, actor=actor(), now=now())
        except NothingToAdopt:
            if not every:
                raise
            continue
        count += 1
        click.echo(f"{name}: goes on with seal {adopted.seal.number}; it could not, since {adopted.cause}")
        click.echo(f"  adopted as it stands: {adopted.former.anchor}")
        click.echo(f"  verify from here on with --from {adopted.seal.anchor}")
    if every or kept:
        click.echo(f"{count} adopted.")


@audit.command("anchors")
@SLUG
@STAFF
@CHAIN
def anchors_command(slug: str | None, staff: bool, number: int | None) -> None:
    """Print the newest seal of each chain, to be kept where nobody who can reach the database can change it."""
    for name, ledger in _chains(slug, staff, number):
        head = head_of(ledger)
        click.echo(f"{head.anchor if head else '-'}\t{name}")


@audit.command("keys")
def keys_command() -> None:
    """Print the public keys of seals, by the name of the key in SECRET_KEYS; the first one signs."""
    for name, public_key in seal_keys().public.items():
        click.echo(f"{name}\t{public_key}")


def _is_anchored(name: str, ledger: Ledger, anchors: list[Anchor]) -> bool:
    """Whether the newest seal of a chain is one that somebody kept; said where it is another one."""
    head = head_of(ledger)
    if head is None or head.anchor in anchors:
        return head is not None
    click.echo(f"{name}: left alone, its newest seal {head.anchor} is none of the anchors")
    return False


def _opened(path: str) -> IO[str]:
    try:
        return click.open_file(path, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _verified(name: str, ledger: Ledger, since: Anchor | None, anchors: list[Anchor], *, is_alone: bool) -> bool:
    """One chain. Anchors may be of many; with one chain asked for, one of another is a mistake and not a pass."""
    kept = [anchor for anchor in anchors if anchor.chain == ledger.chain]
    if is_alone and len(kept) < len(anchors):
        raise AnchorInvalid("an anchor of another chain")
    if since is not None and since.chain != ledger.chain:
        if is_alone:
            raise AnchorInvalid("an anchor of another chain")
        since = None
    return _show(name, examine(ledger, seal_keys(), since=since, anchors=kept))


def _show(name: str, report: Report) -> bool:
    """One line that says how it is, one for each finding, and the anchor."""
    size = f"{report.events} events in {report.seals} seals, {report.waiting} wait to be sealed"
    size += f", {report.removed} refusals are over and removed" if report.removed else ""
    click.echo(f"{name}: {'intact' if report.is_intact else f'BROKEN, {report.faults} faults'}; {size}")
    for finding in report.findings:
        what = f"event {finding.event_id}" if finding.event_id else f"seal {finding.seal}"
        where = f" (seal {finding.seal})" if finding.event_id and finding.seal else ""
        click.echo(f"  {finding.fault}: {what}{where}: {finding.cause}")
    if report.faults > len(report.findings):
        click.echo(f"  and {report.faults - len(report.findings)} more")
    if report.head is not None:
        click.echo(f"  newest seal: {report.head}")
    return report.is_intact


def _gone(anchor: Anchor) -> tuple[str, Report]:
    """A chain that an anchor names, and that is not there: even a deleted tenant keeps its own."""
    report = Report(anchor.chain)
    report.add(Finding(Fault.SEAL_REMOVED, anchor.number, None, "the anchor names it, and its whole chain is gone"))
    return f"chain {anchor.chain}", report


def _chains(slug: str | None, staff: bool, number: int | None) -> Iterator[tuple[str, Ledger]]:
    """The chain that was named, or all: tenants in the order of their making, deleted ones by number alone; then staff's."""
    if sum(map(bool, (slug, staff, number))) > 1:
        raise click.UsageError("Name one of MYDOMAIN, --chain and --staff.")
    if slug:
        yield slug, tenant_ledger(the_tenant(slug).id)
        return
    if number:
        found = [name for chain, name in _page(number - 1, 1) if chain == number]
        if not found:
            raise click.UsageError(f"There is no chain {number}.")
        yield found[0], tenant_ledger(number)
        return
    after = SERVICE_CHAIN
    while not staff and (page := _page(after, MAX_LIMIT)):
        yield from ((name, tenant_ledger(chain)) for chain, name in page)
        after = page[-1][0]
    yield OWN_NAME, STAFF_LEDGER


def _page(after: int, limit: int) -> list[tuple[int, str]]:
    """Number and name of chains; a deleted tenant has none, since another one may be called so by now."""
    with every_tenant():
        found = page_of_chains(table_of(Tenant), after, limit)
    return [(chain, slug or f"chain {chain} (deleted)") for chain, slug in found]
