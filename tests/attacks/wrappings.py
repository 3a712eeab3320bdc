"""Wrappings: the signed original is kept somewhere in the message, and something forged stands where it stood.

XSW1 to XSW8 are those of Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012), in the
shapes that SAML Raider sends; the others are hiding places that the schema leaves open, and newer tricks with IDs.
Each takes the message as the identity provider signed it and gives the attacker's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from tests.attacks.surgery import (
    ASSERTION,
    ISSUER,
    SIGNATURE,
    after_issuer,
    child,
    element,
    forged,
    put_after,
    put_first,
    replace_in,
)
from tests.support.saml_xml import DS, SAML, SAMLP

Make = Callable[[etree._Element], etree._Element]
STATUS = f"{{{SAMLP}}}Status"


@dataclass(frozen=True)
class Wrapping:
    """One attack. `signed`: what the identity provider has signed; `stopped_by`: the check that stops it, or the checks."""

    make: Make
    signed: str
    stopped_by: frozenset[str]

    @property
    def name(self) -> str:
        """For the test's name."""
        return f"{self.make.__name__}-{self.signed}_signed"


WRAPPINGS: list[Wrapping] = []


def of(signed: str, *stopped_by: str) -> Callable[[Make], Make]:
    """Make a function an attack on messages signed so ("assertion both": on each of the two).

    Where the response is signed, its signature may notice before the named checks do.
    """

    def add(make: Make) -> Make:
        for one in signed.split():
            noticed = () if one == "assertion" else ("response_signature",)
            WRAPPINGS.append(Wrapping(make, one, frozenset(stopped_by + noticed)))
        return make

    return add


def bare(original: etree._Element) -> etree._Element:
    """A copy without its signature."""
    made = copy.deepcopy(original)
    for signature in made.findall(SIGNATURE):
        made.remove(signature)
    return made


def in_extensions(root: etree._Element, *hidden: etree._Element) -> None:
    """Hide something in samlp:Extensions of the response."""
    place = root.find(SIGNATURE)
    put_after(child(root, ISSUER) if place is None else place, element("samlp:Extensions", element("x:hidden", *hidden)))


def with_its_signature(evil: etree._Element, original: etree._Element) -> etree._Element:
    """Put the original's signature where the forged element would have its own."""
    after_issuer(evil, copy.deepcopy(child(original, SIGNATURE)))
    return evil


# XSW1 and XSW2: the signed element is the response


@of("response both", "schema")
def xsw1_original_response_inside_the_signature(root: etree._Element) -> etree._Element:
    """The forged response carries the signature, and the signature carries the original."""
    evil = with_its_signature(forged(root), root)
    child(evil, SIGNATURE).append(bare(root))
    return evil


@of("response both", "schema")
def xsw2_original_response_before_the_signature(root: etree._Element) -> etree._Element:
    """The signature is detached, the original stands before it."""
    evil = with_its_signature(forged(root), root)
    child(evil, SIGNATURE).addprevious(bare(root))
    return evil


# XSW3 to XSW8: the signed element is the assertion


@of("assertion response both", "one_assertion")
def xsw3_forged_assertion_first(root: etree._Element) -> etree._Element:
    """A forged assertion stands before the original."""
    original = child(root, ASSERTION)
    original.addprevious(forged(original))
    return root


@of("assertion response both", "schema")
def xsw4_original_inside_the_forged(root: etree._Element) -> etree._Element:
    """The original is a child of the forged assertion."""
    original = child(root, ASSERTION)
    evil = forged(original)
    replace_in(original, evil)
    evil.append(original)
    return root


@of("assertion both", "one_assertion")
def xsw5_forged_with_the_signature_original_at_the_end(root: etree._Element) -> etree._Element:
    """The forged assertion carries the signature; the original stands unsigned at the end."""
    original = child(root, ASSERTION)
    replace_in(original, with_its_signature(forged(original), original))
    root.append(bare(original))
    return root


@of("assertion both", "schema")
def xsw6_original_inside_the_signature_of_the_forged(root: etree._Element) -> etree._Element:
    """The forged assertion carries the signature, and that carries the original."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    child(evil, SIGNATURE).append(bare(original))
    replace_in(original, evil)
    return root


@of("assertion response both", "one_assertion")
def xsw7_forged_in_extensions(root: etree._Element) -> etree._Element:
    """A forged assertion in Extensions, where any element may stand."""
    in_extensions(root, forged(child(root, ASSERTION)))
    return root


@of("assertion both", "one_assertion")
def xsw8_original_in_object_of_the_signature(root: etree._Element) -> etree._Element:
    """The forged assertion carries the signature, with the original in its ds:Object."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    child(evil, SIGNATURE).append(element("ds:Object", bare(original)))
    replace_in(original, evil)
    return root


