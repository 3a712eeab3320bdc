"""What takes a recent sign-in leads to the sign-in page first, and back."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.access_errors import SignInAgain
from admin_ui.asked import Asked
from admin_ui.door import SIGN_IN_PATH
from admin_ui.principals import require_recent
from admin_ui.rendering import notify


def proof_first(asked: Asked, back: str) -> WerkzeugResponse | None:
    """To the sign-in page, where the last proof of who this is lies too far back; None where nothing stands in the way.

    Args:
        back: the page to come to afterwards.
    """
    try:
        require_recent(asked.principal, asked.now)
    except SignInAgain as refusal:
        notify(f"{refusal.sentence} {refusal.advice}", "warn")
        return redirect(f"{SIGN_IN_PATH}?{urlencode({'again': '1', 'next': back})}", 303)
    return None
