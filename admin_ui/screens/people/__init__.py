"""Screens for a tenant's people: who they are, their sessions, files of them."""
