"""How a customer is set up: products of identity providers, set-up links, what was chosen."""
