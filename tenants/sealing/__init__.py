"""Audit events sealed into chains: one for each tenant, one for what staff do among themselves (L2, ADR 008)."""
