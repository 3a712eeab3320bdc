"""Metadata is fetched again: when it is due, who fetches it, and how."""
