"""The one recovery code of an account: for once, in place of a device that is lost.

ID.me makes it when the first method is set up, and a new one whenever it was used.
"""

import secrets

from sandbox.idme.issued import digest_of
from sandbox.idme.models import Account

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
GROUPS = 4


def make(account: Account) -> str:
    """Give the account a new code in place of any other, and return it to be shown."""
    groups = [
        "".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(GROUPS)
    ]
    account.recovery_digest = _digest("".join(groups))
    account.save(update_fields=["recovery_digest"])
    return "-".join(groups)


def use(account: Account, code: str) -> str | None:
    """Use the code up and return the next one; None when it is not the account's."""
    own = Account.objects.filter(pk=account.pk, recovery_digest=_digest(code))
    if not own.update(recovery_digest=""):
        return None
    return make(account)


def _digest(code: str) -> str:
    return digest_of("".join(code.split()).replace("-", "").upper())
