"""The console: staff's and tenant admins' screens, staff accounts, and the pages of a set-up link."""
