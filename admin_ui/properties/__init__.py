"""Properties of the service, as staff see and change them."""
