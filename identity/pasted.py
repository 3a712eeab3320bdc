"""What somebody pastes to have it examined: a form field, a form, an address, a page's source, or the XML itself (D2)."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import dataclass
from urllib.parse import unquote

from identity.errors import TooLarge

MAX_PASTED_CHARACTERS = 512 * 1024
"""As much as a form at the ACS may have."""
_XML_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>\s*")
_FIELDS = {
    name: re.compile(rf"(?:^|[?&\s\"'{{,;]){name}[\"']?\s*[=:]\s*[\"']?([^\s&\"'<>,;]+)")
    for name in ("SAMLResponse", "RelayState")
}
_INPUT = re.compile(r"<input\b([^<>]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(name|value)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_INDENTED = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Pasted:
    """The form field SAMLResponse as the ACS would get it, and RelayState where it came along. `form`: what was pasted."""

    saml_response: str
    relay_state: str
    form: str


def read_pasted(text: str) -> Pasted:
    """Find the message in what was pasted; what is in no known form is taken for the field itself.

    Raises:
        TooLarge
    """
    if len(text) > MAX_PASTED_CHARACTERS:
        raise TooLarge(f"more than {MAX_PASTED_CHARACTERS // 1024} KiB were pasted")
    text = text.strip("\ufeff \t\r\n")
    if found := _field("SAMLResponse", text):
        return Pasted(found, _field("RelayState", text) or "", "form")
    if text.startswith("<"):
        # Pasted text is Unicode already: whatever encoding it declares was undone by whoever showed it.
        declaration = _XML_DECLARATION.match(text)
        octets = text[declaration.end() if declaration else 0 :].encode("utf-8", "replace")
        return Pasted(base64.b64encode(octets).decode(), "", "xml")
    return Pasted(_INDENTED.sub("\n", unquote(text) if "%" in text else text), "", "field")


def _field(name: str, text: str) -> str | None:
    """The value of an input of a page's source, or what stands behind the name in a form, an address or a list of fields."""
    if name not in text:
        return None
    for tag in _INPUT.finditer(text):
        attributes = {found[1].lower(): found[2] or found[3] or "" for found in _ATTRIBUTE.finditer(tag[1])}
        if attributes.get("name") == name:
            return html.unescape(attributes.get("value", ""))
    found = _FIELDS[name].search(text)
    return unquote(found[1]) if found else None