# Hiding places of the original, with and without its signature


@of("response both", "signature_places", "response_signature")
def original_response_in_object(root: etree._Element) -> etree._Element:
    """XSW1 as the schema allows it: the original response in ds:Object."""
    evil = with_its_signature(forged(root), root)
    child(evil, SIGNATURE).append(element("ds:Object", bare(root)))
    return evil


@of("response both", "signature_places", "response_signature")
def original_response_in_extensions(root: etree._Element) -> etree._Element:
    """XSW2 as the schema allows it: the original in Extensions, its signature on the forged."""
    evil = with_its_signature(forged(root), root)
    in_extensions(evil, bare(root))
    return evil


@of("response both", "signature_places", "response_signature")
def signed_response_in_extensions(root: etree._Element) -> etree._Element:
    """The whole signed original in Extensions of a response that carries no signature."""
    evil = forged(root)
    in_extensions(evil, root)
    return evil


@of("response both", "signature_places", "response_signature")
def original_response_in_status_detail(root: etree._Element) -> etree._Element:
    """The original in StatusDetail, its signature on the forged."""
    evil = with_its_signature(forged(root), root)
    child(evil, STATUS).append(element("samlp:StatusDetail", bare(root)))
    return evil


@of("assertion both", "signature_places")
def signed_assertion_in_extensions(root: etree._Element) -> etree._Element:
    """The signed original in Extensions, a forged assertion in its place."""
    original = child(root, ASSERTION)
    replace_in(original, forged(original))
    in_extensions(root, original)
    return root


@of("assertion both", "one_assertion")
def original_in_extensions_signature_on_the_forged(root: etree._Element) -> etree._Element:
    """The original in Extensions without its signature, which the forged assertion carries."""
    original = child(root, ASSERTION)
    replace_in(original, with_its_signature(forged(original), original))
    in_extensions(root, bare(original))
    return root


@of("assertion both", "signature_places")
def signed_assertion_in_status_detail(root: etree._Element) -> etree._Element:
    """The signed original in StatusDetail, a forged assertion in its place."""
    original = child(root, ASSERTION)
    replace_in(original, forged(original))
    child(root, STATUS).append(element("samlp:StatusDetail", original))
    return root


@of("assertion both", "signature_places")
def signed_assertion_in_advice(root: etree._Element) -> etree._Element:
    """The signed original as advice of the forged assertion, where the standard lets assertions be."""
    original = child(root, ASSERTION)
    evil = forged(original)
    replace_in(original, evil)
    put_after(child(evil, f"{{{SAML}}}Conditions"), element("saml:Advice", original))
    return root


@of("assertion both", "assertion_signature")
def original_in_advice_signature_on_the_forged(root: etree._Element) -> etree._Element:
    """The original as advice, and its signature on the forged assertion around it."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    put_after(child(evil, f"{{{SAML}}}Conditions"), element("saml:Advice", bare(original)))
    replace_in(original, evil)
    return root


@of("assertion both", "signature_places")
def signed_assertion_in_an_attribute(root: etree._Element) -> etree._Element:
    """The signed original as the value of an attribute."""
    original = child(root, ASSERTION)
    evil = forged(original)
    replace_in(original, evil)
    hidden = element("saml:Attribute", element("saml:AttributeValue", original), Name="original")
    child(evil, f"{{{SAML}}}AttributeStatement").append(hidden)
    return root


@of("assertion both", "signature_places")
def signed_assertion_in_confirmation_data(root: etree._Element) -> etree._Element:
    """The signed original inside SubjectConfirmationData, which may hold any element."""
    original = child(root, ASSERTION)
    evil = forged(original)
    replace_in(original, evil)
    child(evil, f".//{{{SAML}}}SubjectConfirmationData").append(original)
    return root


@of("assertion both", "signature_places")
def signed_assertion_in_authn_context_decl(root: etree._Element) -> etree._Element:
    """The signed original inside AuthnContextDecl, which may hold anything."""
    original = child(root, ASSERTION)
    evil = forged(original)
    replace_in(original, evil)
    child(evil, f".//{{{SAML}}}AuthnContext").append(element("saml:AuthnContextDecl", original))
    return root


@of("assertion both", "one_assertion")
def original_in_key_info_of_the_forged(root: etree._Element) -> etree._Element:
    """The original inside KeyInfo of the signature that the forged assertion carries."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    key_info = child(child(evil, SIGNATURE), f"{{{DS}}}KeyInfo")
    key_info.append(element("x:hidden", bare(original)))
    replace_in(original, evil)
    return root


