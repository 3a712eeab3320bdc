"""`python -m benchmarks`: run everything and print one table. Figures are reported, never judged by the exit code."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import aggregate
from benchmarks.aggregate import MEGABYTES
from benchmarks.in_process import CASES
from benchmarks.profiling import breakdown, profile
from benchmarks.refresh import QUICK as QUICK_REFRESH
from benchmarks.refresh import WHOLE as WHOLE_REFRESH
from benchmarks.refresh import RefreshSize, lines_of, refresh_lines
from benchmarks.rounds import Contest, compare
from benchmarks.scale import cached_tenant_bytes, start_seconds
from benchmarks.servers import floor, product
from benchmarks.table import machine, plain_lines, scale_lines, table
from benchmarks.tenancies import PLAIN, SECRET_KEYS, KeyStock, Tenancy, fill, make_keys
from config.settings import Settings
from tests.support.postgresql import start_cluster
from tests.support.world import utc_now

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    requests: int
    few: int
    many: int
    keys: int
    cached: int
    starts: int
    megabytes: float


WHOLE = Size(rounds=5, requests=400, few=10, many=10_000, keys=64, cached=3_000, starts=5, megabytes=MEGABYTES)
QUICK = Size(rounds=1, requests=10, few=40, many=40, keys=2, cached=20, starts=1, megabytes=0.5)


@dataclass(frozen=True, slots=True)
class Database:
    """One kind of database: gives URLs of empty ones, and the processes that serve it."""

    kind: str
    new: Callable[[str], str]
    pids: tuple[int, ...] = ()


def main() -> None:
    """Read the options, measure, print."""
    options = _options()
    size = QUICK if options.quick else WHOLE
    size = replace(size, rounds=options.rounds or size.rounds, requests=options.requests or size.requests)
    keys = make_keys(2 if options.profile or options.breakdown else size.keys, utc_now())
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as name:
        for kind in options.databases:
            with _database(kind, Path(name)) as database:
                for part in _parts(options, database, keys, size, Path(name)):
                    print("\n" + part, flush=True)


def _parts(options: argparse.Namespace, database: Database, keys: KeyStock, size: Size, folder: Path) -> Iterator[str]:
    if not options.profile and not options.breakdown:
        if not options.refresh:
            yield from _measured(database, keys, size, folder, with_scale=database.kind == options.databases[0])
        yield _refreshed(database, QUICK_REFRESH if options.quick else WHOLE_REFRESH, folder)
        return
    with (folder / "product.log").open("w") as log, redirect_stderr(log):
        if options.profile:
            yield _profiled(database, options.profile, keys, size.requests)
        else:
            yield _broken_down(database, options.breakdown, keys, size.requests)


def _measured(database: Database, keys: KeyStock, size: Size, folder: Path, *, with_scale: bool) -> Iterator[str]:
    """Memory and start are told once: neither depends on the database."""
    few_url, few = _filled(database, "few", size.few, keys)
    many_url, many = (few_url, few) if size.many == size.few else _filled(database, "many", size.many, keys)
    with ExitStack() as stack:
        floor_server = stack.enter_context(floor(few_url, folder, few[PLAIN], database.pids))
        few_server = stack.enter_context(product(few_url, folder, database.pids))
        many_server = few_server if many_url == few_url else stack.enter_context(product(many_url, folder, database.pids))
        contest = Contest(floor_server, few_server, many_server, few, many, (few_url, many_url))
        rows = compare(contest, rounds=size.rounds, requests=size.requests)
    yield table(database.kind, rows)
    if with_scale:
        start = start_seconds(many_url, many[PLAIN].host, folder, times=size.starts)
        yield scale_lines(cached_tenant_bytes(many_url, size.cached), start)
        yield aggregate.measure(size.megabytes)


def _refreshed(database: Database, size: RefreshSize, folder: Path) -> str:
    return plain_lines(lines_of(database.kind, refresh_lines(database.new, database.pids, size, folder)))


def _filled(database: Database, name: str, count: int, keys: KeyStock) -> tuple[str, tuple[Tenancy, ...]]:
    url = database.new(name)
    return url, fill(url, count, keys, utc_now())


def _profiled(database: Database, case: str, keys: KeyStock, requests: int) -> str:
    url, tenancies = _filled(database, "profile", WHOLE.few, keys)
    return profile(_settings(url), tenancies, case, requests)


def _broken_down(database: Database, case: str, keys: KeyStock, requests: int) -> str:
    url, tenancies = _filled(database, "breakdown", WHOLE.few, keys)
    steps = breakdown(_settings(url), tenancies, case, requests)
    lines = [f"{spent:9.1f} µs  {name}" for name, spent in steps]
    return "\n".join([f"{database.kind}, {case}", *lines, f"{sum(spent for _, spent in steps):9.1f} µs  in all"])


def _settings(url: str) -> Settings:
    return Settings(secret_keys=SECRET_KEYS, database_url=url)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[Database]:
    if kind == "sqlite":
        yield Database(kind, lambda name: f"sqlite:///{folder}/{name}.db")
        return
    cluster = start_cluster()
    try:
        postmaster = int((cluster.folder / "files" / "postmaster.pid").read_text().split()[0])
        yield Database(kind, cluster.create, (postmaster,))
    finally:
        cluster.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run in seconds; its figures mean little")
    parser.add_argument("--rounds", type=int, help=f"rounds that count ({WHOLE.rounds})")
    parser.add_argument("--requests", type=int, help=f"requests of a row in each round ({WHOLE.requests})")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--refresh", action="store_true", help="the refresh of metadata alone")
    parser.add_argument("--profile", choices=CASES, help="instead: cProfile's top of one case, in this process")
    parser.add_argument("--breakdown", choices=CASES, help="instead: microseconds of one case by step, in this process")
    return parser.parse_args()


if __name__ == "__main__":
    main()
