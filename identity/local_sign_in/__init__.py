"""Flows of local accounts: signing in, links that set a password, one's own factors, and what administrators do (G2, G4)."""
