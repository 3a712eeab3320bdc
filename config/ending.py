"""That this process is to end, for whatever takes long."""

from __future__ import annotations

import threading

ending = threading.Event()
"""Set when this process is to end: a job that takes long looks at it between two pieces of work, and begins no more."""
