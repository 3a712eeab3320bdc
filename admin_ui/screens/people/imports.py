"""Import: a file of people from upload over preview to result (P7). Progress is shown with scripts and without."""

from __future__ import annotations

from flask import Response, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.rendering import json_answer, notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.import_models import OUTCOMES
from identity.import_records import ImportRow, list_imports, page_of_lines
from identity.import_views import line_document
from identity.people_csv import MAX_FILE
from identity.people_errors import ImportRefused
from identity.people_import import drop_import, request_apply, require_import, start_import
from tenants.errors import NotFound, Refusal
from tenants.organisations.records import organisations_of
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ

SHOWN, LINES = 20, 50
MAX_UPLOAD = MAX_FILE + 64 * 1024
"""With the form around it."""


class ImportsScreen(TenantScreen):
    """Files of people."""

    label, path, endpoint_name, icon, group = "Import", "/people-imports", "people_imports", "upload", "People"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Where to send a file, and what became of earlier ones."""
        return self._index(asked)

    @page("/upload", CONFIGURE, methods=("POST",), max_body=MAX_UPLOAD)
    def upload(self, asked: Asked) -> WerkzeugResponse:
        """Take a file and lead to its preview."""
        sent: FileStorage | None = request.files.get("file")
        try:
            if sent is None or not sent.filename:
                raise ImportRefused("choose a file first")
            file = sent.stream.read(MAX_FILE + 1)
            with transaction():
                started = start_import(asked.tenant.id, file, sent.filename, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            where = refusal.detail.get("errors", {}).get("file", [])
            return self._index(asked, " ".join([refusal.sentence, *where]), refusal.status)
        return self.see_other("show", asked, import_id=started.id)

    @page("/<import_id>", READ)
    def show(self, asked: Asked, import_id: str) -> Response:
        """How far it is; what it would do, by outcome; what came of it."""
        found = _import(asked, import_id)
        telling = ("refused", *OUTCOMES) if found.state == "ready" else OUTCOMES  # what keeps it from being applied comes first
        outcome = request.args.get("outcome", "") or next((name for name in telling if found.counts.get(name)), OUTCOMES[0])
        after = request.args.get("after", "")
        if outcome not in OUTCOMES or (after and not (after.isascii() and after.isdigit() and len(after) < 10)):
            raise NotFound("no such outcome or line")
        tree = organisations_of(asked.tenant.id)
        lines = page_of_lines(asked.tenant.id, found.id, outcome, int(after or -1), LINES + 1)
        return self.render(
            "people/import.html",
            asked,
            found=found,
            outcome=outcome,
            outcomes=OUTCOMES,
            lines=[line_document(line, tree) for line in lines[:LINES]],
            following=lines[LINES - 1].line if len(lines) > LINES else None,
            after=after,
        )

    @page("/<import_id>/state", READ)
    def state(self, asked: Asked, import_id: str) -> Response:
        """For the progress bar."""
        found = _import(asked, import_id)
        return json_answer({"state": found.state, "done": found.done, "total": found.total})

    @page("/<import_id>/apply", CONFIGURE, methods=("POST",))
    def apply(self, asked: Asked, import_id: str) -> WerkzeugResponse:
        """Say yes to the preview that was shown."""
        found = _import(asked, import_id)
        try:
            with transaction():
                request_apply(
                    asked.tenant.id,
                    found.id,
                    fingerprint=request.form.get("fingerprint", ""),
                    leave_out_refused=request.form.get("leave_out_refused") == "on",
                    actor=asked.actor,
                    now=asked.now,
                )
        except Refusal as refusal:
            notify(refusal.sentence, "error")
        return self.see_other("show", asked, import_id=import_id)

    @page("/<import_id>/remove", CONFIGURE, methods=("POST",))
    def remove(self, asked: Asked, import_id: str) -> WerkzeugResponse:
        """Forget a file and its preview."""
        with transaction():
            drop_import(asked.tenant.id, _import(asked, import_id).id)
        notify("The file and its preview were removed. Nobody was changed by that.")
        return self.see_other("index", asked)

    def _index(self, asked: Asked, fault: str = "", status: int = 200) -> Response:
        imports = list_imports(asked.tenant.id, SHOWN)
        return self.render("people/imports.html", asked, status=status, imports=imports, fault=fault)


def _import(asked: Asked, import_id: str) -> ImportRow:
    if not is_row_id(import_id):
        raise NotFound("no such id")
    return require_import(asked.tenant.id, import_id)
