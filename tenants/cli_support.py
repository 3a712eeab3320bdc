"""What the commands of management share: refusals as sentences, documents as JSON, who acts and when."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from typing import Any

import click
import marshmallow as ma
from flask.cli import AppGroup

from tenants.errors import NotFound, Refusal
from tenants.management_errors import FieldsInvalid
from tenants.tenant_records import ManagedTenant, find_managed_tenant

EXIT_REFUSED = 2


class ManagementGroup(AppGroup):
    """Commands on the same flows as the API; a refusal is a sentence that says what to do, and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            click.echo(f"Error: {refusal_words(refusal)}", err=True)
            ctx.exit(EXIT_REFUSED)


def now() -> dt.datetime:
    """When the command was given."""
    return dt.datetime.now(dt.UTC)


def actor() -> str:
    """Who gave it, for the audit."""
    environment = os.environ
    name = environment.get("SUDO_USER") or environment.get("USER") or str(os.getuid())
    return "cli:" + ascii(name)[1:-1][:60]


def the_tenant(slug: str) -> ManagedTenant:
    """The tenant that a command names."""
    tenant = find_managed_tenant(slug) if slug.isascii() else None
    if tenant is None:
        raise click.UsageError(f"There is no tenant {slug!r}. `vestibule tenant list` shows them all.")
    return tenant


def checked(form: type[ma.Schema], document: Mapping[str, Any]) -> dict[str, Any]:
    """A document in the form that the API takes, too.

    Raises:
        FieldsInvalid
    """
    try:
        fields: dict[str, Any] = form().load(dict(document))
    except ma.ValidationError as error:
        raise FieldsInvalid("validation", errors=error.messages) from None
    return fields


def show(document: Any) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def refusal_words(refusal: Refusal) -> str:
    """A refusal in the words of a command: what it is, its code, its cause, and the faults by field."""
    if isinstance(refusal, NotFound):
        return f"Not found: {refusal.cause}."
    lines = [f"{refusal.sentence} [{refusal.code}]"]
    if refusal.cause and not refusal.detail.get("errors"):  # faults by field say it already
        lines.append(f"  {refusal.cause}")
    lines += [f"  {field}: {json.dumps(text, ensure_ascii=False)}" for field, text in refusal.detail.get("errors", {}).items()]
    return "\n".join(lines)
