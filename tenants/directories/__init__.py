"""Directories (LDAP) of a tenant: how they are reached, what is asked of them, and what is believed of their answers (G2)."""
