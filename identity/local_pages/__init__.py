"""Pages of local accounts on a tenant's host: signing in, links that set a password, one's own factors, break-glass."""
