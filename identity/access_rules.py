"""Rules of the person's organisation that a sign-in by SSO is held against: whether it may come so, and be made so (G2, P1)."""

from __future__ import annotations

from identity.checks import PROVISIONED, WAY, Receipt
from tenants.organisations.access import SSO, Access
from tenants.trust import SAMLTrust


def require_way(access: Access, trust: SAMLTrust, receipt: Receipt) -> None:
    """The people of the organisation come by SSO, and by this identity provider where theirs is chosen.

    Whether an identity provider may speak for somebody at all is decided before: this holds the people of one part of a
    tenant against the identity provider of another one, which the tenant trusts as much.

    Raises:
        SignInWayNotAllowed
    """
    otherwise = "SSO, which is switched off there" if not access.sso_enabled else "another identity provider than theirs"
    receipt.require(WAY, access.admits(SSO, trust.idp_id), "a way in that the person's organisation has", otherwise=otherwise)


def require_leave_to_move(access: Access, trust: SAMLTrust, receipt: Receipt) -> None:
    """A rule takes nobody out of an organisation that this identity provider may not speak for; it leaves no trace if it may.

    Otherwise the rules of one part's identity provider would carry the people of another part over to where it is heard.

    Args:
        access: what holds where the person is before any rule.

    Raises:
        SignInWayNotAllowed
    """
    if not access.admits(SSO, trust.idp_id):
        require_way(access, trust, receipt)


def require_provisioning(access: Access, trust: SAMLTrust, receipt: Receipt) -> None:
    """An unknown person may get an account where they would belong: as it says there, or as the SAML settings say.

    Raises:
        UserNotProvisioned
    """
    here = access.jit_provisioning
    allowed = trust.settings.jit_provisioning if here is None else here
    wanted = "an account that exists, or just-in-time provisioning"
    receipt.require(PROVISIONED, allowed, wanted, otherwise="just-in-time provisioning is off")
