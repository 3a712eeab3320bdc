"""The row that a process keeps while its clock runs."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime

SERVE: Literal["serve"] = "serve"
WORKER: Literal["worker"] = "worker"


class JobClock(Model):
    """A process that runs jobs: `vestibule serve` beside its requests, `vestibule worker` and nothing else."""

    __tablename__ = "job_clock"
    __table_args__ = (sa.CheckConstraint(sa.column("kind").in_((SERVE, WORKER)), name="kind"),)

    id: Mapped[str] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int] = mapped_column(sa.Integer)
    started_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    beat_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
