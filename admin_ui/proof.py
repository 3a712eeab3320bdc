"""What takes a fresh proof leads to it and back; what somebody has typed waits in their own page meanwhile.

The proof is made in a window of its own: at the tenant's identity provider, or at our own doors. The page that was left keeps
the form, so nothing of it is stored here, and nothing is done before somebody presses its button again, with a session that is
fresh. Passwords are typed again, and files chosen again: a page gives neither of them back.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.access_errors import SignInAgain
from admin_ui.asked import Asked
from admin_ui.door import CONSOLE_PATH, SIGN_IN_PATH
from admin_ui.rendering import FramedScreen, notify, refusal_screen, render_screen
from identity.error_pages import wants_problem

PROVED_PATH = CONSOLE_PATH + "/signed-in-again"
_SECRETS = {"password": "Password", "present": "Present password", "passphrase": "Passphrase"}
"""Fields that hold one, and what they are called."""
_OF_THE_PAGE = frozenset({"csrf_token", "private_key", *_SECRETS})
"""What does not go back into a page: a key is chosen as a file once more, whichever way it came."""


def way_to_prove(back: str) -> str:
    """The address to sign in anew at, which leads to a page of the console."""
    return f"{SIGN_IN_PATH}?{urlencode({'again': '1', 'next': back})}"


def lead_to_proof(refusal: SignInAgain, back: str) -> WerkzeugResponse:
    """Straight there, where no form would be lost."""
    notify(f"{refusal.sentence} {refusal.advice}", "warn")
    return redirect(way_to_prove(back), 303)


def proof_screen(refusal: SignInAgain, asked: Asked, screen: FramedScreen) -> WerkzeugResponse:
    """To the sign-in and back to a page that was asked for; of a form, the page that keeps it and sends it once more."""
    if wants_problem(request.accept_mimetypes, for_programs=False):
        return refusal_screen(refusal, asked, screen)
    if request.method in ("GET", "HEAD"):
        return lead_to_proof(refusal, request.full_path.rstrip("?"))
    kept = [pair for pair in request.form.items(multi=True) if pair[0] not in _OF_THE_PAGE]
    values = {
        "refusal": refusal,
        "action": request.full_path.rstrip("?"),
        "kept": kept,
        "secrets": [(name, words) for name, words in _SECRETS.items() if request.form.get(name)],
        "with_file": any(file.filename for file in request.files.values()),
        "prove": way_to_prove(PROVED_PATH),
    }
    return render_screen("proof.html", asked, screen, values, status=refusal.status)
