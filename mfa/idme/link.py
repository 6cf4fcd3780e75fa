"""Which ID.me account belongs to which user: by issuer and subject, nothing else."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from foundation import notices
from mfa import vault
from mfa.models import IdmeAccount
from mfa.oidc.errors import IdmeError
from mfa.oidc.responses import SignIn, Tokens
from mfa.signals import identity_confirmed

REQUIRED_LEVEL = 2  # IAL2 and AAL2; 21 CFR 1311.105(a)(1)
REFRESH_TOKEN_LIFE = timedelta(days=7)  # where ID.me does not say
# In the session, seconds since 1970: when somebody last signed in at ID.me itself.
AUTHENTICATED_AT = "idme_authenticated_at"

REFUSALS = {
    "linked_to_another_user": (
        "That ID.me account is linked to another user of this portal, and nothing was "
        "changed. Sign in here as the user it belongs to, or sign out at ID.me and use "
        "an ID.me account of your own. If neither helps, tell your administrator."
    ),
    "not_linked": (
        "No ID.me account is linked to your account. Choose Verify with ID.me on eRx "
        "Info to link yours."
    ),
    "another_account": (
        "You are linked to another ID.me account, and nothing was changed. Sign out at "
        "ID.me and sign in with the account that you linked; or, if you have a new one, "
        "unlink the old one first. Two people who set access then let you sign again."
    ),
    "level_unknown": (
        "ID.me did not say how well your identity and your sign-in were checked. "
        "Tell your administrator."
    ),
    "level_too_low": (
        "ID.me has not verified your identity to the level that controlled substances "
        "need (IAL2 with AAL2). Finish the identity check at ID.me, then start again."
    ),
}


class LinkRefused(IdmeError):
    """The person was recognized, but is not who may be linked here."""

    status = 403

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__(REFUSALS[reason])


@dataclass(frozen=True)
class Identity:
    """What is kept of what ID.me says about a person."""

    subject: str
    email: str
    first_name: str
    last_name: str
    ial: int | None
    aal: int | None

    @classmethod
    def of(cls, sign_in: SignIn) -> "Identity":
        claims, names = sign_in.userinfo.claims, settings.IDME_CLAIMS
        return cls(
            subject=sign_in.subject,
            email=_text(claims, names["email"], length=254),
            first_name=_text(claims, names["first_name"], "given_name", length=150),
            last_name=_text(claims, names["last_name"], "family_name", length=150),
            ial=level(claims.get(names["ial"]), values=settings.IDME_IAL_VALUES),
            aal=level(claims.get(names["aal"]), values=settings.IDME_AAL_VALUES),
        )

    def refusal(self) -> str:
        """Return why controlled substances cannot rest on this identity, or nothing."""
        if self.ial is None or self.aal is None:
            return "level_unknown"
        return "level_too_low" if min(self.ial, self.aal) < REQUIRED_LEVEL else ""


def complete(user, *, sign_in: SignIn, may_link: bool) -> tuple[IdmeAccount, bool]:
    """Link the ID.me account that signed in, or confirm the link that is there.

    Only who came to link may link: a sign-in that was begun for anything else, while the
    account was being unlinked, does not bring it back.

    Return the account and whether it is new. Raise LinkRefused, which is recorded;
    a link that exists keeps the lower level it was refused for.
    """
    identity = Identity.of(sign_in)
    try:
        account, is_new = _link_or_find(user, identity, may_link=may_link)
        _confirm(account, identity, sign_in=sign_in, is_new=is_new)
    except LinkRefused as refusal:
        chain.record(
            Act.IDME_LINK_REFUSED,
            by=user,
            outcome=Outcome.FAILURE,
            reason=refusal.reason,
            ial=identity.ial,
            aal=identity.aal,
        )
        raise
    return account, is_new


def usable_refresh_token(account: IdmeAccount) -> str:
    """Return the refresh token, or nothing when there is none that can still work."""
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
    """Seal a refresh token that ID.me issued; keep the old one if it issued none."""
    if not tokens.refresh_token:
        return
    life = REFRESH_TOKEN_LIFE
    if tokens.refresh_expires_in:
        life = min(life, timedelta(seconds=tokens.refresh_expires_in))
    account.set_refresh_token(tokens.refresh_token)
    account.refresh_token_expires_at = at + life
    # Not save(): the account may have been unlinked while ID.me was asked.
    IdmeAccount.objects.linked().filter(pk=account.pk).update(
        sealed_refresh_token=account.sealed_refresh_token,
        refresh_token_expires_at=account.refresh_token_expires_at,
    )


def level(value: object, *, values: dict[str, int]) -> int | None:
    """Return an assurance level: given as 2 or "2", or as one of `values`."""
    if isinstance(value, str) and value in values:
        return values[value]
    if type(value) is int and 0 <= value <= 9:
        return value
    if isinstance(value, str) and re.fullmatch("[0-9]", value, re.ASCII):
        return int(value)
    return None


def _link_or_find(
    user, identity: Identity, *, may_link: bool
) -> tuple[IdmeAccount, bool]:
    """The unique constraints have the last word, so that no race links twice."""
    try:
        if found := _found(user, identity):
            return found
        if not may_link:
            raise LinkRefused("not_linked")
        return _link(user, identity), True
    except IntegrityError:
        found = _found(user, identity)
        if found is None:
            raise LinkRefused("linked_to_another_user") from None
        return found


def _found(user, identity: Identity) -> tuple[IdmeAccount, bool] | None:
    own = IdmeAccount.objects.linked_to(user)
    if own and (own.issuer, own.subject) == (settings.IDME_ISSUER, identity.subject):
        return own, False
    # Not the user's own: another tab may have linked it since the line above.
    taken = (
        IdmeAccount.objects.linked()
        .exclude(user=user)
        .filter(issuer=settings.IDME_ISSUER, subject=identity.subject)
    )
    if taken.exists():
        raise LinkRefused("linked_to_another_user")
    if own:
        raise LinkRefused("another_account")
    return None


def _link(user, identity: Identity) -> IdmeAccount:
    if refusal := identity.refusal():
        raise LinkRefused(refusal)
    now = timezone.now()
    with transaction.atomic(durable=True):
        account = IdmeAccount.objects.create(
            user=user,
            issuer=settings.IDME_ISSUER,
            subject=identity.subject,
            identity_assurance=identity.ial or 0,
            authenticator_assurance=identity.aal or 0,
            linked_at=now,
            authenticated_at=now,
        )
        notices.send(
            user,
            subject="Your ID.me account was linked",
            template="mfa/idme/mail/linked.txt",
        )
        chain.record(
            Act.IDME_LINKED, by=user, of=account, ial=identity.ial, aal=identity.aal
        )
    return account


def _confirm(
    account: IdmeAccount, identity: Identity, *, sign_in: SignIn, is_new: bool
) -> None:
    """Take over what ID.me says now, the worse as well as the better."""
    now = timezone.now()
    refusal = identity.refusal()
    with transaction.atomic(durable=True):
        account.email = identity.email
        account.first_name = identity.first_name
        account.last_name = identity.last_name
        account.identity_assurance = identity.ial or 0
        account.authenticator_assurance = identity.aal or 0
        account.authenticated_at = now
        account.save(
            update_fields=[
                "email",
                "first_name",
                "last_name",
                "identity_assurance",
                "authenticator_assurance",
                "authenticated_at",
            ]
        )
        store_refresh_token(account, sign_in.tokens, at=now)
        identity_confirmed.send(sender=IdmeAccount, account=account)
        if not refusal and not is_new:
            chain.record(
                Act.IDME_SIGNED_IN,
                by=account.user,
                of=account,
                ial=identity.ial,
                aal=identity.aal,
            )
    if refusal:
        raise LinkRefused(refusal)


def _text(claims: dict, *names: str, length: int) -> str:
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            return "".join(filter(str.isprintable, value)).strip()[:length]
    return ""
