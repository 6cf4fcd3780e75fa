"""Links between users and ID.me accounts, by issuer and subject alone."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.reasons import Reason, ReasonChoices
from foundation import notices
from foundation.actors import User
from mfa import vault
from mfa.idme.identity import Identity
from mfa.models import IdmeAccount
from mfa.oidc.errors import IdmeError
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import SignIn, Tokens
from mfa.signals import identity_confirmed

REFRESH_TOKEN_LIFE = timedelta(days=7)  # at most, and where ID.me gives no lifetime
UPDATED_FIELDS = [
    "email",
    "first_name",
    "last_name",
    "identity_assurance",
    "authenticator_assurance",
    "authenticated_at",
]
# Session key: when the person last signed in at ID.me itself, in seconds since 1970.
AUTHENTICATED_AT = "idme_authenticated_at"

REFUSALS: dict[ReasonChoices, str] = {
    Reason.LINKED_TO_ANOTHER_USER: (
        "That ID.me account is linked to another user of this portal, and nothing was "
        "changed. Sign in here as the user it belongs to, or sign out at ID.me and use "
        "an ID.me account of your own. If neither helps, tell your administrator."
    ),
    Reason.NOT_LINKED: (
        "No ID.me account is linked to your account. Choose Verify with ID.me on eRx "
        "Info to link yours."
    ),
    Reason.ANOTHER_ACCOUNT: (
        "You are linked to another ID.me account, and nothing was changed. Sign out at "
        "ID.me and sign in with the account that you linked; or, if you have a new one, "
        "unlink the old one first. Two people who set access then let you sign again."
    ),
    Reason.LEVEL_UNKNOWN: (
        "ID.me did not say how well your identity and your sign-in were checked. "
        "Tell your administrator."
    ),
    Reason.LEVEL_TOO_LOW: (
        "ID.me has not verified your identity to the level that controlled substances "
        "need (IAL2 with AAL2). Finish the identity check at ID.me, then start again."
    ),
}


class LinkRefused(IdmeError):
    """The person was recognized, but this account cannot be linked here."""

    status = 403

    def __init__(self, reason: ReasonChoices) -> None:
        self.reason = reason
        super().__init__(REFUSALS[reason])


def complete(
    user: User, *, sign_in: SignIn, may_link: bool
) -> tuple[IdmeAccount, bool]:
    """Link or update the account that signed in; return it and whether it is new.

    Only a sign-in that was started to link may link: any other one, finished while the
    account was being unlinked, does not bring the link back. Record and raise
    LinkRefused; an existing link keeps the lower level it was refused for.
    """
    identity = Identity.of(sign_in)
    try:
        account, is_new = _linked_account(user, identity, may_link=may_link)
        _update(account, identity, sign_in=sign_in, is_new=is_new)
    except LinkRefused as refusal:
        _record_refusal(user, identity, reason=refusal.reason)
        raise
    return account, is_new


def usable_refresh_token(account: IdmeAccount) -> str:
    """Return the refresh token in clear, or an empty string if none can still work."""
    expires_at = account.refresh_token_expires_at
    if not account.sealed_refresh_token or not expires_at:
        return ""
    if expires_at <= timezone.now():
        return ""
    try:
        return account.refresh_token()
    except vault.CannotUnseal:
        return ""


def store_refresh_token(account: IdmeAccount, tokens: Tokens, *, at: datetime) -> None:
    """Seal the refresh token that ID.me issued at `at`; keep the old one if none."""
    if not tokens.refresh_token:
        return
    life = REFRESH_TOKEN_LIFE
    if tokens.refresh_expires_in:
        life = min(life, timedelta(seconds=tokens.refresh_expires_in))
    account.set_refresh_token(tokens.refresh_token)
    account.refresh_token_expires_at = at + life
    # Not save(): the account may have been unlinked while ID.me answered.
    IdmeAccount.objects.linked().filter(pk=account.pk).update(
        sealed_refresh_token=account.sealed_refresh_token,
        refresh_token_expires_at=account.refresh_token_expires_at,
    )


def _linked_account(
    user: User, identity: Identity, *, may_link: bool
) -> tuple[IdmeAccount, bool]:
    """Return the account and whether it is new.

    The unique constraints decide last, so that no race links twice.
    """
    try:
        if account := _existing(user, identity):
            return account, False
        if not may_link:
            raise LinkRefused(Reason.NOT_LINKED)
        return _link(user, identity), True
    except IntegrityError:
        account = _existing(user, identity)
        if account is None:
            raise LinkRefused(Reason.LINKED_TO_ANOTHER_USER) from None
        return account, False


def _existing(user: User, identity: Identity) -> IdmeAccount | None:
    own = IdmeAccount.objects.linked_to(user)
    if own and (own.issuer, own.subject) == (idme_settings().issuer, identity.subject):
        return own
    # Not the user's own: another tab may have linked it since the line above.
    others = (
        IdmeAccount.objects.linked()
        .exclude(user=user)
        .filter(issuer=idme_settings().issuer, subject=identity.subject)
    )
    if others.exists():
        raise LinkRefused(Reason.LINKED_TO_ANOTHER_USER)
    if own:
        raise LinkRefused(Reason.ANOTHER_ACCOUNT)
    return None


def _link(user: User, identity: Identity) -> IdmeAccount:
    if refusal := identity.refusal():
        raise LinkRefused(refusal)
    with transaction.atomic(durable=True):
        account = _create(user, identity, at=timezone.now())
        notices.send(
            user,
            subject="Your ID.me account was linked",
            template="mfa/idme/mail/linked.txt",
        )
        _record(Act.IDME_LINKED, account, identity)
    return account


def _create(user: User, identity: Identity, *, at: datetime) -> IdmeAccount:
    return IdmeAccount.objects.create(
        user=user,
        issuer=idme_settings().issuer,
        subject=identity.subject,
        identity_assurance=identity.ial or 0,
        authenticator_assurance=identity.aal or 0,
        linked_at=at,
        authenticated_at=at,
    )


def _update(
    account: IdmeAccount, identity: Identity, *, sign_in: SignIn, is_new: bool
) -> None:
    """Store what ID.me asserts now, the worse as well as the better."""
    now = timezone.now()
    refusal = identity.refusal()
    with transaction.atomic(durable=True):
        _save_identity(account, identity, at=now)
        store_refresh_token(account, sign_in.tokens, at=now)
        identity_confirmed.send(sender=IdmeAccount, account=account)
        if not refusal and not is_new:
            _record(Act.IDME_SIGNED_IN, account, identity)
    if refusal:
        raise LinkRefused(refusal)


def _record_refusal(user: User, identity: Identity, *, reason: ReasonChoices) -> None:
    chain.record(
        Act.IDME_LINK_REFUSED,
        by=user,
        outcome=Outcome.FAILURE,
        reason=reason,
        ial=identity.ial,
        aal=identity.aal,
    )


def _record(act: Act, account: IdmeAccount, identity: Identity) -> None:
    chain.record(act, by=account.user, of=account, ial=identity.ial, aal=identity.aal)


def _save_identity(account: IdmeAccount, identity: Identity, *, at: datetime) -> None:
    account.email = identity.email
    account.first_name = identity.first_name
    account.last_name = identity.last_name
    account.identity_assurance = identity.ial or 0
    account.authenticator_assurance = identity.aal or 0
    account.authenticated_at = at
    account.save(update_fields=UPDATED_FIELDS)
