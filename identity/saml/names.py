"""Names of elements on the wire, as lxml and ElementTree write them: {namespace}local."""

from __future__ import annotations

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
XENC = "{http://www.w3.org/2001/04/xmlenc#}"
XENC11 = "{http://www.w3.org/2009/xmlenc11#}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

RESPONSE = SAMLP + "Response"
ASSERTION = SAML + "Assertion"
ENCRYPTED_ASSERTION = SAML + "EncryptedAssertion"
ISSUER = SAML + "Issuer"
NAME_ID = SAML + "NameID"
SUBJECT_CONFIRMATION = SAML + "SubjectConfirmation"
CONFIRMATION_DATA = SAML + "SubjectConfirmationData"
ATTRIBUTE_VALUE = SAML + "AttributeValue"

SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENTITY_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
