"""Refusals of whoever manages organisations: what console, API and command line will not do."""

from __future__ import annotations

from tenants.errors import Refusal


class OrganisationExists(Refusal):
    code, status, sentence = "organisation_exists", 409, "There is an organisation of this name in the same place already."


class TooManyOrganisations(Refusal):
    code, status = "too_many", 409
    sentence = "There are as many organisations as a tenant may have. Remove one first."


class OrganisationTooDeep(Refusal):
    code, status = "organisation_too_deep", 409
    sentence = "Organisations stand at most ten deep below the tenant, together with everything below them."


class OrganisationCycle(Refusal):
    code, status, sentence = "organisation_cycle", 409, "An organisation cannot stand below itself."


class OrganisationNotEmpty(Refusal):
    """detail: people, organisations, identity_providers, the numbers of each."""

    code, status = "organisation_not_empty", 409
    sentence = "There is something in this organisation still. Move it elsewhere, or have all of it moved to the parent."


class OrganisationInRules(Refusal):
    """detail: rules, each with the identity provider or the directory whose it is, and its number there."""

    code, status = "organisation_in_rules", 409
    sentence = "Rules of placement put people into this organisation. Change these rules first, then remove it."


class SSONotTested(Refusal):
    """detail: identity_providers, the names of those without a passing test; organisations, where they would be required."""

    code, status = "sso_not_tested", 409
    sentence = (
        "SSO can be required once a test sign-in has passed with exactly the settings and metadata that are in force. "
        "Test each identity provider that is in force there, then try again."
    )


class PeopleLockedOut(Refusal):
    """detail: people, how many; organisations, in which, with how many each."""

    code, status = "people_locked_out", 409
    sentence = (
        "Some people would lose the way that they sign in by, or never came by the one that would be left to them. "
        "Look at how many; where that is meant, say so (`anyway`)."
    )
