"""Screens of notices: one of each tenant, and staff's own."""
