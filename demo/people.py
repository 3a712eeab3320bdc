"""The people of the demo: at each organisation the same handful, and one who is not to get in."""

from __future__ import annotations

from dataclasses import dataclass

MAIL_DOMAIN = "{slug}.test"
STAFF_SLUG = "crew"
"""MyDomain of the company that runs the service: its people come to the console through it."""
CONSOLE_ROLES = {"ada": "admin", "grace": "viewer"}
"""Who may use an organisation's console."""
STAFF_ROLES = {"ada": "staff", "grace": "support"}
"""Who of the company that runs the service may use the console of all."""
_REMARKS = {"admin": "administrator of the console", "viewer": "viewer in the console"}
_STAFF_REMARKS = {"staff": "staff owner", "support": "staff support"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be chosen at the demo identity provider."""

    uid: str
    first_name: str
    last_name: str
    email: str
    phone: str = ""
    remark: str = ""

    @property
    def name(self) -> str:
        """As the page shows it."""
        return f"{self.first_name} {self.last_name}"

    @property
    def attributes(self) -> dict[str, list[str]]:
        """As pysaml2 takes them; what is empty is left out, as real identity providers do."""
        values = {
            "uid": self.uid,
            "mail": self.email,
            "givenName": self.first_name,
            "sn": self.last_name,
            "telephoneNumber": self.phone,
        }
        return {name: [value] for name, value in values.items() if value}


def mail_domain(slug: str) -> str:
    """The e-mail domain of a tenant of the demo."""
    return MAIL_DOMAIN.format(slug=slug)


def people_of(slug: str) -> tuple[Person, ...]:
    """Who can sign in at a tenant, or try to."""
    domain = mail_domain(slug)
    ada, grace = (_remark_on(uid, slug) for uid in ("ada", "grace"))
    return (
        Person("ada", "Ada", "Lovelace", f"ada@{domain}", phone="+44 20 7946 0001", remark=ada),
        Person("grace", "Grace", "Hopper", f"grace@{domain}", phone="+1 202 555 0102", remark=grace),
        Person("alan", "Alan", "Turing", f"alan@{domain}"),
        Person("katherine", "Katherine", "Żółć-Müller", f"katherine@{domain}", remark="letters beyond ASCII"),
        Person("mallory", "Mallory", "Outsider", "mallory@elsewhere.test", remark="another e-mail domain: will be refused"),
        Person("nobody", "Noah", "Mailless", "", remark="will be refused"),
    )


def _remark_on(uid: str, slug: str) -> str:
    if slug == STAFF_SLUG:
        return _STAFF_REMARKS[STAFF_ROLES[uid]]
    return _REMARKS[CONSOLE_ROLES[uid]]


def person_of(slug: str, uid: str) -> Person | None:
    """The person of that name at a tenant."""
    return next((person for person in people_of(slug) if person.uid == uid), None)
