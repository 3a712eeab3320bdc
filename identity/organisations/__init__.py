"""What becomes of people where organisations change: branches, their settings, who belongs where (G1–G3)."""
