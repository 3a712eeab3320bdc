"""Changes to the tree of a message: what signature wrapping and its relatives are made of.

Each takes a seeded generator and a parsed message and changes it in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random

import xmlsec
from lxml import etree

from tests.support.keys import PrivateKey, rsa_key
from tests.support.saml_xml import DS, SAML, SAMLP
from tests.support.xml_signing import sign

TreeMutation = Callable[[Random, etree._Element], None]

ASSERTION, SIGNATURE = f"{{{SAML}}}Assertion", f"{{{DS}}}Signature"
MALLORY = "mallory@acme.test"
HOLDERS = (
    f"{{{SAMLP}}}Extensions",
    f"{{{SAMLP}}}StatusDetail",
    f"{{{SAML}}}Advice",
    f"{{{SAML}}}AttributeValue",
    f"{{{SAML}}}EncryptedAssertion",
    f"{{{SAML}}}SubjectConfirmationData",
    f"{{{DS}}}Object",
    f"{{{DS}}}KeyInfo",
    "{urn:mallory}anything",
)
"""Where the schema lets strangers in, and one place where it does not."""


def move_element(random: Random, root: etree._Element) -> None:
    """An element goes elsewhere."""
    moved = _any(random, root)
    if moved is not root:
        _put(random, _any(random, root, outside=moved), _detach(moved))


def copy_element(random: Random, root: etree._Element) -> None:
    """An element stands in two places."""
    _put(random, _any(random, root), deepcopy(_any(random, root)))


def remove_element(random: Random, root: etree._Element) -> None:
    """An element is gone."""
    gone = _any(random, root)
    if gone is not root:
        _detach(gone)


def wrap_element(random: Random, root: etree._Element) -> None:
    """An element gets a new one around it."""
    inner = _any(random, root)
    parent = inner.getparent()
    if parent is not None:
        at = parent.index(inner)
        holder = etree.Element(random.choice(HOLDERS))
        holder.append(_detach(inner))
        parent.insert(at, holder)


def rename_element(random: Random, root: etree._Element) -> None:
    """An element takes the name of another."""
    _any(random, root).tag = random.choice([_any(random, root).tag, random.choice(HOLDERS), ASSERTION, SIGNATURE])


def move_signature(random: Random, root: etree._Element) -> None:
    """A Signature goes elsewhere: to the response, to another assertion, into a holder, or down inside what it signs."""
    signatures = list(root.iter(SIGNATURE))
    if not signatures:
        return
    signature = random.choice(signatures)
    if random.random() < 0.3:
        signature = deepcopy(signature)
    likely = [root, *root.iter(ASSERTION), _any(random, root), _holder(random, root)]
    target = random.choice([node for node in likely if signature not in (node, *node.iterancestors())] or [root])
    _put(random, target, _detach(signature))


def remove_signature(random: Random, root: etree._Element) -> None:
    """A Signature is gone."""
    signatures = list(root.iter(SIGNATURE))
    if signatures:
        _detach(random.choice(signatures))


def put_evil_twin(random: Random, root: etree._Element) -> None:
    """A copy of the assertion says that somebody else signed in, and stands before, after, around or inside the signed one.

    With and without its Signature, with the same ID and with another: the eight classical wrapping attacks and their
    neighbours (Somorovsky et al., On Breaking SAML, 2012).
    """
    signed = next(root.iter(ASSERTION), None)
    if signed is None:
        return
    evil = _evil(random, signed)
    place = random.randrange(6)
    if place == 0:
        signed.addprevious(evil)
    elif place == 1:
        signed.addnext(evil)
    elif place == 2:
        _put(random, random.choice(list(signed.iter(etree.Element))), evil)
    elif place == 3:
        signed.addprevious(evil)
        _put(random, random.choice([_holder(random, evil), _any(random, evil)]), _detach(signed))
    elif place == 4:
        signed.addprevious(evil)
        _put(random, _holder(random, root), _detach(signed))
    else:
        _put(random, _holder(random, root), evil)


def put_evil_response(random: Random, root: etree._Element) -> None:
    """The whole response is kept inside another one, whose assertion is a stranger's."""
    original, signed = deepcopy(root), next(root.iter(ASSERTION), None)
    if signed is None:
        return
    signed.addprevious(_evil(random, signed))
    _detach(signed)
    if random.random() < 0.5:
        root.set("ID", "_evil")
    for signature in root.findall(SIGNATURE):
        if random.random() < 0.5:
            _detach(signature)
    target = random.choice([_holder(random, root), *root.findall(SIGNATURE), *root.iter(ASSERTION)])
    _put(random, target, original)


def forge_signature(random: Random, root: etree._Element) -> None:
    """The stranger's own signature, with his certificate in KeyInfo, or an HMAC keyed with what everybody knows."""
    target = random.choice([root, *root.iter(ASSERTION)])
    if not target.get("ID"):
        return
    for signature in target.findall(SIGNATURE):
        _detach(signature)
    for name_id in root.iter(f"{{{SAML}}}NameID"):
        name_id.text = MALLORY
    key: PrivateKey | bytes = rsa_key("mallory") if random.random() < 0.5 else b"secret"
    try:
        forged = etree.fromstring(sign(etree.tostring(root), target.get("ID", ""), key))
    except (ValueError, xmlsec.Error):  # the ID stands twice by now
        return
    root[:] = list(forged)


