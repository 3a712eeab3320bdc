"""SAML settings in words: what each is called, what it is for, and how its value reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tenants.saml_choices import AUTHN_CONTEXT_CLASSES, AUTHN_CONTEXT_PREFIX, DIGEST_METHODS, NAME_ID_FORMATS, SIGNATURE_METHODS

FIELD_WORDS: Mapping[str, str] = {
    "subject": "Subject",
    "username": "Username",
    "email": "E-mail",
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
}
LABELS: Mapping[str, str] = {
    "authn_context_class_ref": "Authentication context class",
    "authn_context_comparison": "Comparison",
    "require_authn_context": "Insist on the class",
    "force_authn": "Ask for a new sign-in",
    "name_id_format": "NameID format",
    "request_binding": "Binding of requests",
    "login_hint_parameter": "Parameter for the login hint",
    "sign_requests": "Sign requests",
    "digest_method": "Digest method",
    "signature_method": "Signature method",
    "want_assertions_signed": "Signed assertions",
    "want_messages_signed": "Signed responses",
    "clock_skew_seconds": "Clock skew",
    "allow_unsigned_cbc": "AES-CBC without a signed response",
    "refuse_expired_certificates": "Refuse ended certificates",
    "sha1_exception": "SHA-1 exception",
    "name_id_source": "Subject",
    "attribute_map": "Attribute map",
    "profile_update": "Profile update",
    "jit_provisioning": "Just-in-time accounts",
    "allow_idp_initiated": "Sign-in started at the identity provider",
    "idp_login_url": "Page that starts the sign-in",
    "single_logout": "Single logout",
}
GROUPS: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        "What we ask for",
        "The authentication request that people are sent away with.",
        ("authn_context_class_ref", "authn_context_comparison", "require_authn_context", "force_authn", "name_id_format"),
    ),
    (
        "How it is signed and sent",
        "Ours to the identity provider.",
        ("request_binding", "sign_requests", "digest_method", "signature_method", "login_hint_parameter"),
    ),
    (
        "What we demand of answers",
        "Theirs to us.",
        (
            *("want_assertions_signed", "want_messages_signed", "clock_skew_seconds"),
            *("allow_unsigned_cbc", "refuse_expired_certificates", "sha1_exception"),
        ),
    ),
    (
        "Who the person is",
        "Which of the attributes that come becomes what.",
        ("name_id_source", "attribute_map", "profile_update", "jit_provisioning"),
    ),
    ("Where sign-in starts", "Here, as a rule.", ("allow_idp_initiated", "idp_login_url")),
    ("How sign-out ends", "Here first, then there.", ("single_logout",)),
)
BINDINGS = (("post", "POST: a form"), ("redirect", "Redirect: an address"))
UPDATES = (("every_login", "At every sign-in"), ("first_login", "At the first sign-in only"))
COMPARISON_WORDS = (
    ("EXACT", "Exact: one of these"),
    ("MINIMUM", "Minimum: one of these, or stronger"),
    ("MAXIMUM", "Maximum: as strong as possible, none stronger than these"),
    ("BETTER", "Better: stronger than all of these"),
)
ORIGIN_WORDS: Mapping[str, str] = {
    "connected": "with the identity provider",
    "edited": "edited at once",
    "promoted": "draft promoted after its test",
    "forced": "draft promoted without a test",
    "restored": "gone back to",
}

PART_WORDS: Mapping[str, str] = {
    "entity_id": "the identity provider's entity ID",
    "endpoints": "the identity provider's addresses",
    "signing_keys": "the identity provider's signing keys",
    "own_signing_key": "our own signing key",
    "own_encryption_key": "our own encryption key",
}
"""What a test ran with, see tenants.trust_marks."""


def _family(name: str) -> str:
    weak = " (weak)" if name == "sha1" else ""
    return name.upper().replace("SHA", "SHA-") + weak


DIGEST_CHOICES = tuple((uri, _family(name)) for uri, name in DIGEST_METHODS.items())
SIGNATURE_CHOICES = tuple((uri, "RSA with " + _family(name)) for uri, name in SIGNATURE_METHODS.items())
FORMAT_CHOICES = (
    *((uri, uri.rpartition(":")[2]) for uri in NAME_ID_FORMATS),
    ("", "Leave it to them: send no NameIDPolicy"),
)
CLASS_CHOICES = tuple((AUTHN_CONTEXT_PREFIX + name, name, words) for name, words in AUTHN_CONTEXT_CLASSES.items())
_CHOICES: Mapping[str, Mapping[Any, str]] = {
    "authn_context_comparison": {value: words.partition(":")[0] for value, words in COMPARISON_WORDS},
    "digest_method": dict(DIGEST_CHOICES),
    "signature_method": dict(SIGNATURE_CHOICES),
    "name_id_format": {**dict(FORMAT_CHOICES), "": "left out"},
    "request_binding": {"post": "POST", "redirect": "Redirect"},
    "profile_update": {value: words.lower() for value, words in UPDATES},
}


def classes_for(chosen: Sequence[str]) -> list[tuple[str, str, str]]:
    """All classes as (URI, name, explanation), those that are chosen first: in a long list they would be out of sight."""
    return sorted(CLASS_CHOICES, key=lambda choice: choice[0] not in chosen)


def setting_words(name: str, value: Any) -> str:
    """A setting's value, in its JSON form, as one line of text."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if name in _CHOICES:
        return _CHOICES[name].get(value, str(value))
    if name == "authn_context_class_ref":
        listed = [value] if isinstance(value, str) else value
        return ", ".join(item.removeprefix(AUTHN_CONTEXT_PREFIX) for item in listed if item) or "left out: they choose"
    if name == "clock_skew_seconds":
        return f"{value} seconds"
    if name == "attribute_map":
        return "; ".join(f"{FIELD_WORDS[field]}: {', '.join(names) or 'none'}" for field, names in value.items())
    if name == "sha1_exception":
        return f"until {value['until'][:10]}: {value['reason']}" if value else "none"
    return str(value) or "none"


def since_test(parts: Sequence[str]) -> str:
    """What became another one since a test passed, as part of a sentence."""
    named = [PART_WORDS[part] for part in parts]
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else "".join(named)
    return f"{listed} changed"


def change_rows(changes: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Changes as label, before and after; of the attribute map only what differs."""
    rows = []
    for name in (name for _, _, names in GROUPS for name in names if name in changes):
        before, after = changes[name]["from"], changes[name]["to"]
        if name == "attribute_map":
            rows += [
                (
                    f"Attribute of {FIELD_WORDS[field].lower()}",
                    ", ".join(before[field]) or "none",
                    ", ".join(after[field]) or "none",
                )
                for field in after
                if before[field] != after[field]
            ]
        else:
            rows.append((LABELS[name], setting_words(name, before), setting_words(name, after)))
    return rows
