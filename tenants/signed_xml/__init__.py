"""Signed XML: octets become a bounded tree, and a signature says which canonical octets of it are to be believed.

Sign-ins and metadata go through this one narrow verifier. Pure functions: no web, no database, no clock.
"""
