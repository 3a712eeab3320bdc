"""People who come from a directory (LDAP): their sign-in, and how they are kept up to date (G2)."""
