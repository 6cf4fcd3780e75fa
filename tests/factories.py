"""The smallest valid rows; a test names only what it is about."""

import os
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone
from stdnum import luhn

from mfa import totp
from mfa.models import (
    Challenge,
    ChallengeState,
    Device,
    IdmeAccount,
    Intent,
    Kind,
    Purpose,
    Source,
    session_digest,
)
from providers.access import approval
from providers.access.access_requests import LookUp
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    AccessState,
    DeaRegistration,
    Designee,
    Institution,
    Membership,
    Practice,
    Provider,
    Role,
    StateLicense,
    Verification,
)
from tests.kept import numbers

PASSWORD = "a password for tests"
serial = numbers()


def intent_of(facts, *, user):
    """Take from the facts of an act, which a test changes, what it is bound to."""
    names = ["purpose", "payload_digest", "session_key"]
    return Intent(facts.pop("user", user), *map(facts.pop, names))


def make_user(username, **overrides):
    defaults = {"email": f"{username}@demo.example", "first_name": username.title()}
    return get_user_model().objects.create_user(
        username, password=PASSWORD, **defaults | overrides
    )


def make_practice(**overrides):
    defaults = {
        "name": "Main Street Clinic (demo)",
        "address_line_1": "1 Main Street",
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207",
        "phone": "5185550100",
        "time_zone": "America/New_York",
    }
    return Practice.objects.create(**defaults | overrides)


def make_institution(**overrides):
    defaults = {
        "name": "General Hospital (demo)",
        "address_line_1": "9 Hospital Road",
        "city": "Albany",
        "state": "NY",
        "postal_code": "12208",
        "dea_number": make_dea_number("General"),
        "expires_on": timezone.localdate() + timedelta(days=300),
    }
    return Institution.objects.create(**defaults | overrides)


def make_provider(username, *, practice, **overrides):
    """A practitioner with NPI, license and DEA registration, and nothing set up."""
    user = make_user(username, last_name="Example")
    Membership.objects.create(user=user, practice=practice, role=Role.PROVIDER)
    defaults = {
        "first_name": username.title(),
        "last_name": "Example",
        "credentials": "MD",
        "npi": make_npi(),
    }
    provider = Provider.objects.create(user=user, **defaults | overrides)
    make_registration(provider, practice=practice)
    StateLicense.objects.create(
        provider=provider,
        state=practice.state,
        number=f"L{next(serial):06}",
        expires_on=timezone.localdate() + timedelta(days=365),
    )
    return provider


def make_ready_provider(username, *, practice):
    """The user of a provider who can sign as soon as a code is there."""
    provider = make_provider(username, practice=practice)
    make_idme_account(provider.user)
    make_device(provider.user, name="MyiPhone", is_primary=True)
    designees = make_designees(practice, registrant=provider.user)
    make_grant(provider, practice=practice, designees=designees)
    return provider.user


def add_practice(provider, *, practice):
    """Have a provider who can sign do so at another practice of the State, too."""
    Membership.objects.create(user=provider.user, practice=practice, role=Role.PROVIDER)
    make_registration(provider, practice=practice)
    make_designees(practice, registrant=provider.user, prefix=f"admin-{practice.pk}")
    make_grant(provider, practice=practice)


def make_designee(user, *, practice):
    """Have somebody who works there set the access controls of a practice."""
    designee = Designee.objects.filter(user=user, practice=practice, until=None)
    return designee.first() or Designee.objects.create(user=user, practice=practice)


def make_designees(practice, *, registrant, prefix="admin"):
    """The two that a practice needs: an administrator who enters, and a registrant."""
    enters, executes = _designees_of(practice)
    if enters is None:
        enters = make_user(f"{prefix}-of-{registrant.username}", is_staff=True)
        Membership.objects.create(
            user=enters, practice=practice, role=Role.ADMINISTRATOR
        )
        Designee.objects.create(user=enters, practice=practice)
    if executes is None:
        executes = registrant
        Designee.objects.create(user=executes, practice=practice)
    return enters, executes


def _designees_of(practice):
    """Return the first designee who is no practitioner and the first who is one."""
    named = Designee.objects.filter(practice=practice, until=None)
    users = [designee.user for designee in named.select_related("user__provider")]
    enters = next((user for user in users if not hasattr(user, "provider")), None)
    executes = next((user for user in users if hasattr(user, "provider")), None)
    return enters, executes


def make_request(kind=AccessKind.GRANT, *, practice, **overrides):
    """What the first designee of a practice has entered."""
    provider = overrides.get("provider")
    entered = AccessRequest(
        kind=kind,
        practice=practice,
        entered_at=timezone.now(),
        **{"person": provider.user if provider else None} | overrides,
    )
    if entered.entered_by_id is None:
        entered.entered_by, _ = _designees_of(practice)
    if kind == AccessKind.GRANT:
        entered.verification = make_verification(provider, by=entered.entered_by)
    entered.digest = approval.digest(entered)
    entered.save(force_insert=True)
    return entered


