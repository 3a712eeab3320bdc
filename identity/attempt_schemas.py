"""Forms of the management API for attempts to sign in, their receipts, and responses that are pasted."""

from __future__ import annotations

from marshmallow import fields, validate

from identity.advice_offers import Action
from identity.advice_words import Who
from identity.attempt_records import RESULTS
from identity.pasted import MAX_PASTED_CHARACTERS
from tenants.paging import ROW_ID
from tenants.schema_fields import Moment, Strict, text
from tenants.schemas import PageQuery

REFERENCE = r"^(?:[0-9a-f]{1,32})?$"
CODE = r"^(?:[a-z0-9_]{1,60})?$"


class AttemptsQuery(PageQuery):
    """Which attempts. A person is named by id or by address; a refused attempt is a person's only where it was known whose."""

    code = text(60, shortest=0, pattern=CODE, load_default=None, metadata={"description": "Code of the refusal."})
    result = fields.String(validate=validate.OneOf([*RESULTS, ""]), load_default=None)
    reference = text(
        32, shortest=0, pattern=REFERENCE, load_default=None, metadata={"description": "As the page showed it to the person."}
    )
    user_id = text(36, shortest=0, pattern=rf"^(?:{ROW_ID.pattern})?$", load_default=None)
    email = text(254, shortest=0, load_default=None, metadata={"description": "The person's whole address, in either case."})
    test = fields.String(
        validate=validate.OneOf(["true", "false", ""]),
        load_default=None,
        metadata={"description": "Tests of settings alone, or none of them."},
    )
    since = Moment(load_default=None, metadata={"description": "First moment that counts, with its offset from UTC."})
    until = Moment(load_default=None, metadata={"description": "First moment that does not count any more."})


class AttemptsExportQuery(AttemptsQuery):
    """Which attempts to export."""

    class Meta:
        exclude = ("limit", "cursor")


class AttemptView(Strict):
    """An attempt to sign in. `code` says why it was refused; nothing where it was not. `test`: it signed nobody in."""

    id = fields.String(required=True)
    at = fields.DateTime(required=True)
    reference = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True)
    idp = fields.String(required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)
    test = fields.Boolean(required=True)
    way = fields.String(required=True, metadata={"description": "sso, ldap, local or break_glass: how somebody tried."})
    directory = fields.String(
        required=True, allow_none=True, metadata={"description": "The directory that knew them, or was asked last."}
    )


class CheckView(Strict):
    """One check that was made, in order. `passed` is null where a pasted message leaves it open."""

    id = fields.String(required=True)
    claim = fields.String(required=True)
    section = fields.String(required=True)
    code = fields.String(required=True)
    passed = fields.Boolean(required=True, allow_none=True)
    expected = fields.String(required=True)
    actual = fields.String(required=True)


class OfferView(Strict):
    """What one click does: `settings` is what a draft would change; empty where the action leads to a page."""

    action = fields.String(required=True, validate=validate.OneOf([action.value for action in Action]))
    label = fields.String(required=True)
    settings = fields.Dict(keys=fields.String(), required=True)
    about = fields.String(required=True, allow_none=True)


class AdviceView(Strict):
    """What happened, what to do, and who can."""

    code = fields.String(required=True)
    happened = fields.String(required=True)
    todo = fields.String(required=True)
    who = fields.String(required=True, validate=validate.OneOf([who.value for who in Who]))
    who_words = fields.String(required=True)
    details = fields.List(fields.String(), required=True)
    offers = fields.List(fields.Nested(OfferView), required=True)


class ReceiptView(AttemptView):
    """An attempt with its receipt: every check, what is known besides, advice, and the message with personal values masked."""

    checks = fields.List(fields.Nested(CheckView), required=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    advice = fields.Nested(AdviceView, required=True, allow_none=True)
    xml = fields.String(required=True)


class AttemptPage(Strict):
    """Attempts, newest first."""

    items = fields.List(fields.Nested(AttemptView), required=True)
    next = fields.String(required=True, allow_none=True)


class DiagnoseBody(Strict):
    """A response: the form field SAMLResponse, a whole form, an address with it, the source of a page, or the XML itself."""

    saml_response = text(MAX_PASTED_CHARACTERS, required=True)


class VerdictView(Strict):
    """What the ACS would say. `code` null: it would sign the person in, if the browser that began brought it."""

    code = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True)
    pasted_as = fields.String(required=True)
    idp = fields.String(required=True, allow_none=True)
    would = fields.String(required=True, allow_none=True)
    checks = fields.List(fields.Nested(CheckView), required=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    advice = fields.List(fields.Nested(AdviceView), required=True)
    xml = fields.String(required=True)
