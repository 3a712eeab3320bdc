"""Prometheus metrics, summed over all workers; no tenant and no person in a label (I4)."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

SIGN_INS = Counter("vestibule_sign_ins", "Responses of identity providers, by refusal code or 'accepted'.", ["result"])
LOGIN_STARTS = Counter("vestibule_login_starts", "Browsers sent to an identity provider, by binding.", ["binding"])
LOGOUTS = Counter(
    "vestibule_logouts", "Sign-outs, by how far they went; and logout messages of identity providers, by outcome.", ["result"]
)
REQUESTS = Histogram(
    "vestibule_request_seconds",
    "Time to answer, by kind of host and class of status.",
    ["host", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
request_seconds = functools.cache(REQUESTS.labels)
sign_ins = functools.cache(SIGN_INS.labels)
login_starts = functools.cache(LOGIN_STARTS.labels)
"""One number of each, by its labels, whose values are few and ours: looking it up takes longer than counting."""
KEY_REFETCHES = Counter(
    "vestibule_key_refetches", "Sign-ins by a key that is not known, by what became of fetching metadata again.", ["outcome"]
)
METADATA_SYNCS = Counter(
    "vestibule_metadata_syncs", "Fetches of metadata, by result, code and failed stage.", ["result", "code", "stage"]
)
DIRECTORY_SECONDS = Histogram(
    "vestibule_directory_seconds",
    "Time that directories (LDAP) took for a sign-in, with connecting.",
    buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 5.0, 10.0, 30.0),
)
DIRECTORY_SYNCS = Counter(
    "vestibule_directory_syncs", "Syncs of directories, by result, code and failed stage.", ["result", "code", "stage"]
)
ROWS_REMOVED = Counter("vestibule_rows_removed", "Rows that were kept long enough and removed, by table.", ["table"])
SEAL_LAG = Gauge(
    "vestibule_seal_lag_seconds",
    "Age of the oldest audit event that is in no seal, when the job looked last.",
    multiprocess_mode="livemostrecent",
)
JOB_SECONDS = Histogram(
    "vestibule_job_seconds",
    "Time that a run of a job took.",
    ["job"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0),
)
JOB_FAILURES = Counter("vestibule_job_failures", "Runs of a job that ended with an error.", ["job"])
DELIVERIES = Counter("vestibule_deliveries", "Mail and webhooks, by channel and result.", ["channel", "result"])
ENDING = Gauge(
    "vestibule_ending",
    "How many certificates and copies of metadata end within so many days.",
    ["subject", "days"],
    multiprocess_mode="mostrecent",
)


def share_between_workers(folder: Path) -> None:
    """Before workers start, and before anything is counted: keep the numbers in `folder`, where every worker reads them all.

    prometheus_client looks for the variable when it is imported, which is too early for whoever decides by an option.
    """
    os.environ[MULTIPROCESS_VARIABLE] = str(folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is true of the service as a whole, and not of a process: it is asked for when somebody looks."""

    name: str
    sentence: str
    value: float


class _Figures(Collector):
    def __init__(self, figures: Iterable[Figure]) -> None:
        self._families = [GaugeMetricFamily(figure.name, figure.sentence, figure.value) for figure in figures]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families


def metrics_page(figures: Iterable[Figure] = ()) -> tuple[bytes, str]:
    """Body and content type in Prometheus's text form: what the processes here counted, and figures of the whole."""
    counted, whole = CollectorRegistry(), CollectorRegistry()
    whole.register(_Figures(figures))
    if os.environ.get(MULTIPROCESS_VARIABLE):
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(whole), CONTENT_TYPE_LATEST
    return generate_latest() + generate_latest(whole), CONTENT_TYPE_LATEST
