"""Transforms and canonicalisations: two steps in one order, whatever a signer vouches for; nothing is run, nothing fetched.

All of it is judged before a database is asked, so it runs on SQLite alone.
"""

from __future__ import annotations

import re

import pytest
from lxml import etree

from tests.attacks.answering import accept_message
from tests.attacks.listener import Listener
from tests.attacks.signers import (
    SIGNED_INFO,
    by_digest,
    content_octets,
    digest_value,
    listing,
    raw_signature,
    resigned,
    with_value,
)
from tests.attacks.support import pending, refuse, settle
from tests.attacks.surgery import ADA, tree
from tests.support.saml_xml import DS
from tests.support.world import World
from tests.support.xml_signing import ENVELOPED, EXCLUSIVE, INCLUSIVE

INVALID, NOT_ALLOWED = "signature_invalid", "algorithm_not_allowed"
XPATH, XSLT_NAME = "http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/TR/1999/REC-xslt-19991116"


XSLT = (
    '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">'
    '<xsl:template match="/"><xsl:value-of select="document(\'PLACE/x.xml\')"/></xsl:template></xsl:stylesheet>'
)
TRANSFORMS: dict[str, tuple[tuple[str, str], ...]] = {
    "the signature taken out, nothing more": ((ENVELOPED, ""),),
    "canonicalisation alone": ((EXCLUSIVE, ""),),
    "canonicalisation twice": ((EXCLUSIVE, ""), (EXCLUSIVE, "")),
    "the signature taken out twice": ((ENVELOPED, ""), (ENVELOPED, "")),
    "the other way round": ((EXCLUSIVE, ""), (ENVELOPED, "")),
    "three": ((ENVELOPED, ""), (EXCLUSIVE, ""), (EXCLUSIVE, "")),
    "a dozen": ((ENVELOPED, ""), *((EXCLUSIVE, ""),) * 11),
    "inclusive canonicalisation": ((ENVELOPED, ""), (INCLUSIVE, "")),
    "inclusive canonicalisation with comments": ((ENVELOPED, ""), (INCLUSIVE + "#WithComments", "")),
    "canonicalisation 1.1": ((ENVELOPED, ""), ("http://www.w3.org/2006/12/xml-c14n11", "")),
    "canonicalisation 2.0": ((ENVELOPED, ""), ("http://www.w3.org/2010/xml-c14n2", "")),
    "base64": ((ENVELOPED, ""), (f"{DS}base64", "")),
    "base64 first": ((f"{DS}base64", ""), (EXCLUSIVE, "")),
    "XPath": ((XPATH, "<ds:XPath>not(ancestor-or-self::*)</ds:XPath>"), (EXCLUSIVE, "")),
    "XPath in the second place": ((ENVELOPED, ""), (XPATH, "<ds:XPath>false()</ds:XPath>")),
    "an XPath filter": ((ENVELOPED, ""), ("http://www.w3.org/2002/06/xmldsig-filter2", '<x xmlns="urn:x"/>')),
    "XPointer": ((ENVELOPED, ""), ("http://www.w3.org/2001/04/xmldsig-more/xptr", "")),
    "XSLT": ((XSLT_NAME, XSLT), (EXCLUSIVE, "")),
    "XSLT in the second place": ((ENVELOPED, ""), (XSLT_NAME, XSLT)),
    "decryption": (("http://www.w3.org/2002/07/decrypt#XML", ""), (EXCLUSIVE, "")),
    "a name that nobody knows": ((ENVELOPED, ""), ("urn:evil:identity", "")),
    "no name": ((ENVELOPED, ""), ("", "")),
    "a parameter of the first": ((ENVELOPED, '<x xmlns="urn:x"/>'), (EXCLUSIVE, "")),
    "a parameter of the second": ((ENVELOPED, ""), (EXCLUSIVE, '<x xmlns="urn:x"/>')),
    "two lists of prefixes": (
        (ENVELOPED, ""),
        (EXCLUSIVE, f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="xs"/>' * 2),
    ),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_other_transforms_are_refused(arena: World, listener: Listener, name: str) -> None:
    """Exactly two, in their order; what else a signer may vouch for is neither run nor fetched."""
    victim = pending(settle(arena))
    steps = "".join(
        f'<ds:Transform Algorithm="{uri}">{inner.replace("PLACE", listener.url)}</ds:Transform>'
        for uri, inner in TRANSFORMS[name]
    )

    def edit(info: str) -> str:
        return re.sub(r"<ds:Transforms>.*</ds:Transforms>", f"<ds:Transforms>{steps}</ds:Transforms>", info)

    message = resigned(victim.response(), victim.organisation.idp.key, edit)
    assert refuse(victim, message, {INVALID, NOT_ALLOWED}).check == "assertion_signature"


@pytest.mark.parametrize(
    "uri",
    [INCLUSIVE, INCLUSIVE + "#WithComments", "http://www.w3.org/2006/12/xml-c14n11", EXCLUSIVE[:-1], ENVELOPED, "", "none"],
)
def test_another_canonicalisation_of_signed_info_is_refused(arena: World, uri: str) -> None:
    """SignedInfo has one canonical form as well."""
    victim = pending(settle(arena))

    def edit(info: str) -> str:
        return re.sub(r'(<ds:CanonicalizationMethod Algorithm=)"[^"]*"', rf'\1"{uri}"', info)

    message = resigned(victim.response(), victim.organisation.idp.key, edit)
    assert refuse(victim, message, NOT_ALLOWED).check == "assertion_signature"


def with_comments(info: str) -> str:
    """SignedInfo that asks for comments."""
    return info.replace(f'"{EXCLUSIVE}"', f'"{EXCLUSIVE}WithComments"')


def test_with_comments_is_the_same_where_there_are_none(arena: World) -> None:
    """SAML Core 5.4.3 names both."""
    victim = pending(settle(arena))
    message = resigned(victim.response(), victim.organisation.idp.key, with_comments)
    assert accept_message(victim, message)["user"]["email"] == ADA


def test_comments_that_are_signed_are_not_read(arena: World) -> None:
    """A signer who signs comments is refused: they are dropped before anything else."""
    victim = pending(settle(arena))
    message = victim.response(before_signing=lambda xml: xml.replace("<saml:Subject>", "<saml:Subject><!-- x -->"))
    by_comments = by_digest(digest_value(content_octets(message, with_comments=True)))
    refuse(victim, resigned(message, victim.organisation.idp.key, lambda info: by_comments(with_comments(info))), INVALID)


def test_prefixes_listed_for_signed_info_are_read(arena: World) -> None:
    """InclusiveNamespaces may stand in CanonicalizationMethod too (Exclusive XML Canonicalization 3)."""
    victim = pending(settle(arena))
    xml = listing("xs samlp")(victim.response().decode()).encode()
    info = next(tree(xml).iter(SIGNED_INFO))
    signed = etree.tostring(info, method="c14n", exclusive=True, inclusive_ns_prefixes=["xs", "samlp"])
    message = with_value(xml, raw_signature(victim.organisation.idp.key, signed))
    assert accept_message(victim, message)["user"]["email"] == ADA


@pytest.mark.parametrize("prefixes", ["xs " * 33, " ".join(f"p{n}" for n in range(500))], ids=["33", "500"])
def test_a_long_list_of_prefixes_is_refused(arena: World, prefixes: str) -> None:
    """Each would be looked up at each element."""
    victim = pending(settle(arena))
    refuse(victim, victim.response(prefix_list=prefixes.strip()), INVALID)
