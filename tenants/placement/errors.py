"""Why placement is not changed."""

from __future__ import annotations

from tenants.errors import Refusal


class PlacementChanged(Refusal):
    code, status = "placement_changed", 409
    heading = "Somebody else changed this"
    sentence = "The rules are not those that you were shown: somebody has changed them meanwhile."
    advice = "Load them again, and make your change to what is there now."
