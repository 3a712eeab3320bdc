"""A tenant's own keys change, and nobody is locked out."""
