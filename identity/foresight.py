"""Records read to foresee what a sign-in would do, without doing it: was this used, who is this, whose address is it (D2)."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read
from identity.access_rules import require_leave_to_move, require_provisioning, require_way
from identity.assertion import Exchange
from identity.checks import ACTIVE, EMAIL_OWNER, IN_RESPONSE_TO, UNUSED, Receipt
from identity.email_addresses import ADDRESS_IN_USE
from identity.exchanges import hash_of
from identity.judging import Judged
from identity.models import EmailAddress, ExchangeRow, UsedAssertion
from identity.placing import first_organisation, organisation_again
from identity.provisioning import Person, find_person, find_prepared
from tenants.organisations.tree import OrganisationTree

KNOWN, JOINED, NEW = "known", "joined", "new"


def require_unused(judged: Judged, receipt: Receipt) -> None:
    """The assertion has signed nobody in, and its request waits for an answer still: as identity.acs decides it by writing."""
    assertion, trust = judged.assertion, judged.trust
    used = sa.select(UsedAssertion.expires_at).where(
        UsedAssertion.tenant_id == trust.tenant_id,
        UsedAssertion.idp_id == trust.idp_id,
        UsedAssertion.assertion_hash == hash_of(assertion.id),
    )
    unused = read(used).one_or_none() is None
    receipt.require(UNUSED, unused, "an assertion not used before", otherwise=f"{assertion.id}, used before")


def require_unanswered(exchange: Exchange, receipt: Receipt) -> None:
    """Nobody has answered the request before."""
    row = sa.select(ExchangeRow.used_at).where(
        ExchangeRow.tenant_id == exchange.tenant_id, ExchangeRow.request_id == exchange.request_id
    )
    answered = read(row).scalar_one_or_none() is not None
    receipt.require(IN_RESPONSE_TO, not answered, "a request not answered yet", otherwise="one answered before")


def foresee_person(judged: Judged, organisations: OrganisationTree, receipt: Receipt) -> str:
    """Whether the person is KNOWN, would be JOINED with one who was prepared, or NEW; by the checks that `provision` makes.

    Raises:
        UserNotProvisioned, UserInactive, EmailConflict, SignInWayNotAllowed.
    """
    trust, profile, placement = judged.trust, judged.profile, judged.placement
    person, would = find_person(trust, profile), KNOWN
    if person is None:
        person, would = find_prepared(trust, profile), JOINED
    if person is None:
        access = organisations.access_of(first_organisation(trust, placement))
        require_provisioning(access, trust, receipt)
        _require_free(profile.email, None, receipt)
        require_way(access, trust, receipt)
        return NEW
    receipt.facts["user_id"] = person.id
    receipt.require(ACTIVE, person.active, "an active account", otherwise="one that is switched off")
    updated = would == JOINED or trust.settings.profile_update == "every_login"
    if updated and profile.email != person.email:
        _require_free(profile.email, person, receipt)
    require_leave_to_move(organisations.access_of(person.organisation_id), trust, receipt)
    place = first_organisation if would == JOINED else organisation_again
    require_way(organisations.access_of(place(trust, placement, person.organisation_id)), trust, receipt)
    return would


def _require_free(email: str, person: Person | None, receipt: Receipt) -> None:
    owner = read(sa.select(EmailAddress.tenant_id, EmailAddress.user_id).where(EmailAddress.email == email)).one_or_none()
    free = owner is None or (person is not None and tuple(owner) == (person.tenant_id, person.id))
    receipt.require(
        EMAIL_OWNER,
        free,
        "an address that no other account uses",
        otherwise=ADDRESS_IN_USE,
    )
