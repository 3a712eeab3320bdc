"""Where an identity provider's people belong: its own organisation, its rules, and the e-mail domains that it speaks for."""
