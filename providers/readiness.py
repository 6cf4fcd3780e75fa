"""Everything about a provider that can stand in the way of signing, at one glance.

Each blocker says what is wrong and what to do; the page shows them, signing refuses
on them.
"""

from collections.abc import Callable
from datetime import date

from django.utils import timezone

from foundation.blockers import Blocker
from mfa import devices
from mfa.models import SIGNING_KINDS, Device, IdmeAccount, UserThrottle
from providers import access_managers, authority, credentialing, identifiers, identity
from providers.models import AccessGrant, Practice, Provider


def blockers_to_signing(
    provider: Provider, *, practice: Practice, on: date
) -> list[Blocker]:
    """Return every reason why this provider may not sign at this practice today."""
    if stranger := _member(provider, practice, on):
        return [stranger]
    found = [rule(provider, practice, on) for rule in RULES]
    return [blocker for blocker in found if blocker]


def blockers_for_now(
    provider: Provider, *, practice: Practice, on: date
) -> list[Blocker]:
    """Return the same with the locks that only have to be waited for.

    For pages. The act itself leaves locks to the challenge, which holds the rows: a
    second attempt in flight locks for a moment, and must not void a passed first one.
    """
    found = [*blockers_to_signing(provider, practice=practice, on=on)]
    lock = _lock(provider, practice)
    return [*found, lock] if lock else found


def _member(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.125(d)(4): somebody who left no longer signs there."""
    if authority.works_at(provider, practice=practice):
        return None
    return Blocker(
        f"You do not work at {practice} as a provider.", "Ask your administrator."
    )


def _identity(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.105(a)(1): the one who was proofed is the one who is registered."""
    account = IdmeAccount.objects.linked_to(provider.user_id)
    if account is None:
        return Blocker(
            "Your identity is not verified.",
            "Choose Verify with ID.me.",
            "erx-info",
        )
    if not account.is_identity_proofed:
        return Blocker(
            "ID.me has not verified your identity to the level that is needed.",
            "Finish the identity check at ID.me, then verify again on eRx Info.",
            "erx-info",
        )
    if not identity.is_named_alike(provider, account):
        return Blocker(
            f"ID.me verified {account.first_name} {account.last_name}, and you are "
            f"registered here as {provider.first_name} {provider.last_name}.",
            "Ask your administrator to put the name right that is wrong.",
            "erx-info",
        )
    return None


def _designees(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.125(a): two people set access there, one of them a registrant."""
    lacking = access_managers.shortage(practice, but_for=provider)
    if not lacking:
        return None
    return Blocker(
        lacking, "Ask your administrator to name the first two who set access."
    )


def _approval(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.125(c): the right to sign is given by others, to a known identity."""
    held = AccessGrant.objects.current().at(practice).filter(provider=provider)
    grant = held.order_by("is_provisional").first()
    if grant is None:
        return _not_granted("You are not approved to sign controlled substances.")
    if grant.is_provisional:
        return _not_granted("You were approved by one person; the law asks for two.")
    causes = [one.get_cause_display().lower() for one in grant.suspensions.all()]
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
    kept = authority.registrations_of(provider, practice=practice)
    current = [one for one in kept if one.is_current(on=on)]
    if not current:
        return Blocker(
            f"You have no current DEA registration for {practice.state}.",
            "Ask your administrator to enter it or its renewal.",
            "erx-info",
        )
    institution = current[0].institution or practice.institution
    is_covered = any(credentialing.covers(one) for one in current)
    if is_covered and not authority.is_missing_on_list(provider, practice=practice):
        return None
    return Blocker(
        f"You are not on the list of {institution} of those who may prescribe there.",
        "Ask its proofing office.",
        "erx-info",
    )


def _license(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1306.03(a)(1): authorized by the State in which one practices."""
    if authority.license_of(provider, practice=practice, on=on):
        return None
    kept = provider.state_licenses.filter(state=practice.state)
    has_license = any(on <= one.expires_on for one in kept)
    what = "registration for controlled substances" if has_license else "license"
    return Blocker(
        f"You have no current {what} of {practice.state}.",
        "Ask your administrator to enter it or its renewal.",
        "erx-info",
    )


def _device(provider: Provider, practice: Practice, on: date) -> Blocker | None:
    """21 CFR 1311.115(a)(3): something you have, chosen by you."""
    if devices.primary_of(provider.user):
        return None
    kept = Device.objects.visible_to(provider.user).listed()
    if kept.usable().exists():
        lost = devices.lost_primary_of(provider.user)
        return Blocker(
            f"“{lost}” is no longer your primary device."
            if lost
            else "You have not selected a primary device.",
            "Choose Select as the Primary Device beside one of your devices.",
            "erx-info",
        )
    if kept.filter(kind__in=SIGNING_KINDS).exists():
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
    _designees,
    _approval,
    _registration,
    _license,
    _device,
]
