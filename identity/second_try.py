"""Flow: a response by a key that is not known is judged once more, after the metadata was fetched again (M7).

The second try is a first one: the same message from its first octet, by the trust that is in force by then, with a receipt of
its own. Nothing of the first try is kept, and neither writes anything.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass

from config.settings import Settings
from identity.checks import Receipt
from identity.exchanges import is_unanswered
from identity.judging import Claim, Judged, judge_claim, judge_response, read_claim
from tenants.records import TenantView
from tenants.signed_xml.errors import SigningKeyUnknown
from tenants.trusts import TenantTrust

FACT = "metadata_refetch"


@dataclass(frozen=True, slots=True)
class Renewal:
    """How trust is renewed: by what metadata is fetched with, and what gives the trust that is in force at that moment.

    `present_trust` raises where nobody may sign in any more.
    """

    settings: Settings
    present_trust: Callable[[], TenantTrust]


def judge_with_present_keys(
    tenant: TenantView,
    tenant_trust: TenantTrust,
    saml_response: str,
    relay_state: str,
    now: dt.datetime,
    receipt: Receipt,
    renewal: Renewal,
) -> Judged:
    """Find a message good, or refuse it; by the metadata that there is, or by what a fetch has brought.

    Raises:
        Refusal: of identity.errors or tenants.errors; `receipt` then holds every check of the last try.
    """
    claim = read_claim(tenant, tenant_trust, saml_response, relay_state, now, receipt)
    try:
        return judge_claim(tenant, claim, relay_state, now, receipt)
    except SigningKeyUnknown:
        if not _is_awaited(claim):
            raise
        from tenants.key_refetch import Outcome, refetch_for_key  # noqa: PLC0415 - all that fetches: hardly ever needed here

        began, trust = time.monotonic(), claim.trust
        found = refetch_for_key(tenant.id, trust.idp_id, trust.signing_keys, renewal.settings, now)
        receipt.facts[FACT] = {"outcome": found.outcome.value, "new_keys": found.new_keys, "code": found.code}
        if found.outcome is not Outcome.NEW_KEYS:
            raise
    receipt.start_anew(keep=FACT)
    later = now + dt.timedelta(seconds=time.monotonic() - began)  # a message that ran out meanwhile has run out
    return judge_response(tenant, renewal.present_trust(), saml_response, relay_state, later, receipt)


def _is_awaited(claim: Claim) -> bool:
    """Whether a good message of this kind would be taken at all: it answers a request that waits, or may come unasked.

    What it says of its issuer is not believed; but one that names another would be refused whatever its signature.
    """
    if claim.unverified.unverified_issuer not in (None, claim.trust.idp_entity_id):
        return False
    if claim.exchange is not None and claim.exchange.solicited:
        return is_unanswered(claim.exchange)
    return claim.unverified.unverified_in_response_to is None and claim.trust.settings.allow_idp_initiated
