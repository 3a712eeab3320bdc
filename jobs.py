"""What is done every so often: the jobs of `vestibule serve` and `vestibule worker`, as a list for the command alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from flask import Flask

from admin_ui.audit_chains import renew_signatures, seal_events
from admin_ui.log_levels.levels import FOLLOW_SECONDS, follow_levels
from admin_ui.staff_purge import purge_staff
from config.ending import ending
from config.looks import LOOK_SECONDS, Look
from config.scheduler import Job, Where
from config.sealing import KeyRing
from config.settings import Settings
from identity.admin_addresses import admin_addresses
from identity.directories.syncing import run_due_directory_syncs
from identity.import_records import IMPORTS_LOOK
from identity.local_accounts.link_records import LINKS_LOOK
from identity.local_sign_in.asked_links import run_due_links
from identity.local_sign_in.door import Means
from identity.local_sign_in.keeping import purge_local_accounts
from identity.people_import import run_due_imports
from identity.purge import purge_expired
from identity.sign_in_counts import count_sign_ins
from tenants.directories.claims import DIRECTORIES_LOOK
from tenants.erasure import erase_deleted
from tenants.metadata_history.purge import purge_metadata
from tenants.metadata_readings import run_due_readings
from tenants.metadata_sync import run_due_lists, run_due_syncs
from tenants.notices.delivery_records import DELIVERIES_LOOK
from tenants.notices.ending import warn_of_endings
from tenants.notices.keeping import count_endings, purge_notices
from tenants.notices.sending import run_due_deliveries
from tenants.reading_records import READINGS_LOOK
from tenants.refresh.records import LISTS_LOOK, SYNCS_LOOK
from tenants.rollover.ending import look_after_keys
from tenants.sealing.removal import remove_refusals
from tenants.sealing.signing import SealKeys

PURGE_SECONDS = 300
COUNT_SECONDS = 60
OWN_KEYS_SECONDS = 300
METADATA_PURGE_SECONDS = 3600
ERASURE_SECONDS = 3600
WARN_SECONDS = 60
SEAL_SECONDS = 30
SEAL_KEYS_SECONDS = 3_600
"""How soon every chain has a seal of a new key."""


def jobs_of(app: Flask) -> tuple[Job, ...]:
    """What is done every so often by every process with a clock; a due row is claimed by one of them.

    What must not run beside requests says `where="worker"`.
    """
    settings: Settings = app.extensions["vestibule_settings"]
    seal_keys: SealKeys = app.extensions["vestibule_seal_keys"]
    keys: KeyRing = app.extensions["vestibule_keys"]
    return (
        *_queues(settings, keys),
        Job("purge", PURGE_SECONDS, purge_expired),
        Job("own_keys", OWN_KEYS_SECONDS, lambda: look_after_keys(dt.datetime.now(dt.UTC))),
        Job("erasure", ERASURE_SECONDS, lambda: erase_deleted(dt.datetime.now(dt.UTC))),
        Job("staff_purge", PURGE_SECONDS, purge_staff),
        Job("local_purge", PURGE_SECONDS, lambda: purge_local_accounts(dt.datetime.now(dt.UTC))),
        Job("count_sign_ins", COUNT_SECONDS, count_sign_ins),
        Job("log_levels", FOLLOW_SECONDS, lambda: follow_levels(dt.datetime.now(dt.UTC)), where="everywhere"),
        Job("seal_events", SEAL_SECONDS, lambda: seal_events(seal_keys, dt.datetime.now(dt.UTC))),
        Job("seal_keys", SEAL_KEYS_SECONDS, lambda: renew_signatures(seal_keys, dt.datetime.now(dt.UTC))),
        Job("metadata_purge", METADATA_PURGE_SECONDS, lambda: purge_metadata(dt.datetime.now(dt.UTC))),
        Job("warnings", WARN_SECONDS, lambda: warn_of_endings(settings, keys, dt.datetime.now(dt.UTC), admin_addresses)),
        Job("refusals_purge", METADATA_PURGE_SECONDS, lambda: remove_refusals(seal_keys, dt.datetime.now(dt.UTC))),
        Job("notices_purge", PURGE_SECONDS, lambda: purge_notices(dt.datetime.now(dt.UTC))),
        Job("count_endings", PURGE_SECONDS, lambda: count_endings(dt.datetime.now(dt.UTC))),
    )


def _queues(settings: Settings, keys: KeyRing) -> tuple[Job, ...]:
    """Jobs that are looked for together, and run where something is due."""

    def clock() -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def queue(name: str, look: Look, run: Callable[[dt.datetime], object], where: Where = "anywhere") -> Job:
        return Job(name, LOOK_SECONDS, lambda: run(dt.datetime.now(dt.UTC)), where, look)

    means = Means(settings, keys, admin_addresses)
    return (
        queue("people_imports", IMPORTS_LOOK, run_due_imports),
        queue("metadata_readings", READINGS_LOOK, lambda now: run_due_readings(settings, now), "worker"),
        queue("metadata_lists", LISTS_LOOK, lambda now: run_due_lists(settings, now, ended=ending.is_set), "worker"),
        queue("metadata_sync", SYNCS_LOOK, lambda now: run_due_syncs(settings, now, ended=ending.is_set)),
        queue(
            "directory_sync",
            DIRECTORIES_LOOK,
            lambda _: run_due_directory_syncs(means, clock, ended=ending.is_set),
        ),
        queue("local_links", LINKS_LOOK, lambda now: run_due_links(means, now)),
        queue("deliveries", DELIVERIES_LOOK, lambda now: run_due_deliveries(settings, keys, now)),
    )
