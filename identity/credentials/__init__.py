"""What people prove themselves with, staff and local accounts alike: passwords, codes, passkeys, and patience with guesses."""
