"""Everything about a provider that can block signing, at one glance.

Pure functions of a standing. Each blocker says what is wrong and what to do; the page
shows them, signing refuses on them.
"""

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from foundation.blockers import Blocker
from mfa.models import IdmeAccount
from providers import access_managers, identifiers, identity
from providers.models import Provider
from providers.standing import Standing


def blockers_to_signing(standing: Standing) -> list[Blocker]:
    """Return every reason why this provider may not sign at this practice today."""
    if stranger := _member(standing):
        return [stranger]
    blockers = [rule(standing) for rule in RULES]
    return [blocker for blocker in blockers if blocker]


def blockers_for_now(standing: Standing, *, now: datetime) -> list[Blocker]:
    """Return the same with the locks that only have to be waited for.

    For pages. The act itself leaves locks to the challenge, which holds the rows: a
    second attempt in flight locks for a moment, and must not void a passed first one.
    """
    lock = _lock(standing, now=now)
    blockers = blockers_to_signing(standing)
    return [*blockers, lock] if lock else blockers


def _member(standing: Standing) -> Blocker | None:
    """21 CFR 1311.125(d)(4): who left no longer signs there."""
    if standing.works_here:
        return None
    return Blocker(
        f"You do not work at {standing.practice} as a provider.",
        "Ask your administrator.",
    )


def _identity(standing: Standing) -> Blocker | None:
    """21 CFR 1311.105(a)(1): the person verified is the person registered."""
    provider, account = standing.provider, standing.account
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


def _access_managers(standing: Standing) -> Blocker | None:
    """21 CFR 1311.125(a): two people manage access, one of them a registrant."""
    # A registrant's own lapse is told already, and no shortage.
    registrants = {*standing.registrants, standing.provider.user_id}
    lacking = access_managers.shortage_among(
        [manager.pk in registrants for manager in standing.managers],
        practice=standing.practice,
    )
    if not lacking:
        return None
    return Blocker(
        lacking, "Ask your administrator to name the first two who set access."
    )


def _approval(standing: Standing) -> Blocker | None:
    """21 CFR 1311.125(c): others approve access, for a verified identity."""
    grant = standing.grant
    if grant is None:
        return _not_granted("You are not approved to sign controlled substances.")
    if grant.is_provisional:
        return _not_granted("You were approved by one person; the law asks for two.")
    causes = [one.get_cause_display().lower() for one in standing.suspensions]
    if causes:
        return _not_granted(f"Your right to sign is suspended: {'; '.join(causes)}.")
    account = standing.account
    if account and not identity.was_linked(
        account, at=grant.granted_at, history=standing.accounts
    ):
        return _not_granted("You were approved before this ID.me account was linked.")
    return None


def _not_granted(label: str) -> Blocker:
    return Blocker(
        label,
        "Ask the people who set access at your practice: one of them enters that you "
        "may sign, another one executes it.",
        "erx-info",
    )


def _registration(standing: Standing) -> Blocker | None:
    """21 CFR 1306.03(a)(2): a current DEA registration for the State of the practice."""
    current = standing.current_registrations
    if not current:
        return Blocker(
            f"You have no current DEA registration for {standing.practice.state}.",
            "Ask your administrator to enter it or its renewal.",
            "erx-info",
        )
    is_covered = any(map(standing.is_covered, current))
    if is_covered and not standing.is_missing_on_list:
        return None
    institution = current[0].institution or standing.institution
    return Blocker(
        f"You are not on the list of {institution} of those who may prescribe there.",
        "Ask its proofing office.",
        "erx-info",
    )


def _license(standing: Standing) -> Blocker | None:
    """21 CFR 1306.03(a)(1): authorized by the State of the practice."""
    if standing.license:
        return None
    has_license = any(standing.on <= row.expires_on for row in standing.licenses)
    what = "registration for controlled substances" if has_license else "license"
    return Blocker(
        f"You have no current {what} of {standing.practice.state}.",
        "Ask your administrator to enter it or its renewal.",
        "erx-info",
    )


def _device(standing: Standing) -> Blocker | None:
    """21 CFR 1311.115(a)(3): something you have, chosen by you."""
    if standing.primary:
        return None
    if standing.usable_devices:
        lost = standing.lost_primary
        return Blocker(
            f"“{lost}” is no longer your primary device."
            if lost
            else "You have not selected a primary device.",
            "Choose Select as the Primary Device beside one of your devices.",
            "erx-info",
        )
    if any(device.may_sign for device in standing.listed_devices):
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


def _lock(standing: Standing, *, now: datetime) -> Blocker | None:
    """NIST SP 800-63B 5.2.2: failures lock for a while, per device and per user."""
    primary, end = standing.primary, standing.locked_until
    if primary is None or end is None or end <= now:
        return None
    until = timezone.localtime(end, identifiers.zone(standing.practice.time_zone))
    return Blocker(
        f"“{primary}” is locked until {until:%H:%M:%S %Z}, after failed attempts.",
        "Wait until then. Trying earlier does not help and does not make it longer.",
    )


RULES: list[Callable[[Standing], Blocker | None]] = [
    _identity,
    _access_managers,
    _approval,
    _registration,
    _license,
    _device,
]
