"""Screens of Identity management, Authentication: identity providers, their SAML settings, drafts, tests and versions."""
