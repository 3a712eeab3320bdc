"""Log levels at run time: set for a while, for every process of the service (L1)."""
