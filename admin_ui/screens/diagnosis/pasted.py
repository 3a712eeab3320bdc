"""A response is pasted and judged as at the ACS, without effect (D2)."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.diagnosis.ways import ways_of
from admin_ui.screens.diagnosis.xml_words import indented
from identity.advice_clocks import clock_of
from identity.advice_words import WHO_WORDS
from identity.attempt_schemas import DiagnoseBody
from identity.diagnosis import diagnose, require_diagnosis_rate
from identity.pasted import MAX_PASTED_CHARACTERS
from tenants import web
from tenants.errors import NotFound, RateLimited
from tenants.records import find_tenant
from tenants.roles import ASSIST

MAX_BODY = 4 * MAX_PASTED_CHARACTERS
"""Bytes of the form: three for each character of base64 that is escaped, and the rest."""
NOTHING: dict[str, Any] = {"verdict": None, "errors": {}, "pasted": ""}


class PastedScreen(TenantScreen):
    """The form, and the verdict below it."""

    label, path, endpoint_name, icon, group = "Paste a response", "/paste", "pasted", "document", "Diagnosis"

    @page("/", ASSIST)
    def index(self, asked: Asked) -> Response:
        """The form."""
        return self.render("diagnosis/paste.html", asked, **NOTHING)

    @page("/", ASSIST, methods=("POST",), max_body=MAX_BODY)
    def judge(self, asked: Asked) -> Response:
        """The verdict. What was pasted is in the answer and nowhere else."""
        form = submitted(DiagnoseBody(), request.form)
        pasted = request.form.get("saml_response", "")
        if form.values is None:
            values = NOTHING | {"errors": form.errors, "pasted": pasted}
            return self.render("diagnosis/paste.html", asked, status=422, **values)
        try:
            if web.settings().rate_limits:
                require_diagnosis_rate(asked.tenant.id, asked.now)
        except RateLimited as refusal:
            values = NOTHING | {"errors": errors_of(refusal), "pasted": pasted}
            return self.render("diagnosis/paste.html", asked, status=429, **values)
        tenant = find_tenant(asked.tenant.slug)
        if tenant is None:
            raise NotFound("deleted meanwhile")
        verdict = diagnose(tenant, web.trusts().trust_of(tenant), form.values["saml_response"], asked.now)
        return self.render(
            "diagnosis/paste.html",
            asked,
            verdict=verdict,
            advised=[(advice, ways_of(advice, asked, verdict.idp, None)) for advice in verdict.advice],
            errors={},
            pasted=pasted,
            who_words=WHO_WORDS,
            clock=clock_of(verdict.receipt["facts"]),
            xml=indented(verdict.xml),
        )
