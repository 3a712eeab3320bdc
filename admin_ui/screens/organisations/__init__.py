"""Screens for a tenant's organisations: the tree, each one's place, and how its people sign in (G1–G3)."""
