"""Settings that may be saved and should be looked at twice. A warning refuses nothing."""

from __future__ import annotations

from typing import NamedTuple

from tenants.saml_choices import (
    ACCEPTED_CLASS_PREFIXES,
    AUTHN_CONTEXT_CLASSES,
    AUTHN_CONTEXT_PREFIX,
    DIGEST_METHODS,
    SIGNATURE_METHODS,
)
from tenants.saml_settings import SAMLSettings

NAME_ID_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


class SettingsWarning(NamedTuple):
    """What is odd about one setting. `code` is stable."""

    field: str
    code: str
    sentence: str


def warnings_of(settings: SAMLSettings) -> tuple[SettingsWarning, ...]:
    """What whoever saves these settings should know, in the order of the settings."""
    return (*_of_classes(settings), *_of_algorithms(settings), *_of_identity(settings), *_of_leave(settings))


def _of_classes(settings: SAMLSettings) -> list[SettingsWarning]:
    found, field = [], "authn_context_class_ref"
    known = {AUTHN_CONTEXT_PREFIX + name for name in AUTHN_CONTEXT_CLASSES}
    for name in settings.authn_context_class_ref:
        if name in known:
            continue
        if name.startswith(ACCEPTED_CLASS_PREFIXES):
            sentence = f"SAML 2.0 defines no class {name}. An identity provider that does not know it refuses the sign-in."
            found.append(SettingsWarning(field, "class_unknown", sentence))
        else:
            sentence = f"{name} is no class of SAML but of a product or federation; the identity provider has to know it."
            found.append(SettingsWarning(field, "class_foreign", sentence))
    if not settings.authn_context_class_ref:
        if settings.authn_context_comparison != "EXACT":
            sentence = "A comparison without a class is not sent: the whole element is left out."
            found.append(SettingsWarning("authn_context_comparison", "comparison_unused", sentence))
        if settings.require_authn_context:
            sentence = "No class is asked for, so there is none to insist on."
            found.append(SettingsWarning("require_authn_context", "class_demand_unused", sentence))
    elif settings.require_authn_context and settings.authn_context_comparison != "EXACT":
        sentence = "Which class is stronger only the identity provider knows; here the answer has to name one of those listed."
        found.append(SettingsWarning("require_authn_context", "class_demand_exact", sentence))
    return found


def _of_algorithms(settings: SAMLSettings) -> list[SettingsWarning]:
    if not settings.sign_requests:
        sentence = "Requests go out unsigned: anyone can make an identity provider send a person here."
        return [SettingsWarning("sign_requests", "requests_unsigned", sentence)]
    digest, signature = DIGEST_METHODS[settings.digest_method], SIGNATURE_METHODS[settings.signature_method]
    found = []
    weak = "SHA-1 is broken for signatures. Many identity providers refuse it; choose SHA-256 unless yours knows nothing else."
    if digest == "sha1":
        found.append(SettingsWarning("digest_method", "digest_weak", weak))
    if signature == "sha1":
        found.append(SettingsWarning("signature_method", "signature_weak", weak))
    if digest != signature:
        pair = f"The digest is {_shown(digest)}, the signature {_shown(signature)}."
        sentence = f"{pair} Some identity providers refuse two that differ."
        found.append(SettingsWarning("signature_method", "algorithms_differ", sentence))
    if settings.request_binding == "redirect" and digest != "sha256":
        sentence = "A Redirect carries one signature over its address; the digest method plays no part in it."
        found.append(SettingsWarning("digest_method", "digest_unused", sentence))
    return found


def _of_identity(settings: SAMLSettings) -> list[SettingsWarning]:
    if settings.name_id_format == NAME_ID_TRANSIENT and settings.name_id_source == "NameID":
        sentence = (
            "A transient NameID is another one at each sign-in, so nobody would be known again. "
            "Choose an attribute as the source, or another format."
        )
        return [SettingsWarning("name_id_source", "subject_transient", sentence)]
    return []


def _of_leave(settings: SAMLSettings) -> list[SettingsWarning]:
    """What the settings let pass that they need not."""
    found = []
    if settings.force_authn and settings.allow_idp_initiated:
        sentence = "A sign-in that nobody here asked for cannot be asked to be a new one: those that start there are not."
        found.append(SettingsWarning("force_authn", "force_unsolicited", sentence))
    if settings.allow_idp_initiated:
        sentence = (
            "A sign-in that nobody here asked for is taken. Whoever can bring a person to a link of the identity provider can "
            "sign them in here without their doing; leave it off unless people really start there."
        )
        found.append(SettingsWarning("allow_idp_initiated", "unsolicited_allowed", sentence))
    if settings.idp_login_url:
        sentence = "Requests are not sent: class, NameID format, binding and algorithms above have no effect."
        found.append(SettingsWarning("idp_login_url", "requests_unsent", sentence))
        if settings.idp_login_url.startswith("http://"):
            sentence = "This page is not encrypted: others on the network see and change what it says."
            found.append(SettingsWarning("idp_login_url", "login_url_plain", sentence))
    if settings.allow_unsigned_cbc:
        sentence = (
            "AES-CBC without a signature around it lets an attacker who can post many messages guess what is inside. "
            "Choose AES-GCM at the identity provider, or have it sign the response."
        )
        found.append(SettingsWarning("allow_unsigned_cbc", "cbc_unsigned", sentence))
    if settings.refuse_expired_certificates:
        sentence = "Sign-ins stop when the identity provider's certificate ends, unless the next one is known by then."
        found.append(SettingsWarning("refuse_expired_certificates", "expiry_refuses", sentence))
    if settings.sha1_exception:
        until = settings.sha1_exception.until
        sentence = f"SHA-1 signatures are taken until {until:%d %B %Y}; forging one takes effort, no more."
        found.append(SettingsWarning("sha1_exception", "sha1_allowed", sentence))
    return found


def _shown(family: str) -> str:
    return family.upper().replace("SHA", "SHA-")
