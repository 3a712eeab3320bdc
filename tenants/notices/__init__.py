"""Notices: warnings before something ends, and how mail and webhooks are sent (K3)."""
