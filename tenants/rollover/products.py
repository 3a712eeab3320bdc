"""What a User-Agent says of the program that sent it; a guess, since it may say anything."""

from __future__ import annotations

PRODUCTS: tuple[tuple[str, str], ...] = (
    ("shibboleth", "Shibboleth"),
    ("opensaml", "Shibboleth or another one with OpenSAML"),
    ("simplesaml", "SimpleSAMLphp"),
    ("keycloak", "Keycloak"),
    ("lemonldap", "LemonLDAP::NG"),
    ("authentik", "authentik"),
    ("gluu", "Gluu"),
    ("okta", "Okta"),
    ("pingfederate", "PingFederate"),
    ("ping identity", "Ping Identity"),
    ("onelogin", "OneLogin"),
    ("adfs", "AD FS"),
    ("ad fs", "AD FS"),
    ("microsoft.identityserver", "AD FS"),
    ("azure", "Microsoft Entra ID"),
    ("google", "Google"),
    ("satosa", "SATOSA"),
    ("pysaml2", "a program with pysaml2"),
    ("pyff", "pyFF, a federation's aggregator"),
    ("php", "a program in PHP, such as SimpleSAMLphp"),
    ("curl", "curl, a command"),
    ("wget", "wget, a command"),
    ("python", "a program in Python"),
    ("apache-httpclient", "a program in Java"),
    ("java", "a program in Java"),
    ("mozilla/", "a browser: somebody looked"),
)
"""A word in lower case, and what is likely behind it; the first one that is found counts."""
BY_HAND = ("curl", "wget", "mozilla/")
"""Whoever looks by hand is no identity provider that keeps what it has read."""
NOTHING_SAID = "a program that gives no name; AD FS and SimpleSAMLphp are such ones"


def product_of(user_agent: str) -> str | None:
    """Who is likely to have fetched; None where nothing is known."""
    words = user_agent.lower().strip()
    if not words:
        return NOTHING_SAID
    return next((product for word, product in PRODUCTS if word in words), None)


def is_by_hand(user_agent: str) -> bool:
    """Whether it says of itself that a person has it fetch."""
    return any(word in user_agent.lower() for word in BY_HAND)
