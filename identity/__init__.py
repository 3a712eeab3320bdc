"""One person's way in and out."""
