"""What SAML settings are chosen from: classes, comparisons, algorithms and NameID formats, by their names (Q2–Q4)."""

from __future__ import annotations

from collections.abc import Mapping

AUTHN_CONTEXT_PREFIX = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
AUTHN_CONTEXT_CLASSES: Mapping[str, str] = {
    "InternetProtocol": "Recognised by the network address",
    "InternetProtocolPassword": "Network address and a password",
    "Kerberos": "A password through a Kerberos ticket",
    "MobileOneFactorUnregistered": "A mobile device, without proof of its owner",
    "MobileTwoFactorUnregistered": "A mobile device and a second factor, without proof of its owner",
    "MobileOneFactorContract": "A mobile device with a contract",
    "MobileTwoFactorContract": "A mobile device with a contract, and a second factor",
    "Password": "A password",
    "PasswordProtectedTransport": "A password over an encrypted connection (TLS)",
    "PreviousSession": "A session that was open already",
    "X509": "An X.509 certificate",
    "PGP": "A PGP key",
    "SPKI": "A key of a simple public key infrastructure",
    "XMLDSig": "An XML digital signature",
    "Smartcard": "A smart card",
    "SmartcardPKI": "A smart card with a certificate and a PIN",
    "SoftwarePKI": "A certificate kept in software",
    "Telephony": "A telephone line",
    "NomadTelephony": "A telephone line while roaming",
    "PersonalTelephony": "A personal telephone line",
    "AuthenticatedTelephony": "A telephone line that the caller proved to hold",
    "SecureRemotePassword": "A password by the Secure Remote Password protocol",
    "TLSClient": "A client certificate over TLS",
    "TimeSyncToken": "A token that shows a code for a short time",
    "unspecified": "Any way that the identity provider chooses",
}
ACCEPTED_CLASS_PREFIXES = ("urn:oasis:names:tc:SAML:2.0:ac:classes", "urn:oasis:names:tc:SAML:1.2:ac:classes")
COMPARISONS = ("EXACT", "MINIMUM", "MAXIMUM", "BETTER")
DIGEST_METHODS: Mapping[str, str] = {
    "http://www.w3.org/2000/09/xmldsig#sha1": "sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
SIGNATURE_METHODS: Mapping[str, str] = {
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1": "sha1",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": "sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": "sha512",
}
NAME_ID_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
NAME_ID_FORMATS = (
    NAME_ID_UNSPECIFIED,
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
)