def change_reference(random: Random, root: etree._Element) -> None:
    """A Reference points elsewhere, or there are two."""
    references = list(root.iter(f"{{{DS}}}Reference"))
    if not references:
        return
    reference = random.choice(references)
    ids = [f"#{node.get('ID')}" for node in root.iter(etree.Element) if node.get("ID")]
    kind = random.randrange(3)
    if kind == 0:
        reference.set(
            "URI",
            random.choice([*ids, "", "#", "#xpointer(/)", f"#xpointer(id('{(ids or ['#x'])[0][1:]}'))", "http://127.0.0.1:9/"]),
        )
    elif kind == 1:
        reference.attrib.pop("URI", "")
    else:
        reference.addnext(deepcopy(reference))


def change_transforms(random: Random, root: etree._Element) -> None:
    """A transform more, less, twice or in another order; another PrefixList."""
    all_transforms = list(root.iter(f"{{{DS}}}Transforms"))
    if not all_transforms:
        return
    transforms = random.choice(all_transforms)
    kind = random.randrange(4)
    if kind == 0:
        transforms[:] = list(reversed(transforms))
    elif kind == 1 and len(transforms):
        transforms.append(deepcopy(random.choice(list(transforms))))
    elif kind == 2 and len(transforms):
        _detach(random.choice(list(transforms)))
    elif len(transforms):
        exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
        listed = etree.SubElement(transforms[-1], f"{{{exclusive}}}InclusiveNamespaces")
        listed.set("PrefixList", random.choice(["", "xs", "xs xsi saml", "#default", "zz", "#default #default"]))


def swap_ids(random: Random, root: etree._Element) -> None:
    """IDs change hands, or an element that has none gets one."""
    nodes = [node for node in root.iter(etree.Element) if node.get("ID")]
    if len(nodes) > 1 and random.random() < 0.5:
        first, second = random.sample(nodes, 2)
        first_id, second_id = first.get("ID", ""), second.get("ID", "")
        first.set("ID", second_id)
        second.set("ID", first_id)
    elif nodes:
        name = random.choice(["ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id", "AssertionID"])
        _any(random, root).set(name, random.choice(nodes).get("ID", ""))


def put_comment(random: Random, root: etree._Element) -> None:
    """A comment or a processing instruction splits some text."""
    node = _any(random, root)
    text = node.text or ""
    cut = random.randrange(len(text) + 1)
    stranger = random.choice([etree.Comment("z"), etree.ProcessingInstruction("z", "z")])
    stranger.tail = text[cut:]
    node.text = text[:cut]
    node.insert(0, stranger)


TREE_MUTATIONS: tuple[TreeMutation, ...] = (
    move_element, copy_element, remove_element, wrap_element, rename_element, move_signature, move_signature, remove_signature,
    put_evil_twin, put_evil_twin, put_evil_twin, put_evil_response, put_evil_response, forge_signature, change_reference,
    change_transforms, swap_ids, put_comment,
)  # fmt: skip


def _any(random: Random, root: etree._Element, outside: etree._Element | None = None) -> etree._Element:
    nodes: Sequence[etree._Element] = list(root.iter(etree.Element))
    if outside is not None:
        inner = set(outside.iter(etree.Element))
        nodes = [node for node in nodes if node not in inner]
    return random.choice(nodes)


def _detach(node: etree._Element) -> etree._Element:
    parent = node.getparent()
    if parent is not None:
        tail, previous = node.tail, node.getprevious()
        parent.remove(node)
        if tail and previous is not None:
            previous.tail = (previous.tail or "") + tail
        elif tail:
            parent.text = (parent.text or "") + tail
        node.tail = None
    return node


def _put(random: Random, parent: etree._Element, node: etree._Element) -> None:
    parent.insert(random.randrange(len(parent) + 1), node)


def _holder(random: Random, root: etree._Element) -> etree._Element:
    """A new element for strangers: where the schema allows one, as a rule, or anywhere in the root."""
    places = [place for place in _PLACES if root.find(place[0]) is not None or place[0] == "."]
    path, name, sibling = random.choice(places)
    parent = root.find(path)
    if random.random() < 0.3 or parent is None:
        holder = etree.Element(random.choice(HOLDERS))
        root.insert(random.randrange(len(root) + 1), holder)
        return holder
    holder = etree.Element(name)
    before = next((child for child in parent if child.tag == sibling), None)
    if before is None:
        parent.append(holder)
    else:
        before.addnext(holder)
    return holder


_PLACES = (
    (".", f"{{{SAMLP}}}Extensions", f"{{{SAML}}}Issuer"),
    (".", f"{{{SAMLP}}}Extensions", SIGNATURE),
    (f"{{{SAMLP}}}Status", f"{{{SAMLP}}}StatusDetail", ""),
    (ASSERTION, f"{{{SAML}}}Advice", f"{{{SAML}}}Conditions"),
    (f".//{{{SAML}}}Advice", "{urn:mallory}anything", ""),
    (f".//{SIGNATURE}", f"{{{DS}}}Object", ""),
    (f".//{SIGNATURE}/{{{DS}}}KeyInfo", "{urn:mallory}anything", ""),
    (f".//{{{SAML}}}SubjectConfirmationData", "{urn:mallory}anything", ""),
    (f".//{{{SAML}}}Attribute", f"{{{SAML}}}AttributeValue", ""),
    (f".//{{{SAML}}}Conditions", "{urn:mallory}anything", ""),
)
"""Where a stranger may stand by the schema: parent, the new element's name, and the child that it follows (none: last)."""


def _evil(random: Random, signed: etree._Element) -> etree._Element:
    evil = deepcopy(signed)
    evil.tail = None
    for name_id in evil.iter(f"{{{SAML}}}NameID"):
        name_id.text = MALLORY
    if random.random() < 0.6:
        evil.set("ID", "_evil")
    if random.random() < 0.6:
        for signature in evil.findall(SIGNATURE):
            evil.remove(signature)
    return evil
