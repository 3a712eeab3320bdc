"""Local accounts and break-glass as documents, for API and command alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from identity.local_accounts.break_glass_records import NamedAdmin, named_admins
from identity.local_sign_in.accounts import ShownAccount
from identity.local_sign_in.break_glass import uses
from identity.local_sign_in.links import IssuedLink


def account_document(shown: ShownAccount) -> dict[str, Any]:
    """A local account; never its secrets."""
    account = shown.account
    return {
        "state": shown.state,
        "password_set_at": account.password_set_at,
        "has_app": account.sealed_totp_secret is not None,
        "passkeys": [
            {"id": item.id, "label": item.label, "created_at": item.created_at, "last_used_at": item.last_used_at}
            for item in shown.passkeys
        ],
        "recovery_codes_left": shown.recovery_codes_left,
        "break_glass": account.break_glass,
        "invited_until": shown.invited_until,
        "last_sign_in_at": account.last_sign_in_at,
        "created_at": account.created_at,
        "created_by": account.created_by,
    }


def link_document(link: IssuedLink) -> dict[str, Any]:
    """A link that was made; its address where whoever asked may hand it on."""
    return asdict(link)


def admin_document(named: NamedAdmin) -> dict[str, Any]:
    """A break-glass administrator."""
    left_out = ("first_name", "last_name")
    return {name: value for name, value in asdict(named).items() if name not in left_out}


def break_glass_document(tenant_id: int) -> dict[str, Any]:
    """Who may come in so, and the latest times that somebody did."""
    admins = [admin_document(item) for item in named_admins(tenant_id)]
    return {"admins": admins, "uses": [asdict(item) for item in uses(tenant_id)]}
