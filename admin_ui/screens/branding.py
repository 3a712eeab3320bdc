"""How a tenant looks to its people: name, logo, colour; with a preview of the sign-in page in both themes (T4)."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import json_answer, notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.brand_preview import preview_css, preview_of
from identity.response_headers import security_headers
from tenants import web
from tenants.administration import MAX_NAME_LENGTH, change_tenant
from tenants.errors import NotFound, Refusal
from tenants.logo_image import MAX_UPLOAD, Logo, read_logo
from tenants.logo_marks import mark_of
from tenants.logo_records import find_logo
from tenants.logos import remove_logo, set_logo
from tenants.roles import CONFIGURE, READ
from tenants.schema_fields import Strict, text
from tenants.schemas import COLOUR_FORM
from tenants.wiring import end_sessions, passkey_holders

MAX_COLOUR = 20
READ_BODY = 8 * 1024 * 1024
"""Octets of the form: a picture that is too large is told so by its own sentence, as long as it is read at all."""


class BrandingForm(Strict):
    """Name and colour, as the API takes them."""

    name = text(MAX_NAME_LENGTH, required=True)
    brand_colour = text(7, shortest=7, pattern=COLOUR_FORM, required=True)


class BrandingScreen(TenantScreen):
    """Name, logo and colour."""

    label, path, endpoint_name, icon, group = "Branding", "/branding", "branding", "brush", "Settings"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """The form with its preview."""
        return self._form(asked, {"name": asked.tenant.name, "brand_colour": asked.tenant.brand_colour}, {})

    @page("/look", CONFIGURE, methods=("POST",), max_body=READ_BODY)
    def look(self, asked: Asked) -> Response:
        """The preview of what was typed, where scripts do not show it; nothing is saved."""
        form = submitted(BrandingForm(), request.form)
        return self._form(asked, form.shown, form.errors)

    @page("/save", CONFIGURE, methods=("POST",), max_body=READ_BODY)
    def save(self, asked: Asked) -> Response | WerkzeugResponse:
        """Save all of it, or nothing; the logo is decoded before the transaction."""
        form = submitted(BrandingForm(), request.form)
        errors = dict(form.errors)
        logo: Logo | None = None
        try:
            logo = _uploaded(request.files.get("logo"))
        except Refusal as refusal:
            errors |= errors_of(refusal)
        if errors or form.values is None:
            return self._form(asked, form.shown, errors, status=422)
        try:
            with transaction():
                self._save(asked, form.values, logo)
        except Refusal as refusal:
            return self._form(asked, form.shown, errors_of(refusal), status=refusal.status)
        notify("Saved. People see it from the next page on.")
        return self.see_other("index", asked)

    @page("/logo/remove", CONFIGURE, methods=("POST",))
    def remove(self, asked: Asked) -> WerkzeugResponse:
        """Bring the initials back."""
        with transaction():
            remove_logo(asked.tenant, actor=asked.actor, now=asked.now)
        notify("The logo is gone. Pages show the initials again.")
        return self.see_other("index", asked)

    @page("/logo.png", READ)
    def logo(self, asked: Asked) -> Response:
        """The logo as people see it."""
        found = find_logo(asked.tenant.id)
        if found is None:
            raise NotFound("no logo")
        response = Response(found.png, content_type="image/png")
        response.headers["Cache-Control"] = "private, max-age=300"
        return security_headers(response)

    @page("/preview.css", READ)
    def sheet(self, asked: Asked) -> Response:  # noqa: ARG002 every page is asked
        """The shades of the colour in the address, for the preview."""
        sheet = preview_css(request.args.get("colour", "")[:MAX_COLOUR])
        response = Response(sheet, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "private, max-age=3600"
        return security_headers(response)

    @page("/preview.json", READ)
    def sentences(self, asked: Asked) -> Response:
        """What becomes of the colour in the address, in words, and where its style sheet is."""
        preview = preview_of(request.args.get("colour", "")[:MAX_COLOUR])
        words = {"light": preview.light.sentence, "dark": preview.dark.sentence, "readable": preview.readable}
        return json_answer(words | {"sheet": self.url_of("sheet", asked, colour=preview.colour)})

    def _save(self, asked: Asked, values: Any, logo: Logo | None) -> None:
        if logo is not None:
            set_logo(asked.tenant, logo, actor=asked.actor, now=asked.now)
        change_tenant(
            asked.tenant,
            values,
            web.settings(),
            attestation=None,
            actor=asked.actor,
            now=asked.now,
            end_sessions=end_sessions(),
            passkey_holders=passkey_holders(),
        )

    def _form(self, asked: Asked, values: Any, errors: Any, *, status: int = 200) -> Response:
        preview = preview_of(str(values.get("brand_colour", "")))
        return self.render(
            "branding/form.html",
            asked,
            status=status,
            values={"name": "", "brand_colour": "", **values},
            errors=errors,
            preview=preview,
            sheet=self.url_of("sheet", asked, colour=preview.colour),
            mark=mark_of(asked.tenant.logo),
            may_change=asked.may(CONFIGURE),
        )


def _uploaded(upload: FileStorage | None) -> Logo | None:
    """The picture in the form; None where no file was chosen. Its name and type are not looked at."""
    if upload is None or not upload.filename:
        return None
    return read_logo(upload.stream.read(MAX_UPLOAD + 1))
