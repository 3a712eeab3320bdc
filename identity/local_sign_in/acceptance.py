"""Flow: which new passwords a local account may have: what may be chosen at all, and none that is known to have leaked."""

from __future__ import annotations

from config.logs import sign_in_log
from config.settings import Settings
from identity.credentials.breached import ListBroken, is_breached
from identity.credentials.errors import PasswordNotAllowed
from identity.credentials.passwords import require_password
from identity.local_accounts.account_records import Account
from tenants.errors import ServiceUnavailable

LEAKED = "It is on a list of passwords that have leaked, which are tried first. Choose one that you use nowhere else."


def require_new_password(text: str, account: Account, settings: Settings) -> str:
    """A password that may be chosen, in the form that it is kept in.

    Raises:
        PasswordNotAllowed. ServiceUnavailable: there is to be a list, and it cannot be read.
    """
    accepted = require_password(text, account.person.email, account.name)
    if settings.breached_passwords is None:
        return accepted
    try:
        leaked = is_breached(accepted, settings.breached_passwords)
    except ListBroken as error:  # a check that the operator wants and that cannot be made is not passed
        sign_in_log.error("breached_passwords_unreadable", cause=str(error))
        raise ServiceUnavailable("the list of leaked passwords") from None
    if leaked:
        raise PasswordNotAllowed("breached", errors={"password": [LEAKED]})
    return accepted
