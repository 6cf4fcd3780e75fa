"""Signing in to the portal with ID.me, for whoever has linked an account before.

It stands in for the password of a session and for nothing else: what a session may not
do without two factors, it may not do after this either.
"""

from django.conf import settings

from mfa.models import IdmeAccount
from mfa.oidc.errors import IdmeError
from mfa.oidc.responses import SignIn

PURPOSE = "sign_in"


class NobodyLinked(IdmeError):
    """No active user has linked the ID.me account; which of it is so is not said."""

    reason, status = "nobody_linked", 403

    def __init__(self) -> None:
        super().__init__(
            "No account of this portal is linked to that ID.me account. Sign in with "
            "your password, then choose Verify with ID.me on eRx Info."
        )


def user_of(sign_in: SignIn):
    """Return the user who linked the account, by issuer and subject; raise NobodyLinked.

    Never by e-mail or name, which anybody can have at ID.me.
    """
    account = (
        IdmeAccount.objects.linked()
        .filter(
            issuer=settings.IDME_ISSUER,
            subject=sign_in.subject,
            user__is_active=True,
        )
        .select_related("user")
        .first()
    )
    if account is None:
        raise NobodyLinked
    return account.user
