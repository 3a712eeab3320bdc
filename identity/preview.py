"""What we will send: the authentication request that some settings make, before anybody is sent away with it (A2)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from lxml import etree

from identity.saml.bindings import redirect_url, with_query
from identity.saml.names import SAML, SAMLP
from identity.saml.request import build_authn_request, choose_endpoint
from identity.saml.signing import sign_enveloped
from tenants.trust import BINDING_POST, SAMLTrust

EXAMPLE_ID = "_" + "0" * 40
"""Where a real request has an ID that nobody can guess."""
ON_ONE_LINE = 2
_TAG = re.compile(r"^( *<[\w:]+)((?: [\w:]+=\"[^\"]*\")+)(/?>)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"[\w:]+=\"[^\"]*\"")
EXAMPLE_RELAY_STATE = "token-of-32-characters-----------"


@dataclass(frozen=True, slots=True)
class RequestPreview:
    """A request as it would go out.

    `xml` is the message with line breaks for reading, "" where none is sent (Q7); `sent` is what the browser carries, in the
    very characters: the signed message, or the whole address. `binding` is one of post, redirect and none.
    `instead` says that the endpoint of the chosen binding is missing, so the other one is used (Q1).
    """

    binding: str
    location: str
    xml: str
    sent: str
    signed: bool
    instead: bool


def preview_of(trust: SAMLTrust, now: dt.datetime) -> RequestPreview:
    """The request that this trust's settings make, signed with the tenant's key where they say so.

    Raises:
        IdentityProviderMissing: the metadata names no endpoint to send it to.
    """
    settings = trust.settings
    if settings.idp_login_url:
        address = with_query(settings.idp_login_url, "RelayState=" + EXAMPLE_RELAY_STATE)
        return RequestPreview("none", settings.idp_login_url, "", address, signed=False, instead=False)
    endpoint = choose_endpoint(trust)
    by_post = endpoint.binding == BINDING_POST
    xml = build_authn_request(trust, EXAMPLE_ID, endpoint, now)
    if not by_post:
        sent = redirect_url(xml, EXAMPLE_RELAY_STATE, endpoint, trust)
    else:
        sent = (sign_enveloped(xml, trust) if settings.sign_requests else xml).decode()
    return RequestPreview(
        binding="post" if by_post else "redirect",
        location=endpoint.location,
        xml=_readable(xml),
        sent=sent,
        signed=settings.sign_requests,
        instead=by_post != (settings.request_binding == "post"),
    )


def _readable(xml: bytes) -> str:
    """The message with namespaces declared once, and each attribute of a longer element on a line of its own."""
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True))
    etree.cleanup_namespaces(root, top_nsmap={"samlp": SAMLP.strip("{}"), "saml": SAML.strip("{}")})
    etree.indent(root, space="  ")
    text: str = etree.tostring(root, encoding="unicode")
    return _TAG.sub(_broken, text)


def _broken(tag: re.Match[str]) -> str:
    attributes = _ATTRIBUTE.findall(tag[2])
    if len(attributes) <= ON_ONE_LINE:
        return tag[0]
    indent = "\n" + tag[1].partition("<")[0] + "    "
    return tag[1] + "".join(indent + attribute for attribute in attributes) + tag[3]
