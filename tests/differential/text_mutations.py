"""Changes to the text of a message: what a broken wire, a careless proxy or a patient attacker does to octets.

Each takes a seeded generator and the octets and gives other octets. Many break the XML, many change what it says, some only
write the same thing differently; the judge of `fuzz` tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from tests.support.saml_xml import DS, SAML, SAMLP, XENC
from tests.support.xml_encryption import CIPHERS, KEY_TRANSPORTS
from tests.support.xml_signing import DIGESTS, ENVELOPED, EXCLUSIVE, INCLUSIVE, SIGNATURES

TextMutation = Callable[[Random, bytes], bytes]

TOKENS = (
    b"<!--z-->", b"<?a b?>", b"<x/>", b" ", b"\n", b"\r\n", b"\t", b"\x00", b"\xc2\xa0", b"\xff", b"&#x20;", b"&#13;", b"&amp;",
    b"&lt;", b"<![CDATA[z]]>", b"<![CDATA[]]>", b"]]>", b"<!DOCTYPE x>", b'<!DOCTYPE x [<!ENTITY e "z">]>', b"&e;",
    b' ID="_a1"', b' Id="_a1"', b' xml:id="_a1"', b' xmlns=""', b' xmlns:saml="urn:x"', b' xmlns:ds="urn:x"',
    b"mallory@acme.test", b"</saml:Assertion>", b"<saml:Assertion>", b'<?xml version="1.0" encoding="UTF-16"?>',
    b"\xef\xbb\xbf", b"\xe2\x80\xae", b"'", b'"', b">", b"<",
)  # fmt: skip
ALGORITHMS = (
    *DIGESTS.values(),
    *SIGNATURES.values(),
    *(uri for uri, _ in CIPHERS.values()),
    *KEY_TRANSPORTS.values(),
    ENVELOPED,
    EXCLUSIVE,
    EXCLUSIVE + "WithComments",
    INCLUSIVE,
    INCLUSIVE + "#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/2002/06/xmldsig-filter2",
    DS + "base64",
    DS + "hmac-sha1",
    DS + "dsa-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    "",
)
NAMESPACES = (
    SAML,
    SAMLP,
    DS,
    XENC,
    EXCLUSIVE,
    "urn:oasis:names:tc:SAML:1.0:assertion",
    "http://www.w3.org/XML/1998/namespace",
    "",
)

_ATTRIBUTE = re.compile(rb"""([\w:.-]+)=("[^"<]*"|'[^'<]*')""")
_NAMESPACE = re.compile(rb"""(xmlns(?::\w+)?)=("[^"<]*"|'[^'<]*')""")
_ALGORITHM = re.compile(rb"""Algorithm=("[^"<]*"|'[^'<]*')""")
_TEXT = re.compile(rb">([^<]+)<")
_TAG = re.compile(rb"<(/?)((?:[\w.-]+:)?)([\w.-]+)")


def replace_byte(random: Random, xml: bytes) -> bytes:
    """One octet becomes another: of XML's own characters as a rule."""
    at = random.randrange(len(xml))
    byte = random.choice(b"<>/\"'=: aZ0&;#!-?[]") if random.random() < 0.8 else random.randrange(256)
    return xml[:at] + bytes([byte]) + xml[at + 1 :]


def delete_slice(random: Random, xml: bytes) -> bytes:
    """Up to 300 octets are gone."""
    start, end = _slice(random, xml, 300)
    return xml[:start] + xml[end:]


def duplicate_slice(random: Random, xml: bytes) -> bytes:
    """Up to 500 octets stand in a second place as well."""
    start, end = _slice(random, xml, 500)
    at = random.randrange(len(xml))
    return xml[:at] + xml[start:end] + xml[at:]


def swap_slices(random: Random, xml: bytes) -> bytes:
    """Two stretches change places."""
    a, b, c, d = sorted(random.randrange(len(xml)) for _ in range(4))
    return xml[:a] + xml[c:d] + xml[b:c] + xml[a:b] + xml[d:]


def insert_token(random: Random, xml: bytes) -> bytes:
    """Something that parsers care about turns up."""
    at = random.randrange(len(xml) + 1)
    return xml[:at] + random.choice(TOKENS) + xml[at:]


def truncate(random: Random, xml: bytes) -> bytes:
    """The end is missing."""
    return xml[: random.randrange(len(xml))]


def prepend(random: Random, xml: bytes) -> bytes:
    """Something stands before the document: a byte order mark, a declaration, white space, a second document type."""
    return random.choice(TOKENS) + xml


def swap_attribute_values(random: Random, xml: bytes) -> bytes:
    """Two attributes have each other's value."""
    found = list(_ATTRIBUTE.finditer(xml))
    if len(found) < 2:
        return xml
    first, second = sorted(random.sample(found, 2), key=lambda match: match.start())
    return xml[: first.start(2)] + second[2] + xml[first.end(2) : second.start(2)] + first[2] + xml[second.end(2) :]


def change_attribute(random: Random, xml: bytes) -> bytes:
    """An attribute is dropped, doubled, renamed or gets a value from elsewhere."""
    match = _pick(random, _ATTRIBUTE, xml)
    if match is None:
        return xml
    other = random.choice(list(_ATTRIBUTE.finditer(xml)))
    doubled, renamed, revalued = match[0] + b" " + match[0], other[1] + b"=" + match[2], match[1] + b"=" + other[2]
    written = random.choice([b"", doubled, renamed, revalued, match[1] + b'=""'])
    return _replaced(xml, match, written)