@of("assertion both", "signature_places")
def signed_assertion_in_key_info_of_a_second_signature(root: etree._Element) -> etree._Element:
    """The forged assertion has the signature, whose KeyInfo holds the whole signed original."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    child(child(evil, SIGNATURE), f"{{{DS}}}KeyInfo").append(element("x:hidden", original_copy := copy.deepcopy(original)))
    assert original_copy.get("ID") == original.get("ID")
    replace_in(original, evil)
    return root


@of("assertion both", "one_assertion")
def original_in_the_transform_of_the_signature(root: etree._Element) -> etree._Element:
    """The original as a parameter of a Transform in the signature of the forged assertion."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    transform = next(evil.iter(f"{{{DS}}}Transform"))
    transform.append(bare(original))
    replace_in(original, evil)
    return root


# Where signatures stand


@of("assertion both", "response_signature")
def signature_moved_to_the_response(root: etree._Element) -> etree._Element:
    """The assertion's signature stands on the response, the assertion is forged."""
    original = child(root, ASSERTION)
    for own in root.findall(SIGNATURE):
        root.remove(own)
    after_issuer(root, child(original, SIGNATURE))
    replace_in(original, forged(original))
    return root


@of("response", "signed")
def signature_of_the_response_moved_to_the_assertion(root: etree._Element) -> etree._Element:
    """The response's signature stands on the forged assertion."""
    original = child(root, ASSERTION)
    evil = forged(original)
    after_issuer(evil, child(root, SIGNATURE))
    replace_in(original, evil)
    return root


@of("assertion", "signature_places")
def signature_in_extensions(root: etree._Element) -> etree._Element:
    """The signature in Extensions, by itself, and its assertion forged in place with the same ID."""
    original = child(root, ASSERTION)
    in_extensions(root, child(original, SIGNATURE))
    replace_in(original, forged(original, None))
    return root


@of("assertion", "signature_places")
def signature_in_advice(root: etree._Element) -> etree._Element:
    """The signature as advice of the forged assertion."""
    original = child(root, ASSERTION)
    evil = forged(original, None)
    put_after(child(evil, f"{{{SAML}}}Conditions"), element("saml:Advice", child(original, SIGNATURE)))
    replace_in(original, evil)
    return root


@of("assertion", "signature_places")
def signature_in_status_detail(root: etree._Element) -> etree._Element:
    """The signature in StatusDetail."""
    original = child(root, ASSERTION)
    child(root, STATUS).append(element("samlp:StatusDetail", child(original, SIGNATURE)))
    replace_in(original, forged(original, None))
    return root


@of("assertion both", "schema")
def two_signatures_the_good_one_first(root: etree._Element) -> etree._Element:
    """Two signatures on one assertion."""
    signature = child(child(root, ASSERTION), SIGNATURE)
    put_after(signature, copy.deepcopy(signature))
    return root


@of("assertion both", "assertion_signature")
def original_carried_by_the_forged_with_two_references(root: etree._Element) -> etree._Element:
    """A Reference to the forged assertion is added to the one that the key has signed."""
    original = child(root, ASSERTION)
    evil = with_its_signature(forged(original), original)
    reference = next(evil.iter(f"{{{DS}}}Reference"))
    added = copy.deepcopy(reference)
    added.set("URI", "#" + (evil.get("ID") or ""))
    put_after(reference, added)
    replace_in(original, evil)
    return root


# IDs


@of("assertion response both", "unique_ids")
def forged_with_the_same_id_first(root: etree._Element) -> etree._Element:
    """A forged assertion with the ID of the signed one stands before it."""
    original = child(root, ASSERTION)
    original.addprevious(forged(original, None))
    return root


@of("assertion response both", "unique_ids")
def forged_with_the_same_id_last(root: etree._Element) -> etree._Element:
    """A forged assertion with the ID of the signed one stands behind it."""
    original = child(root, ASSERTION)
    put_after(original, forged(original, None))
    return root


@of("assertion both", "unique_ids")
def same_id_the_original_in_extensions(root: etree._Element) -> etree._Element:
    """The forged assertion has ID and signature of the original, which hides in Extensions."""
    original = child(root, ASSERTION)
    replace_in(original, with_its_signature(forged(original, None), original))
    in_extensions(root, bare(original))
    return root


