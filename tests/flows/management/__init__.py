"""Management: API and command line."""