def rebind_namespace(random: Random, xml: bytes) -> bytes:
    """A prefix, or the default namespace, stands for something else from here on."""
    match = _pick(random, _NAMESPACE, xml)
    if match is None:
        return xml
    uri = random.choice(NAMESPACES).encode()
    return _replaced(
        xml, match, random.choice([match[1] + b'="' + uri + b'"', b'xmlns:y="' + uri + b'"', b'xmlns="' + uri + b'"'])
    )


def declare_namespace(random: Random, xml: bytes) -> bytes:
    """An element gets a declaration that nothing asked for."""
    match = _pick(random, _TAG, xml)
    if match is None or match[1]:
        return xml
    prefix = random.choice([b"", b":saml", b":ds", b":xs", b":xsi", b":samlp", b":zz", b":xml"])
    return _replaced(xml, match, match[0] + b" xmlns" + prefix + b'="' + random.choice(NAMESPACES).encode() + b'"')


def change_prefix(random: Random, xml: bytes) -> bytes:
    """One tag uses another prefix."""
    match = _pick(random, _TAG, xml)
    prefix = random.choice([b"", b"saml:", b"samlp:", b"ds:", b"xs:", b"zz:"])
    return xml if match is None else _replaced(xml, match, b"<" + match[1] + prefix + match[3])


def change_algorithm(random: Random, xml: bytes) -> bytes:
    """An Algorithm becomes another one."""
    match = _pick(random, _ALGORITHM, xml)
    return xml if match is None else _replaced(xml, match, b'Algorithm="' + random.choice(ALGORITHMS).encode() + b'"')


def change_text(random: Random, xml: bytes) -> bytes:
    """The text of one element becomes another's, or a stranger's."""
    match = _pick(random, _TEXT, xml)
    if match is None:
        return xml
    other = random.choice(list(_TEXT.finditer(xml)))
    return _replaced(xml, match, b">" + random.choice([other[1], b"mallory@acme.test", b"", match[1][::-1]]) + b"<")


def rewrite_text(random: Random, xml: bytes) -> bytes:
    """The same text, written another way: CDATA, character references, a comment or white space in it."""
    match = _pick(random, _TEXT, xml)
    if match is None:
        return xml
    text = match[1]
    cut = random.randrange(len(text))
    written = random.choice(
        [
            b"<![CDATA[" + text + b"]]>",
            b"".join(b"&#%d;" % byte for byte in text) if text.isascii() and b"&" not in text else text,
            text[:cut] + b"<!-- z -->" + text[cut:],
            text[:cut] + b"<?z z?>" + text[cut:],
            text[:cut] + b"<![CDATA[]]>" + text[cut:],
            b"\n  " + text + b"\r\n",
        ]
    )
    return _replaced(xml, match, b">" + written + b"<")


def rewrite_tag(random: Random, xml: bytes) -> bytes:
    """The same attribute with the other quotes, white space around it, or references for its characters."""
    match = _pick(random, _ATTRIBUTE, xml)
    if match is None:
        return xml
    value = match[2][1:-1]
    written = [b"\r\n " + match[1] + b" =\t" + match[2]]
    if b"'" not in value and b'"' not in value:
        written.append(match[1] + b"='" + value + b"'")
    if value.isascii() and b"&" not in value and not match[1].startswith(b"xmlns"):
        written.append(match[1] + b'="' + b"".join(b"&#x%x;" % byte for byte in value) + b'"')
    return _replaced(xml, match, random.choice(written))


def recode(random: Random, xml: bytes) -> bytes:
    """The document in another encoding, with or without saying so."""
    text = xml.decode("utf-8", "replace")
    name = random.choice(["utf-16", "utf-16-le", "iso-8859-1", "utf-7", "utf-32", "utf-8-sig", "cp037"])
    declared = random.choice([name, "UTF-8", "ISO-8859-1", "US-ASCII", None])
    body = re.sub(r"^<\?xml.*?\?>", "", text)
    return ((f'<?xml version="1.0" encoding="{declared}"?>' if declared else "") + body).encode(name, "replace")


TEXT_MUTATIONS: tuple[TextMutation, ...] = (
    replace_byte, replace_byte, delete_slice, duplicate_slice, swap_slices, insert_token, insert_token, truncate, prepend,
    swap_attribute_values, change_attribute, change_attribute, rebind_namespace, rebind_namespace, declare_namespace,
    declare_namespace, change_prefix, change_algorithm, change_text, rewrite_text, rewrite_text, rewrite_tag, rewrite_tag,
    recode,
)  # fmt: skip


def _slice(random: Random, xml: bytes, longest: int) -> tuple[int, int]:
    start = random.randrange(len(xml))
    return start, min(len(xml), start + random.randrange(1, longest))


def _pick(random: Random, pattern: re.Pattern[bytes], xml: bytes) -> re.Match[bytes] | None:
    found = list(pattern.finditer(xml))
    return random.choice(found) if found else None


def _replaced(xml: bytes, match: re.Match[bytes], written: bytes) -> bytes:
    return xml[: match.start()] + written + xml[match.end() :]
