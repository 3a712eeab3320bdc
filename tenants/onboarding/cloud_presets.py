"""Products that run as a service."""

from __future__ import annotations

from tenants.onboarding.presets import EMAIL_FORMAT, Instruction, Preset, choice, ours

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_BY_CLAIMS = {
    "email": (_CLAIMS + "emailaddress",),
    "first_name": (_CLAIMS + "givenname",),
    "last_name": (_CLAIMS + "surname",),
}
_NO_LOGOUT = (
    "Its metadata has no address for logout as set up here, so that signing out ends here; single logout starts switched off. "
    "Where you add logout there, switch it on in the SAML settings once the metadata has the address."
)
_BY_NAMES = {"username": ("NameID",), "email": ("email", "NameID"), "first_name": ("firstName",), "last_name": ("lastName",)}

ENTRA_ID = Preset(
    "entra-id",
    "Microsoft Entra ID",
    {"username": (_CLAIMS + "name", "NameID"), **_BY_CLAIMS},
    (
        Instruction("In the Entra admin center, open Enterprise applications › New application › Create your own application."),
        Instruction("Choose Integrate any other application, then Single sign-on › SAML."),
        Instruction(
            "Edit the basic SAML configuration.",
            (
                ours("Identifier (Entity ID)", "$entity_id"),
                ours("Reply URL (Assertion Consumer Service URL)", "$acs_url"),
                ours("Logout Url (Optional)", "$slo_url"),
                choice("Sign on URL, Relay State", "leave empty"),
            ),
        ),
        Instruction("Under Users and groups, assign the people who may sign in; yourself too, for the test."),
        Instruction("Copy the App Federation Metadata Url from the card SAML Certificates, and paste it below."),
    ),
    "Single sign-on, card SAML Certificates: App Federation Metadata Url.",
    "https://login.microsoftonline.com/…/federationmetadata.xml?appid=…",
    entity_ids=(r"^https://sts\.(windows\.net|chinacloudapi\.cn)/",),
    endpoints=(r"^https://login\.(microsoftonline\.(com|us)|partner\.microsoftonline\.cn|chinacloudapi\.cn)/",),
    settings={"name_id_source": "http://schemas.microsoft.com/identity/claims/objectidentifier"},
    notes=(
        "People are known by their object ID, which stays when name and address change.",
        "The address comes from the field Mail of the account. Where that is empty, map the claim emailaddress to another.",
        "Token encryption takes the signing option Sign SAML response and assertion.",
    ),
    login_hint_parameter="login_hint",
)
OKTA = Preset(
    "okta",
    "Okta",
    _BY_NAMES,
    (
        Instruction("In the Admin Console, open Applications › Create App Integration › SAML 2.0."),
        Instruction(
            "On the page Configure SAML, enter these values.",
            (
                ours("Single sign-on URL", "$acs_url"),
                ours("Audience URI (SP Entity ID)", "$entity_id"),
                choice("Default RelayState", "leave empty"),
                choice("Name ID format", "Unspecified, or Persistent"),
            ),
        ),
        Instruction(
            "Add three attribute statements.",
            (
                choice("email", "user.email"),
                choice("firstName", "user.firstName"),
                choice("lastName", "user.lastName"),
            ),
        ),
        Instruction("Under Assignments, assign the people who may sign in; yourself too, for the test."),
        Instruction("Copy the Metadata URL from the tab Sign On, and paste it below."),
    ),
    "Tab Sign On: Metadata URL.",
    "https://acme.okta.com/app/…/sso/saml/metadata",
    entity_ids=(r"^http://www\.okta\.com/",),
    endpoints=(r"^https://[^/]+\.okta(preview|-emea)?\.com/",),
    settings={"single_logout": False},
    notes=("Okta has no names of its own for attributes: what counts are the attribute statements above.", _NO_LOGOUT),
    login_hint_parameter="login_hint",
)
GOOGLE = Preset(
    "google-workspace",
    "Google Workspace",
    {**_BY_NAMES, "phone": ("phone",)},
    (
        Instruction("In the Admin console, open Apps › Web and mobile apps › Add app › Add custom SAML app."),
        Instruction("On the first page, choose Download Metadata, and keep the file for below."),
        Instruction(
            "On the page Service provider details, enter these values.",
            (
                ours("ACS URL", "$acs_url"),
                ours("Entity ID", "$entity_id"),
                choice("Start URL", "leave empty"),
                choice("Signed response", "leave off: the assertion is signed"),
                choice("Name ID format, Name ID", "EMAIL, Basic Information › Primary email"),
            ),
        ),
        Instruction(
            "Map the attributes.",
            (
                choice("Primary email", "email"),
                choice("First name", "firstName"),
                choice("Last name", "lastName"),
                choice("Phone number", "phone"),
            ),
        ),
        Instruction("Under User access, switch the app ON for everyone, or for the group that may sign in."),
    ),
    "First page of the app: Download Metadata. Google has no address to fetch it from.",
    by_url=False,
    entity_ids=(r"^https://accounts\.google\.com/o/saml2",),
    endpoints=(r"^https://accounts\.google\.com/o/saml2",),
    settings={"name_id_format": EMAIL_FORMAT, "single_logout": False},
    notes=("One entity ID may be used in one app only.", "A change there can take hours to hold everywhere.", _NO_LOGOUT),
)
ONELOGIN = Preset(
    "onelogin",
    "OneLogin",
    {
        "username": ("NameID",),
        "email": ("User.email", "NameID"),
        "first_name": ("User.FirstName",),
        "last_name": ("User.LastName",),
    },
    (
        Instruction("Under Administration, open Applications › Add App › SAML Custom Connector (Advanced)."),
        Instruction(
            "On the page Configuration, enter these values.",
            (
                ours("Audience (EntityID)", "$entity_id"),
                ours("Recipient", "$acs_url"),
                ours("ACS (Consumer) URL", "$acs_url"),
                ours("ACS (Consumer) URL Validator", "$acs_pattern"),
                choice("SAML initiator", "Service Provider"),
                choice("SAML signature element", "Assertion, or Both"),
            ),
        ),
        Instruction(
            "Add parameters, each with Include in SAML assertion.",
            (
                choice("User.email", "Email"),
                choice("User.FirstName", "First Name"),
                choice("User.LastName", "Last Name"),
            ),
        ),
        Instruction("On the page SSO, choose the SAML signature algorithm SHA-256."),
        Instruction("Give the users or roles access that may sign in; yourself too, for the test."),
        Instruction("Copy the Issuer URL from the page SSO, and paste it below."),
    ),
    "Page SSO: Issuer URL. The same is under More Actions › SAML Metadata, as a file.",
    "https://app.onelogin.com/saml/metadata/…",
    entity_ids=(r"^https://app\.onelogin\.com/saml/metadata",),
    endpoints=(r"^https://[^/]+\.onelogin\.com/",),
    notes=("Other connectors of OneLogin use other names for attributes.",),
)
PINGONE = Preset(
    "pingone",
    "PingOne",
    _BY_NAMES,
    (
        Instruction("Open Applications › Applications › + › SAML Application."),
        Instruction(
            "Choose Import From URL, or Manually Enter.",
            (
                ours("Import From URL", "$metadata_url"),
                ours("ACS URLs", "$acs_url"),
                ours("Entity ID", "$entity_id"),
                choice("Signing", "Sign Assertion, or Sign Assertion & Response, with RSA SHA-256"),
            ),
        ),
        Instruction(
            "Under Attribute Mappings, add these.",
            (
                choice("saml_subject", "something that stays, such as the user ID"),
                choice("email", "Email Address"),
                choice("firstName", "Given Name"),
                choice("lastName", "Family Name"),
            ),
        ),
        Instruction("Under Access, add the groups that may sign in, and switch the application on."),
        Instruction("Copy the IDP Metadata URL from the page Configuration, and paste it below."),
    ),
    "Page Configuration of the application: IDP Metadata URL.",
    "https://auth.pingone.eu/…/saml20/metadata/…",
    entity_ids=(r"^https://auth\.pingone\.", r"pingone\.(com|eu|ca|asia)"),
    endpoints=(r"^https://[^/]*pingone\.",),
)
JUMPCLOUD = Preset(
    "jumpcloud",
    "JumpCloud",
    _BY_NAMES,
    (
        Instruction("In the Admin Portal, open SSO Applications › Add New Application › Custom Application › SAML."),
        Instruction(
            "Under SSO, enter these values.",
            (
                choice("IdP Entity ID", "a name of your own that is an absolute URI"),
                ours("SP Entity ID", "$entity_id"),
                ours("ACS URLs", "$acs_url"),
                choice("SAMLSubject NameID", "something that stays, such as employeeIdentifier; or email"),
                choice("SAMLSubject NameID Format", "unspecified"),
                choice("Signature Algorithm", "RSA-SHA256"),
                choice("Sign", "Assertion"),
                choice("Declare Redirect Endpoint", "on"),
            ),
        ),
        Instruction(
            "Add user attributes.",
            (choice("email", "email"), choice("firstName", "firstname"), choice("lastName", "lastname")),
        ),
        Instruction("Under User Groups, tick those that may sign in; one of yours too, for the test."),
        Instruction("Copy the metadata URL, and paste it below; or export the metadata and give the file."),
    ),
    "Tab SSO of the application: Copy Metadata URL, or Export Metadata.",
    "https://sso.jumpcloud.com/saml2/…/metadata.xml",
    endpoints=(r"^https://sso\.jumpcloud\.com/",),
)
AUTH0 = Preset(
    "auth0",
    "Auth0",
    {"username": (_CLAIMS + "nameidentifier", _CLAIMS + "upn"), **_BY_CLAIMS},
    (
        Instruction("Open Applications › Applications, your application, then Addons › SAML2 Web App."),
        Instruction("On the tab Settings, enter the address.", (ours("Application Callback URL", "$acs_url"),)),
        Instruction(
            "Replace the settings with these. Without the two algorithms Auth0 signs with SHA-1, which is refused.",
            (
                ours(
                    "Settings",
                    '{"audience": "$entity_id", "recipient": "$acs_url", "destination": "$acs_url", '
                    '"signatureAlgorithm": "rsa-sha256", "digestAlgorithm": "sha256", "mapIdentities": false}',
                ),
            ),
        ),
        Instruction("On the tab Usage, copy the address of Identity Provider Metadata, and paste it below."),
    ),
    "Tab Usage of the add-on: Identity Provider Metadata.",
    "https://acme.eu.auth0.com/samlp/metadata/…",
    entity_ids=(r"^urn:[a-z0-9-]+(\.[a-z0-9-]+)?\.auth0\.com$",),
    endpoints=(r"^https://[^/]+\.auth0\.com/samlp/",),
    notes=("The NameID is Auth0's own user ID, and stays.",),
    login_hint_parameter="login_hint",
)
