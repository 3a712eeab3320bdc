"""Where a form cannot wait for the proof: what it was made for ends with the session that a new sign-in replaces."""

from __future__ import annotations

from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.access_errors import SignInAgain
from admin_ui.asked import Asked
from admin_ui.principals import require_recent
from admin_ui.proof import lead_to_proof


def proof_first(asked: Asked, back: str) -> WerkzeugResponse | None:
    """To the sign-in page, where the last proof of who this is lies too far back; None where nothing stands in the way.

    Args:
        back: the page to come to afterwards.
    """
    try:
        require_recent(asked.principal, asked.now)
    except SignInAgain as refusal:
        return lead_to_proof(refusal, back)
    return None
