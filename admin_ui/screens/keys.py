"""What an identity provider has to know of us, our own certificates, and how they are replaced (K1, K2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.overviews import days_until
from tenants.errors import NotFound, Refusal
from tenants.key_schemas import KeyCreate, KeyImport, KeyPromote, KeyRetire
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ
from tenants.rollover.making import draft_key, require_turn
from tenants.rollover.pem import MAX_PEM, read_key_pair
from tenants.rollover.products import product_of
from tenants.rollover.reader_records import readers_of
from tenants.rollover.records import OwnKey
from tenants.rollover.stages import add_next_key, promote, require_key, retire, roll_back
from tenants.rollover.timeline import Standing, rollovers_of
from tenants.service_provider import service_provider_of
from tenants.wiring import keys

NO_FORM: Mapping[str, Any] = {"use": "signing"}
LIFETIMES = (("365", "A year"), ("730", "2 years"), ("1826", "5 years"), ("3652", "10 years"))
LENGTHS = (("2048", "2048 bits: the fastest"), ("3072", "3072 bits: for longer than 2030"), ("4096", "4096 bits: slow"))
GRACES = (("1", "A day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("0", "None: it ends now"))
MAX_IMPORT = 256 * 1024


@dataclass(frozen=True, slots=True)
class ShownKey:
    """One of our own certificates, and how it stands; the private half is never read for it."""

    standing: Standing
    fingerprint: str
    days: int

    @property
    def key(self) -> OwnKey:
        """The key itself."""
        return self.standing.key


class KeysScreen(TenantScreen):
    """The service provider's side of a tenant."""

    label, path, endpoint_name, icon, group = "Service provider", "/service-provider", "keys", "key", "Identity management"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Names, addresses, certificates, what to do next, and who has fetched."""
        return self._shown(asked, {})

    @page("/next", CONFIGURE, methods=("POST",))
    def make(self, asked: Asked) -> Response | WerkzeugResponse:
        """Make the next key; it is made before the transaction."""
        form = submitted(KeyCreate(), request.form)
        if form.values is None:
            return self._shown(asked, form.errors, 422)
        wanted = dict(form.values)
        use = wanted.pop("use")

        def step() -> None:
            pair = draft_key(asked.tenant, use, asked.now, **wanted)
            with transaction():
                add_next_key(asked.tenant, use, pair, keys(), actor=asked.actor, now=asked.now)

        return self._done(asked, step, "The next key is in our metadata from now on. Nothing else has changed.")

    @page("/<key_id>/promote", CONFIGURE, methods=("POST",))
    def promote(self, asked: Asked, key_id: str) -> Response | WerkzeugResponse:
        """Let the next key take the active one's place."""
        form = submitted(KeyPromote(), request.form)
        if form.values is None:
            return self._shown(asked, form.errors, 422)
        terms = form.values

        def step() -> None:
            with transaction():
                promote(asked.tenant, _row_id(key_id), **terms, actor=asked.actor, now=asked.now)

        return self._done(asked, step, "The key is active from now on. Try a sign-in; you can still go back.")

    @page("/<key_id>/retire", CONFIGURE, methods=("POST",))
    def retire(self, asked: Asked, key_id: str) -> Response | WerkzeugResponse:
        """End a retiring key, or discard the next one."""
        form = submitted(KeyRetire(), request.form)
        if form.values is None:
            return self._shown(asked, form.errors, 422)
        terms = form.values

        def step() -> None:
            with transaction():
                retire(asked.tenant, _row_id(key_id), **terms, actor=asked.actor, now=asked.now)

        return self._done(asked, step, "The key is retired: it signs and opens nothing any more.")

    @page("/<key_id>/roll-back", CONFIGURE, methods=("POST",))
    def roll_back(self, asked: Asked, key_id: str) -> Response | WerkzeugResponse:
        """Go back to a key that was active before."""

        def step() -> None:
            with transaction():
                roll_back(asked.tenant, _row_id(key_id), actor=asked.actor, now=asked.now)

        return self._done(asked, step, "The former key is active again.")

    @page("/<key_id>/certificate", READ)
    def certificate(self, asked: Asked, key_id: str) -> Response:
        """The certificate as a file."""
        key = require_key(asked.tenant.id, _row_id(key_id))
        name = f"{asked.tenant.slug}-{key.use}-{key.created_at:%Y-%m-%d}.pem"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return Response(key.certificate.strip() + "\n", mimetype="application/x-pem-file", headers=headers)

    @page("/import", CONFIGURE, fresh=True)
    def bring(self, asked: Asked) -> Response:
        """The form for a key that was made elsewhere."""
        return self.render("keys/import.html", asked, form_values=NO_FORM, errors={})

    @page("/import", CONFIGURE, methods=("POST",), max_body=MAX_IMPORT, fresh=True)
    def take(self, asked: Asked) -> Response | WerkzeugResponse:
        """Take a key and its certificate; what was sent is never shown again."""
        form = request.form.copy()
        for name in ("private_key", "certificate"):
            if name in request.files:
                form[name] = request.files[name].stream.read(MAX_PEM + 1).decode("ascii", "replace")
        read = submitted(KeyImport(), form)
        again: Mapping[str, Any] = {"use": read.shown.get("use", "signing")}
        if read.values is None:
            return self.render("keys/import.html", asked, form_values=again, errors=read.errors, status=422)
        sent = read.values
        try:
            require_turn(asked.tenant.id, sent["use"], asked.now)
            pair = read_key_pair(sent["use"], sent["private_key"], sent["certificate"], sent["passphrase"], asked.now)
            with transaction():
                add_next_key(asked.tenant, sent["use"], pair, keys(), actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            errors = errors_of(refusal)
            return self.render("keys/import.html", asked, form_values=again, errors=errors, status=refusal.status)
        notify("The next key is in our metadata from now on. Nothing else has changed.")
        return self.see_other("index", asked)

    def _done(self, asked: Asked, step: Callable[[], None], words: str) -> Response | WerkzeugResponse:
        try:
            step()
        except NotFound:
            raise
        except Refusal as refusal:
            return self._shown(asked, errors_of(refusal), refusal.status)
        notify(words)
        return self.see_other("index", asked)

    def _shown(self, asked: Asked, errors: Mapping[str, Sequence[str]], status: int = 200) -> Response:
        rollovers = rollovers_of(asked.tenant.id, asked.now)
        names = {one.key.id: one.key for rollover in rollovers for one in rollover.standings}
        readers = readers_of(asked.tenant.id)
        return self.render(
            "keys/index.html",
            asked,
            status=status,
            own=service_provider_of(asked.tenant.origin),
            rollovers=[(rollover, [_shown(one, asked.now) for one in rollover.standings]) for rollover in rollovers],
            readers=[(reader, product_of(reader.user_agent), _seen(reader.key_ids, names)) for reader in readers],
            errors=errors,
            choices={"lifetimes": LIFETIMES, "lengths": LENGTHS, "graces": GRACES},
            may_change=asked.may(CONFIGURE),
        )


def _shown(standing: Standing, now: dt.datetime) -> ShownKey:
    certificate = x509.load_pem_x509_certificate(standing.key.certificate.encode())
    digits = certificate.fingerprint(hashes.SHA256()).hex().upper()
    fingerprint = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    return ShownKey(standing, fingerprint, days_until(standing.key.ends_at, now))


def _seen(key_ids: Sequence[str], names: Mapping[str, OwnKey]) -> str:
    """Which of the present keys a reader has seen, in words."""
    seen = [names[key_id] for key_id in key_ids if key_id in names and names[key_id].state != "retired"]
    return ", ".join(f"{key.state} {key.use}" for key in seen) or "none of the present keys"


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
