"""The pages of a set-up link, at /setup/ of a tenant's host: for a customer's IT people, without an account."""
