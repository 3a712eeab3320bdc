"""Search filters: templates that an administrator writes, and names that a stranger types (RFC 4515).

What is typed is escaped octet by octet: all but letters, digits and four signs that mean nothing in a filter. So it is a
value wherever it stands, and the template is checked to have it stand where a value does.
"""

from __future__ import annotations

import re

USERNAME, DN = "{username}", "{dn}"
MAX_FILTER = 1000
MAX_DEPTH = 20
MAX_USERNAME = 320
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-")
_ITEM = re.compile(
    r"""(?: [A-Za-z][A-Za-z0-9.-]* | [0-9]+(?:\.[0-9]+)* ) (?: ; [A-Za-z0-9-]+ )*  # an attribute, with options
        (?: (?: :dn )? (?: : [A-Za-z0-9.-]+ )? := | [~<>]?= )                        # an extensible match, or a plain one
        (?: [^\0()\\] | \\[0-9A-Fa-f]{2} )*                                          # a value""",
    re.VERBOSE,
)


class FilterInvalid(ValueError):
    """A filter that no directory would understand; the text says where."""


def filled(template: str, **values: str) -> str:
    """A template with its places filled by values, each escaped."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", escaped(value))
    return template


def escaped(value: str) -> str:
    """A text as a value in a filter, whatever it is (RFC 4515 section 3)."""
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in value.encode())


def is_askable(username: str) -> bool:
    """Whether a directory may be asked for somebody of this name: bounded, something to see in it, no control characters."""
    return 0 < len(username) <= MAX_USERNAME and bool(username.strip()) and username.isprintable()


def require_filter(template: str, *, place: str | None = None) -> None:
    """Check a filter, and that `place` stands in it as a value.

    Raises:
        FilterInvalid
    """
    if len(template) > MAX_FILTER:
        raise FilterInvalid(f"it has more than {MAX_FILTER} characters")
    if place is not None and place not in template:
        raise FilterInvalid(f"{place} does not stand in it")
    unknown = set(re.findall(r"\{\w*\}", template)) - ({place} if place else set())
    if unknown:
        raise FilterInvalid(f"{sorted(unknown)[0]} is no place that can be filled here")
    # A value that could be taken for syntax would show: in its place stands one that is all parentheses, escaped.
    read = _end_of(filled(template, **{place[1:-1]: "(*)"}) if place else template, 0, 0)
    if read != len(filled(template, **{place[1:-1]: "(*)"}) if place else template):
        raise FilterInvalid("there is something behind its last parenthesis")


def _end_of(text: str, at: int, depth: int) -> int:
    """Where the filter that begins here ends (RFC 4515 section 3)."""
    if depth > MAX_DEPTH:
        raise FilterInvalid(f"it is nested deeper than {MAX_DEPTH}")
    if text[at : at + 1] != "(":
        raise FilterInvalid(f"a parenthesis is missing at character {at + 1}")
    at += 1
    kind = text[at : at + 1]
    if kind in ("&", "|", "!") and kind:
        at, count = at + 1, 0
        while text[at : at + 1] == "(":
            at, count = _end_of(text, at, depth + 1), count + 1
        if count == 0 or (kind == "!" and count != 1):
            raise FilterInvalid(f"{kind} takes {'one filter' if kind == '!' else 'filters'} behind it")
    elif item := _ITEM.match(text, at):
        at = item.end()
    else:
        raise FilterInvalid(f"no comparison such as uid=… begins at character {at + 1}")
    if text[at : at + 1] != ")":
        raise FilterInvalid(f"a closing parenthesis is missing at character {at + 1}")
    return at + 1
