"""The front page's looks: values in, a response out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response

from identity.page_rendering import render_page


@dataclass(frozen=True, slots=True)
class RememberedPlace:
    """An organisation that this browser went to before."""

    label: str
    url: str


def front_page(places: Sequence[RememberedPlace] = (), *, typed: str = "", found_nothing: bool = False) -> Response:
    """Where somebody says which organisation is theirs; says nothing about who exists.

    Args:
        places: where this browser went before, the latest first.
        typed: the address that was typed before.
        found_nothing: what was typed leads nowhere.
    """
    return render_page("front_page.html", None, {"places": places, "typed": typed, "found_nothing": found_nothing})


def onward_page(location: str, host: str) -> Response:
    """A page that goes on to an organisation's address by itself, or by its link.

    Not a redirect: what comes after a form is held by Chromium against the `form-action` of the page that it stood on, and
    that one cannot know where an identity provider sends people on to.
    """
    return render_page("onward.html", None, {"location": location, "host": host}, referrer="no-referrer")
