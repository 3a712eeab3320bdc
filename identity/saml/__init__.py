"""The wire: pure functions from bytes to values and back. No web, no database, no clock of their own."""
