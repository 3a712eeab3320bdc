"""Products that an organisation runs itself, and the form that fits all others."""

from __future__ import annotations

from tenants.onboarding.presets import Instruction, Preset, choice, ours

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MAIL, _GIVEN_NAME, _SURNAME = "urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:2.5.4.42", "urn:oid:2.5.4.4"
_UID, _PHONE = "urn:oid:0.9.2342.19200300.100.1.1", "urn:oid:2.5.4.20"
_IMPORT = Instruction(
    "Give it our metadata: by its address, or as the file that you can download above.",
    (ours("Our metadata", "$metadata_url"),),
)

AD_FS = Preset(
    "ad-fs",
    "AD FS",
    {
        "username": ("NameID",),
        "email": (_CLAIMS + "emailaddress",),
        "first_name": (_CLAIMS + "givenname",),
        "last_name": (_CLAIMS + "surname",),
    },
    (
        Instruction("In AD FS Management, open Relying Party Trusts › Add Relying Party Trust › Claims aware."),
        Instruction(
            "Choose Import data about the relying party published online, or enter the two addresses by hand.",
            (
                ours("Federation metadata address", "$metadata_url"),
                ours("Relying party trust identifier", "$entity_id"),
                ours("SAML 2.0 WebSSO service URL", "$acs_url"),
            ),
        ),
        Instruction(
            "Edit Claim Issuance Policy, add a rule Send LDAP Attributes as Claims. AD FS sends nothing without it.",
            (
                choice("E-Mail-Addresses", "E-Mail Address"),
                choice("Given-Name", "Given Name"),
                choice("Surname", "Surname"),
                choice("User-Principal-Name", "Name ID"),
            ),
        ),
        Instruction(
            "In PowerShell, have the response signed as well; with the name of your trust in place of NAME.",
            (ours("Command", "Set-AdfsRelyingPartyTrust -TargetName NAME -SamlResponseSignature MessageAndAssertion"),),
        ),
        Instruction("Paste the address of your server's federation metadata below, or save the file and give that."),
    ),
    "On your server, below /FederationMetadata/2007-06/FederationMetadata.xml.",
    "https://adfs.acme.example/FederationMetadata/2007-06/FederationMetadata.xml",
    entity_ids=(r"/adfs/services/trust$",),
    endpoints=(r"/adfs/ls/?($|\?)",),
    settings={"want_messages_signed": True},
    notes=(
        "It encrypts for us once it has our metadata; that takes a signed response, hence the command.",
        "AD FS changes its certificate by itself each year; metadata that comes by address brings the new one.",
    ),
    login_hint_parameter="username",
)
PINGFEDERATE = Preset(
    "pingfederate",
    "PingFederate",
    {
        "username": ("NameID",),
        "email": ("email", "NameID"),
        "first_name": ("firstName", "firstname"),
        "last_name": ("lastName", "lastname"),
    },
    (
        Instruction(
            "Open SP Connections › Create Connection, and import our metadata.",
            (
                ours("Our metadata", "$metadata_url"),
                ours("Partner's Entity ID", "$entity_id"),
                ours("Assertion Consumer Service URL, binding POST", "$acs_url"),
            ),
        ),
        Instruction("Under Signature Policy, choose Always sign Assertion, with RSA SHA-256."),
        Instruction(
            "Extend the attribute contract.",
            (
                choice("SAML_SUBJECT", "something that stays, such as the user ID"),
                choice("email", "the address"),
                choice("firstName", "the first name"),
                choice("lastName", "the last name"),
            ),
        ),
        Instruction("Activate the connection, then paste the address of its metadata below, or give the exported file."),
    ),
    "System › Metadata Export; or the server's metadata address for this connection.",
    "https://sso.acme.example/pf/federation_metadata.ping?PartnerSpId=…",
    endpoints=(r"/idp/SSO\.saml2", r"/idp/[^/]+/SSO\.saml2"),
    notes=("The attribute contract decides about names: the test shows those that come.",),
)
KEYCLOAK = Preset(
    "keycloak",
    "Keycloak",
    {
        "username": ("NameID",),
        "email": ("urn:oid:1.2.840.113549.1.9.1",),
        "first_name": (_GIVEN_NAME,),
        "last_name": (_SURNAME,),
    },
    (
        Instruction("Download our metadata above. In the realm, open Clients › Import client, and give the file."),
        Instruction(
            "Check these settings of the client.",
            (
                ours("Client ID", "$entity_id"),
                ours("Valid redirect URIs", "$acs_url"),
                choice("Name ID format", "persistent; or username"),
                choice("Sign documents, Sign assertions", "on, both"),
                choice("Signature algorithm", "RSA_SHA256"),
            ),
        ),
        Instruction(
            "Under Client scopes, in the client's dedicated scope, add predefined mappers.",
            (choice("Mappers", "X500 email, X500 givenName, X500 surname"),),
        ),
        Instruction("Paste the address of the realm's SAML descriptor below."),
    ),
    "Realm settings, SAML 2.0 Identity Provider Metadata.",
    "https://sso.acme.example/realms/acme/protocol/saml/descriptor",
    entity_ids=(r"^https?://[^/]+(/auth)?/realms/[^/]+$",),
    endpoints=(r"/realms/[^/]+/protocol/saml",),
    settings={"want_messages_signed": True},
)
SHIBBOLETH = Preset(
    "shibboleth",
    "Shibboleth",
    {
        "username": (_UID, "uid"),
        "email": (_MAIL, "mail"),
        "first_name": (_GIVEN_NAME, "givenName"),
        "last_name": (_SURNAME, "sn"),
        "phone": (_PHONE, "telephoneNumber"),
    },
    (
        Instruction(
            "In conf/metadata-providers.xml, add a provider for our metadata: by its address, or with the file.",
            (ours("Our metadata", "$metadata_url"),),
        ),
        Instruction(
            "In conf/attribute-filter.xml, release uid, mail, givenName and sn to our entity ID.",
            (ours("Requester", "$entity_id"),),
        ),
        Instruction("Reload both. Shibboleth signs the response and encrypts the assertion for us, which is what we expect."),
        Instruction("Paste the address of your metadata below, or give the file metadata/idp-metadata.xml."),
    ),
    "Usually its entity ID is the address of its metadata.",
    "https://idp.acme.example/idp/shibboleth",
    entity_ids=(r"/idp/shibboleth$",),
    endpoints=(r"/idp/profile/SAML2/",),
    settings={"want_messages_signed": True, "want_assertions_signed": False, "name_id_source": _UID},
    notes=("The NameID is often another one at each sign-in, so people are known by their uid.",),
)
SIMPLESAMLPHP = Preset(
    "simplesamlphp",
    "SimpleSAMLphp",
    {
        "username": ("uid", _UID),
        "email": ("mail", _MAIL),
        "first_name": ("givenName", _GIVEN_NAME),
        "last_name": ("sn", _SURNAME),
        "phone": ("telephoneNumber", _PHONE),
    },
    (
        Instruction(
            "On the admin page, put our metadata through XML to SimpleSAMLphp metadata converter.",
            (ours("Our metadata", "$metadata_url"),),
        ),
        Instruction(
            "Put the result into metadata/saml20-sp-remote.php, and check these.",
            (
                ours("Key of the array", "$entity_id"),
                ours("AssertionConsumerService", "$acs_url"),
                choice("saml20.sign.assertion, saml20.sign.response", "true, both (default)"),
                choice("attributes", "uid, mail, givenName, sn"),
            ),
        ),
        Instruction("Paste the address of your metadata below."),
    ),
    "Federation page: SAML 2.0 IdP Metadata.",
    "https://idp.acme.example/simplesaml/saml2/idp/metadata.php",
    entity_ids=(r"/saml2/idp/metadata\.php$", r"/module\.php/saml/idp/metadata$"),
    endpoints=(r"/saml2/idp/SSOService\.php", r"/module\.php/saml/idp/singleSignOnService"),
    settings={"want_messages_signed": True, "name_id_source": "uid"},
    notes=("The NameID depends on filters, so people are known by their uid.",),
)
GENERIC = Preset(
    "generic",
    "Any other product",
    {
        "username": ("uid", _UID, "NameID"),
        "email": ("mail", _MAIL, "email", _CLAIMS + "emailaddress"),
        "first_name": ("givenName", _GIVEN_NAME, "firstName", _CLAIMS + "givenname"),
        "last_name": ("sn", _SURNAME, "lastName", _CLAIMS + "surname"),
        "phone": ("telephoneNumber", _PHONE),
    },
    (
        _IMPORT,
        Instruction(
            "Where it wants values one by one, enter these.",
            (
                ours("Entity ID, audience, identifier, relying party", "$entity_id"),
                ours("ACS URL, reply URL, single sign-on URL, recipient, destination", "$acs_url"),
                choice("Binding", "HTTP-POST"),
                choice("What is signed", "the assertion, or both"),
                choice("Signature and digest", "RSA with SHA-256"),
                choice("NameID", "something that identifies the person and stays"),
                choice("Logout URL, relay state, start URL", "leave empty"),
            ),
        ),
        Instruction("Have it send the e-mail address, first name and last name as attributes."),
        Instruction("Give access to the people who may sign in; yourself too, for the test."),
        Instruction("Paste the address of its metadata below, or give the file."),
    ),
    "Look for metadata, federation metadata or SAML descriptor; an address is better than a file.",
    "https://idp.acme.example/metadata",
    notes=("The names of attributes differ: the test shows those that come, and maps them with one click.",),
)
