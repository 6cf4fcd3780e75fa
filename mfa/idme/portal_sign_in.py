"""Sign-in to the portal with ID.me, for users who have linked an account.

It replaces the password of a session and nothing else: what needs two factors needs
them after this sign-in, too.
"""

from audit.reasons import Reason
from foundation.actors import User
from mfa.models import IdmeAccount
from mfa.oidc.errors import IdmeError
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import SignIn


class NobodyLinked(IdmeError):
    """No active user is linked to the ID.me account; the message does not say which."""

    reason, status = Reason.NOBODY_LINKED, 403

    def __init__(self) -> None:
        super().__init__(
            "No account of this portal is linked to that ID.me account. Sign in with "
            "your password, then choose Verify with ID.me on eRx Info."
        )


def linked_user(sign_in: SignIn) -> User:
    """Return the active user linked to this issuer and subject; raise NobodyLinked.

    Never by email or name, which anybody can have at ID.me.
    """
    account = (
        IdmeAccount.objects.linked()
        .filter(
            issuer=idme_settings().issuer,
            subject=sign_in.subject,
            user__is_active=True,
        )
        .select_related("user")
        .first()
    )
    if account is None:
        raise NobodyLinked
    return account.user
