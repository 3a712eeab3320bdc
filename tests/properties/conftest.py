"""Properties give the same examples in each run, so that a failure is the change's and not the day's.

`pytest tests/properties --hypothesis-profile=explore` looks further, at random.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
if settings.get_current_profile_name() == "default":
    settings.load_profile("suite")
