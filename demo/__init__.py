"""A service to try out: two tenants and an identity provider with people to choose from. Never imported by the product."""