def _same_id_as(name: str, root: etree._Element) -> etree._Element:
    original = child(root, ASSERTION)
    decoy = element("x:decoy", bare(original))
    decoy.set(name, original.get("ID") or "")
    decoy[0].set("ID", "_decoy0")
    replace_in(original, with_its_signature(forged(original), original))
    in_extensions(root, decoy)
    return root


@of("assertion both", "one_assertion")
def original_found_by_its_id_in_lower_case(root: etree._Element) -> etree._Element:
    """Another element takes the signed ID as `id`; the forged assertion carries the signature."""
    return _same_id_as("id", root)


@of("assertion both", "one_assertion")
def original_found_by_id_as_xmlenc_spells_it(root: etree._Element) -> etree._Element:
    """Another element takes the signed ID as `Id`."""
    return _same_id_as("Id", root)


@of("assertion both", "one_assertion")
def original_found_by_xml_id(root: etree._Element) -> etree._Element:
    """Another element takes the signed ID as `xml:id`."""
    return _same_id_as("{http://www.w3.org/XML/1998/namespace}id", root)


@of("assertion both", "unique_ids")
def signed_id_also_as_xml_id(root: etree._Element) -> etree._Element:
    """The signed assertion stays, and an element before it has its ID as `xml:id`."""
    original = child(root, ASSERTION)
    decoy = element("x:decoy")
    decoy.set("{http://www.w3.org/XML/1998/namespace}id", original.get("ID") or "")
    in_extensions(root, decoy)
    return root


@of("assertion", "unique_ids")
def response_with_the_id_of_the_assertion(root: etree._Element) -> etree._Element:
    """The reference could mean the response as well."""
    root.set("ID", child(root, ASSERTION).get("ID") or "")
    return root


# Two of everything


@of("assertion response both", "one_assertion")
def good_first_forged_last(root: etree._Element) -> etree._Element:
    """A forged assertion without signature stands behind the good one."""
    original = child(root, ASSERTION)
    put_after(original, forged(original))
    return root


@of("assertion both", "one_assertion")
def forged_with_the_signature_first(root: etree._Element) -> etree._Element:
    """A forged assertion with a copy of the signature stands before the good one."""
    original = child(root, ASSERTION)
    original.addprevious(with_its_signature(forged(original), original))
    return root


@of("assertion both", "assertion_signature")
def forged_inside_the_original(root: etree._Element) -> etree._Element:
    """A forged assertion as advice inside of the signed one: its digest is another."""
    original = child(root, ASSERTION)
    put_after(child(original, f"{{{SAML}}}Conditions"), element("saml:Advice", forged(original)))
    return root


@of("assertion both", "schema")
def encrypted_assertion_that_is_not_one(root: etree._Element) -> etree._Element:
    """The signed assertion inside an EncryptedAssertion, in the open, and a forged one beside."""
    original = child(root, ASSERTION)
    replace_in(original, forged(original))
    root.append(element("saml:EncryptedAssertion", original))
    return root


# Roots


@of("assertion response both", "schema")
def assertion_as_the_root(root: etree._Element) -> etree._Element:
    """A forged assertion is the document, with the whole original response inside."""
    evil = forged(child(root, ASSERTION))
    evil.append(root)
    return evil


@of("assertion response both", "schema")
def response_as_child_of_a_response(root: etree._Element) -> etree._Element:
    """The original response is a child of a forged one."""
    evil = forged(root)
    evil.append(root)
    return evil


@of("assertion response both", "schema")
def response_in_a_soap_body(root: etree._Element) -> etree._Element:
    """The original in a SOAP envelope, as in the bindings that are not spoken here."""
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap})
    etree.SubElement(envelope, f"{{{soap}}}Body").append(root)
    return envelope


@of("assertion response both", "schema")
def response_in_an_artifact_response(root: etree._Element) -> etree._Element:
    """The original as the content of an ArtifactResponse."""
    frame = element("samlp:ArtifactResponse", ID="_frame", Version="2.0", IssueInstant=root.get("IssueInstant") or "")
    put_first(frame, copy.deepcopy(child(root, STATUS)))
    frame.append(root)
    return frame


@of("assertion response both", "schema")
def response_called_something_else(root: etree._Element) -> etree._Element:
    """The same content under the name of another message."""
    root.tag = f"{{{SAMLP}}}LogoutResponse"
    return root


@of("response both", "signed")
def signed_assertion_of_another_frame(root: etree._Element) -> etree._Element:
    """The signature of the response is taken off, the content forged."""
    return forged(root)
