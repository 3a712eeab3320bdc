"""A service to try out: two tenants and an identity provider with people to choose from. Never imported by the product."""

import warnings

# pysaml2 7.5.5 names a cipher mode, at import and never used here, that cryptography has moved elsewhere.
warnings.filterwarnings("ignore", message="CFB has been moved", category=UserWarning)
