"""Refusals of proving an e-mail domain by DNS: each says what was looked for and what can be done."""

from __future__ import annotations

from collections.abc import Mapping

from tenants.errors import Refusal


class DomainUnproven(Refusal):
    """A look-up that proved nothing. detail: name, value (the record that is wanted), found (other values, bounded)."""

    status = 422
    heading = "This domain is not proven yet"


class DomainRecordMissing(DomainUnproven):
    code, sentence = "domain_record_missing", "There is no such TXT record in DNS yet."
    advice = "Add the record at whoever runs the domain's DNS. New records can take an hour to be seen everywhere."


class DomainRecordWrong(DomainUnproven):
    code, sentence = "domain_record_wrong", "There is a TXT record at this name, but with another value."
    advice = "Copy the value again, whole and without quotes or blanks around it."


class DomainLookupTimeout(DomainUnproven):
    code, sentence = "domain_lookup_timeout", "The domain's name servers did not answer in time."
    advice = "Try again in a minute. If it stays like this, the domain's name servers cannot be reached."


class DomainLookupFailed(DomainUnproven):
    code, sentence = "domain_lookup_failed", "The domain's name servers answered with an error."
    advice = "The domain's DNS may be set up wrongly (a delegation, or DNSSEC). Whoever runs it can say."


UNPROVEN: Mapping[str, type[DomainUnproven]] = {
    refusal.code: refusal for refusal in (DomainRecordMissing, DomainRecordWrong, DomainLookupTimeout, DomainLookupFailed)
}
"""By code, for whoever shows how the last look-up went."""
