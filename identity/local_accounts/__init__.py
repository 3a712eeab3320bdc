"""Local accounts: what of them stands in the database, and the records of it."""
