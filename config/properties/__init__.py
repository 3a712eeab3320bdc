"""Properties of the service: what staff may change while it runs, without a restart."""
