"""Metadata over time: what is taken at once, what waits for somebody, what was in force, and the way back (M6)."""
