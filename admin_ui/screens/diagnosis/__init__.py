"""Screens for those who look into sign-ins: attempts, pasted responses, the audit log."""
