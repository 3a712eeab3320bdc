"""A tenant's own keys change without anybody being locked out: next, active, retiring, retired (K1, K2)."""
