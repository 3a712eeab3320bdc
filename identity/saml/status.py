"""What the identity provider says about the outcome (SAML Core 3.2.2.2), with the fix where it is known."""

from __future__ import annotations

from lxml import etree

from identity.checks import MAX_SHOWN, STATUS, Receipt
from identity.saml.names import SAMLP, SUCCESS
from tenants.signed_xml.xml import child_of, text_of

NO_AUTHN_CONTEXT = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
CLASS_ADVICE = "the identity provider cannot sign people in by the class that was asked for: leave the class blank"
ENTRA_CLASS_ERROR = "AADSTS75011"


def require_success(response: etree._Element, receipt: Receipt) -> None:
    """Success, and nothing else: the codes and the message go into the receipt, with advice where there is some."""
    status = child_of(response, SAMLP + "Status")
    codes = [] if status is None else [code.get("Value", "") for code in status.iter(SAMLP + "StatusCode")]
    message = "" if status is None else text_of(child_of(status, SAMLP + "StatusMessage"))[:MAX_SHOWN]
    code = codes[0] if codes else "no status"
    if code == SUCCESS:
        receipt.passed(STATUS, SUCCESS, SUCCESS)
        return
    advice = CLASS_ADVICE if NO_AUTHN_CONTEXT in codes or ENTRA_CLASS_ERROR in message else ""
    receipt.facts["status"] = {"codes": [value[:MAX_SHOWN] for value in codes[:5]], "message": message, "advice": advice}
    told = [value.rsplit(":", 1)[-1] for value in codes[:5]] + [advice, message]
    actual = "; ".join(part for part in told if part)
    receipt.require(STATUS, False, "Success", actual, status_codes=codes, status_message=message)
