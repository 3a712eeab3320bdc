"""XML of a receipt with one element a line, for people to read; it is never verified again, so white space may change."""

from __future__ import annotations

from lxml import etree

MAX_INDENTED = 64 * 1024
"""Characters; what is longer, or was cut off, is shown as it is."""


def indented(xml: str) -> str:
    """The same elements, each on a line of its own where it holds others."""
    if not 0 < len(xml) <= MAX_INDENTED:
        return xml
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError:  # the end of a long message is cut off
        return xml
    etree.indent(root, space="  ")
    text: str = etree.tostring(root, encoding="unicode")
    return text
