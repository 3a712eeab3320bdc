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
_FIELD = r"(?:^|[?&\s\"'{{,;]){name}[\"']?\s*[=:]\s*[\"']?([^\s&\"'<>,;]+)"
_INPUT = r"<input\b[^>]*\bname=[\"']{name}[\"'][^>]*\bvalue=[\"']([^\"']*)[\"']"
_INPUT_TURNED = r"<input\b[^>]*\bvalue=[\"']([^\"']*)[\"'][^>]*\bname=[\"']{name}[\"']"
_FORMS = {
    name: (
        re.compile(_INPUT.format(name=name), re.IGNORECASE),
        re.compile(_INPUT_TURNED.format(name=name), re.IGNORECASE),
        re.compile(_FIELD.format(name=name)),
    )
    for name in ("SAMLResponse", "RelayState")
}
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
        return Pasted(base64.b64encode(_XML_DECLARATION.sub("", text, count=1).encode()).decode(), "", "xml")
    return Pasted(_INDENTED.sub("\n", unquote(text) if "%" in text else text), "", "field")


def _field(name: str, text: str) -> str | None:
    """The value of a form's field, of an input of a page's source, or behind the name in any list of fields."""
    if name not in text:
        return None
    for position, form in enumerate(_FORMS[name]):
        if found := form.search(text):
            return html.unescape(found[1]) if position < len(_FORMS[name]) - 1 else unquote(found[1])
    return None
