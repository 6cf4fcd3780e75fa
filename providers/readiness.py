"""Everything about a provider that can block signing, at one glance.

Each blocker says what is wrong and what to do; the page shows them, and signing refuses
on them.
"""

from collections.abc import Callable
from datetime import date

from django.utils import timezone

from foundation.blockers import Blocker
from mfa import devices
from mfa.models import SIGNING_KINDS, Device, IdmeAccount, UserThrottle
from providers import access_managers, authority, credentialing, identifiers, identity
from providers.models import AccessGrant, Institution, Practice, Provider


def blockers_to_signing(
    provider: Provider, *, practice: Practice, on: date
) -> list[Blocker]:
    """Return every reason why this provider may not sign at this practice on a day."""
    if left := _member(provider, practice, on):
        return [left]
    blockers = [rule(provider, practice, on) for rule in RULES]
    return [blocker for blocker in blockers if blocker]


def blockers_for_now(
    provider: Provider, *, practice: Practice, on: date
) -> list[Blocker]:
    """Like `blockers_to_signing()`, with locks that only have to be waited for.

    For pages: the act itself leaves locks to the challenge, which holds the rows: a
    second attempt in flight locks for a moment, and must not void a passed first one.
    """
    blockers = blockers_to_signing(provider, practice=practice, on=on)
    lock = _lock(provider, practice)
    return [*blockers, lock] if lock else blockers


def _member(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.125(d)(4): who left no longer signs there."""
    if authority.works_at(provider, practice=practice):
        return None
    return Blocker(
        f"You do not work at {practice} as a provider.", "Ask your administrator."
    )


def _identity(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.105(a)(1): the person verified is the person registered."""
    account = IdmeAccount.objects.linked_to(provider.user_id)
    if account is None:
        return Blocker(
            "Your identity is not verified.", "Choose Verify with ID.me.", "erx-info"
        )
    if not account.is_identity_proofed:
        return Blocker(
            "ID.me has not verified your identity to the level that is needed.",
            "Finish the identity check at ID.me, then verify again on eRx Info.",
            "erx-info",
        )
    if identity.is_named_alike(provider, account):
        return None
    return _named_otherwise(provider, account)


def _named_otherwise(provider: Provider, account: IdmeAccount) -> Blocker:
    return Blocker(
        f"ID.me verified {account.first_name} {account.last_name}, and you are "
        f"registered here as {provider.first_name} {provider.last_name}.",
        "Ask your administrator to put the name right that is wrong.",
        "erx-info",
    )


def _access_managers(
    provider: Provider, practice: Practice, on: date
) -> Blocker | None:
    """21 CFR 1311.125(a): two people manage access, one of them a registrant."""
    shortage = access_managers.shortage(practice, but_for=provider)
    if not shortage:
        return None
    return Blocker(
        shortage, "Ask your administrator to name the first two who set access."
    )


def _approval(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.125(c): others approve access, for a verified identity."""
    grants = AccessGrant.objects.current().at(practice).filter(provider=provider)
    grant = grants.order_by("is_provisional").first()
    if grant is None:
        return _not_granted("You are not approved to sign controlled substances.")
    if grant.is_provisional:
        return _not_granted("You were approved by one person; the law asks for two.")
    causes = [row.get_cause_display().lower() for row in grant.suspensions.all()]
    if causes:
        return _not_granted(f"Your right to sign is suspended: {'; '.join(causes)}.")
    account = IdmeAccount.objects.linked_to(provider.user_id)
    if account and not identity.is_of_same_identity(grant, account):
        return _not_granted("You were approved before this ID.me account was linked.")
    return None


def _not_granted(label: str) -> Blocker:
    return Blocker(
        label,
        "Ask the people who set access at your practice: one of them enters that you "
        "may sign, another one executes it.",
        "erx-info",
    )


def _registration(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1306.03(a)(2): a current DEA registration for the State of the practice."""
    registrations = authority.registrations_of(provider, practice=practice)
    current = [row for row in registrations if row.is_current(on=on)]
    if not current:
        return Blocker(
            f"You have no current DEA registration for {practice.state}.",
            "Ask your administrator to enter it or its renewal.",
            "erx-info",
        )
    is_covered = any(credentialing.covers(row) for row in current)
    if is_covered and not authority.is_missing_on_list(provider, practice=practice):
        return None
    return _not_listed(current[0].institution or practice.institution)


def _not_listed(institution: Institution | None) -> Blocker:
    return Blocker(
        f"You are not on the list of {institution} of those who may prescribe there.",
        "Ask its proofing office.",
        "erx-info",
    )


def _license(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1306.03(a)(1): authorized by the State of the practice."""
    if authority.license_of(provider, practice=practice, on=on):
        return None
    licenses = provider.state_licenses.filter(state=practice.state)
    has_license = any(on <= row.expires_on for row in licenses)
    missing = "registration for controlled substances" if has_license else "license"
    return Blocker(
        f"You have no current {missing} of {practice.state}.",
        "Ask your administrator to enter it or its renewal.",
        "erx-info",
    )


def _device(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.115(a)(3): something you have, chosen by you."""
    if devices.primary_of(provider.user):
        return None
    listed = Device.objects.visible_to(provider.user).listed()
    if listed.usable().exists():
        return _no_primary_device(provider)
    if listed.filter(kind__in=SIGNING_KINDS).exists():
        return Blocker(
            "Your device is disabled after too many failed attempts.",
            "Remove it and set it up again, or set up another one.",
            "erx-info",
        )
    return Blocker(
        "You have no device to sign with.",
        "Set one up with Update MFA Device.",
        "erx-info",
    )


def _no_primary_device(provider: Provider) -> Blocker:
    lost = devices.lost_primary_of(provider.user)
    return Blocker(
        f"“{lost}” is no longer your primary device."
        if lost
        else "You have not selected a primary device.",
        "Choose Select as the Primary Device beside one of your devices.",
        "erx-info",
    )


def _lock(provider: Provider, practice: Practice) -> Blocker | None:
    """NIST SP 800-63B 5.2.2: failures lock for a while, per device and per user."""
    primary = devices.primary_of(provider.user)
    throttle = UserThrottle.objects.filter(user=provider.user_id).first()
    ends = [row.locked_until for row in (primary, throttle) if row and row.locked_until]
    if primary is None or not ends or max(ends) <= timezone.now():
        return None
    until = timezone.localtime(max(ends), identifiers.zone(practice.time_zone))
    return Blocker(
        f"“{primary}” is locked until {until:%H:%M:%S %Z}, after failed attempts.",
        "Wait until then. Trying earlier does not help and does not make it longer.",
    )


RULES: list[Callable[[Provider, Practice, date], Blocker | None]] = [
    _identity,
    _access_managers,
    _approval,
    _registration,
    _license,
    _device,
]
