"""Contracts: what others hold on to, held against the service by tools that know nothing of it."""
