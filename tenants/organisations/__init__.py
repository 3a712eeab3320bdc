"""Organisations of a tenant: a tree whose root is the tenant itself, and the settings that are inherited along it (G1–G3)."""
