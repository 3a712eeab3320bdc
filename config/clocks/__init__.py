"""Which processes run jobs, and whether they live."""