def make_verification(provider, *, by):
    return Verification.objects.create(
        provider=provider,
        verified_by=by,
        verified_at=timezone.now(),
        **vars(seen_of(provider)),
    )


def make_grant(provider, *, practice, designees=None):
    """The right to sign, as two designees of the practice give it."""
    administrator, executor = designees or _designees_of(practice)
    request = make_request(
        practice=practice, provider=provider, entered_by=administrator
    )
    request.state, request.closed_by = AccessState.EXECUTED, executor
    request.closed_at = timezone.now()
    request.challenge = make_consumed_challenge(executor, payload_digest=request.digest)
    request.is_own = executor.pk == provider.user_id
    request.save()
    return AccessGrant.objects.create(
        provider=provider,
        practice=practice,
        request=request,
        granted_by=executor,
        granted_at=timezone.now(),
    )


def make_consumed_challenge(user, *, payload_digest, purpose=Purpose.APPROVE_ACCESS):
    now = timezone.now()
    return Challenge.objects.create(
        user=user,
        device=user.mfa_devices.all()[0],
        purpose=purpose,
        payload_digest=payload_digest,
        session_digest=session_digest("factory"),
        state=ChallengeState.CONSUMED,
        started_at=now,
        expires_at=now + Challenge.CONSUME_WITHIN,
        answered_at=now,
        consumed_at=now,
    )


def make_agent(username, *, practice):
    user = make_user(username)
    Membership.objects.create(user=user, practice=practice, role=Role.AGENT)
    return user


def make_registration(provider, *, practice, **overrides):
    defaults = {
        "number": make_dea_number(provider.last_name),
        "state": practice.state,
        "expires_on": timezone.localdate() + timedelta(days=365),
    }
    return DeaRegistration.objects.create(
        provider=provider, practice=practice, **defaults | overrides
    )


def make_idme_account(user, **overrides):
    defaults = {
        "issuer": settings.IDME_ISSUER,
        "subject": f"subject-of-{user.username}",
        "first_name": user.first_name,
        "last_name": user.last_name,
        "identity_assurance": 2,
        "authenticator_assurance": 2,
        "authenticated_at": timezone.now(),
        "devices_refreshed_at": timezone.now(),
    }
    return IdmeAccount.objects.create(user=user, **defaults | overrides)


def make_device(user, *, seed=None, **overrides):
    number = next(serial)
    defaults = {
        "name": f"Phone {number}",
        "kind": Kind.CODE_GENERATOR,
        "source": Source.PORTAL,
        "confirmed": True,
    }
    if overrides.get("kind") == Kind.PUSH:
        defaults |= {"source": Source.IDME, "external_id": f"push-{number}"}
    device = Device(user=user, **defaults | overrides)
    if device.kind == Kind.CODE_GENERATOR:
        device.set_seed(seed or os.urandom(20))
    device.save()
    return device


def make_paired_phone(user, **overrides):
    """A phone that is asked by the portal itself, with a key of its own."""
    defaults = {"kind": Kind.PUSH, "source": Source.PORTAL, "name": "PairedPhone"}
    key = f'{{"kid": "key-{next(serial)}"}}'
    return make_device(user, **defaults | {"public_key": key} | overrides)


def code_of(device, *, steps=0):
    """Return what the device shows now, or `steps` half-minutes away."""
    current = totp.step_at(timezone.now().timestamp())
    return totp.code_at(device.seed(), current + steps)


def make_dea_number(last_name):
    digits = f"{next(serial):06}"
    odd, even = map(int, digits[0::2]), map(int, digits[1::2])
    check = (sum(odd) + 2 * sum(even)) % 10
    return f"B{last_name[0].upper()}{digits}{check}"


def make_npi():
    digits = f"1{next(serial):08}"
    return digits + luhn.calc_check_digit("80840" + digits)


def register_with_state(provider, *, until):
    """Have the State register a practitioner for controlled substances, as some do."""
    provider.state_licenses.update(
        registration_number="CSR-1", registration_expires_on=until
    )


def seen_of(provider, **overrides):
    """What somebody who looks up a provider's authority finds."""
    registration = provider.dea_registrations.all()[0]
    license_ = provider.state_licenses.all()[0]
    found = {
        "dea_registration": registration,
        "dea_expires_on": registration.expires_on,
        "dea_source": "web",
        "state_license": license_,
        "license_expires_on": license_.expires_on,
        "state_source": "board",
        "registration_expires_on": license_.registration_expires_on,
    }
    return LookUp(**found | overrides)
