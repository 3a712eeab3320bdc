"""Rounds: floor and product take turns within each, so that whatever else the machine does meets both."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.client import get
from benchmarks.phases import Measured, Person, Started, arrivals, send_all, started, starts
from benchmarks.servers import Server
from benchmarks.tenancies import BOTH_SIGNED, PLAIN, REDIRECT, Tenancy, tidy

CIPHER = "aes256-gcm"
SEED = 20261124


@dataclass(slots=True)
class Row:
    """One line of the table: what is compared in each round, and the most that the ratio should be."""

    name: str
    aim: float | None
    against: str = "floor"
    floors: list[float] = field(default_factory=list)
    products: list[float] = field(default_factory=list)

    def add(self, floor: float, product: float) -> None:
        """Note one round, in CPU milliseconds for a request."""
        self.floors.append(floor)
        self.products.append(product)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: of each round's two neighbours, not of two medians."""
        return median(product / floor for floor, product in zip(self.floors, self.products, strict=True))


@dataclass(frozen=True, slots=True)
class Contest:
    """What takes part on one database: the floor, and the product with few and with many tenants."""

    floor: Server
    few: Server
    many: Server
    few_tenancies: Sequence[Tenancy]
    many_tenancies: Sequence[Tenancy]
    urls: Sequence[str]


def compare(contest: Contest, *, rounds: int, requests: int) -> list[Row]:
    """Run so many rounds of so many requests for each row, after one that does not count."""
    course = _Course(contest, requests)
    _round(course, contest)
    for row in course.rows:
        row.floors.clear()
        row.products.clear()
    for _ in range(rounds):
        _round(course, contest)
    return course.rows


def _round(course: _Course, contest: Contest) -> None:
    course.round()
    for url in contest.urls:
        tidy(url)


class _Course:
    """People, tenants and rows of one comparison."""

    def __init__(self, contest: Contest, requests: int) -> None:
        self._contest = contest
        self._requests = requests
        chance = random.Random(SEED)
        many = list(contest.many_tenancies[PLAIN:])
        chance.shuffle(many)
        few = contest.few_tenancies
        plain = few[PLAIN:]
        self._here = [Person(plain[number % len(plain)], f"p{number}") for number in range(requests)]
        self._anywhere = [Person(tenancy, "p") for tenancy, _ in zip(many, range(requests), strict=False)]
        self._unvisited = iter(Person(tenancy, "p") for tenancy in many[len(self._anywhere) :])
        self._newcomers = (Person(person.tenancy, f"{person.name}-{number}") for number in _count() for person in self._here)
        self._by_redirect = [Person(few[REDIRECT], person.name) for person in self._here]
        self._by_both = [Person(few[BOTH_SIGNED], person.name) for person in self._here]
        sample = [
            Started(Person(few[PLAIN], person.name), f"_{number:040d}", "r" * 32, "")
            for number, person in enumerate(self._here)
        ]
        self._floor_arrivals = arrivals(sample)
        self.post = Row("start, POST, signed", 1.2)
        self.redirect = Row("start, Redirect, signed", 1.2)
        self.known = Row("sign-in, signed assertion", 1.75)
        self.new = Row("sign-in, signed assertion, new person", 1.75)
        self.both = Row("sign-in, both signed", 2.3)
        self.encrypted = Row("sign-in, encrypted AES-256-GCM", 2.3)
        count = len(contest.many_tenancies)
        self.anywhere = Row(f"sign-in at one of {count} tenants", 1.05, against=f"with {len(few)} tenants")
        self.first = Row(f"start at one of {count}, first time in this worker", None, against="start, POST")

    @property
    def rows(self) -> list[Row]:
        """In the table's order."""
        return [self.post, self.redirect, self.known, self.new, self.both, self.encrypted, self.anywhere, self.first]

    def round(self) -> None:
        """Every row once."""
        few, many = self._contest.few, self._contest.many
        here = self._start(few, self._here, self.post, "/post", 200)
        self._start(few, self._by_redirect, self.redirect, "/redirect", 302)
        with_ten = self._sign_in(few, arrivals(here), self.known)
        anywhere = arrivals(_begun(many, self._anywhere))
        self.anywhere.add(with_ten, send_all(many, anywhere, expected=303).milliseconds)
        newcomers = [next(self._newcomers) for _ in range(self._requests)]
        self._sign_in(few, arrivals(_begun(few, newcomers)), self.new)
        self._sign_in(few, arrivals(_begun(few, self._by_both), sign="both"), self.both)
        self._sign_in(few, arrivals(_begun(few, self._here), encrypt=CIPHER), self.encrypted)
        strangers = [person for person, _ in zip(self._unvisited, range(self._requests), strict=False)]
        if strangers:
            first = send_all(many, starts(strangers), expected=200).milliseconds
            self.first.add(self.post.products[-1], first)

    def _start(self, server: Server, people: Sequence[Person], row: Row, path: str, expected: int) -> list[Started]:
        floor = send_all(self._contest.floor, [get("localhost:8000", path)] * len(people), expected=expected)
        product = send_all(server, starts(people), expected=expected)
        row.add(floor.milliseconds, product.milliseconds)
        return started(people, product)

    def _sign_in(self, server: Server, requests: Sequence[bytes], row: Row) -> float:
        floor = send_all(self._contest.floor, self._floor_arrivals, expected=303)
        product = send_all(server, requests, expected=303)
        row.add(floor.milliseconds, product.milliseconds)
        return product.milliseconds


def _begun(server: Server, people: Sequence[Person]) -> list[Started]:
    measured: Measured = send_all(server, starts(people), expected=200)
    return started(people, measured)


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1
