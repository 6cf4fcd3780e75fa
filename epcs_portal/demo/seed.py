"""Make the demonstration's data with the same verbs that the pages call.

Nothing is done twice: what the record shows as done stays as people left it since.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.models import Event, user_stream
from epcs_portal.demo import cast, grants, proofs
from foundation.actors import User
from mfa import devices
from mfa.idme import device_sync, link
from mfa.models import Device, IdmeAccount, Intent, Purpose
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import SignIn, SignInPurpose, Tokens, Userinfo
from prescriptions.models import Drug, Patient, Pharmacy, Prescription
from prescriptions.writing import drafts
from providers.models import (
    DeaRegistration,
    Membership,
    Practice,
    Provider,
    Role,
    StateLicense,
)

VALID_FOR = timedelta(days=2 * 365)
REFRESH_TOKEN_LIFE = 7 * 24 * 3600  # seconds


def seed(world: dict[str, Any]) -> None:
    """Make the missing practices, people, patients, pharmacies and drafts."""
    accounts = {account["key"]: account for account in world["idme"]["accounts"]}
    hudson, bayside = practices = [_practice(values) for values in cast.PRACTICES]
    for values in cast.PHARMACIES:
        Pharmacy.objects.get_or_create(ncpdp_id=values["ncpdp_id"], defaults=values)
    alex = _administrator(accounts["admin"], practices=practices)
    for values in cast.PROVIDERS:
        _provider(values, accounts[values["key"]], manager=alex)
    wren = _user_of(accounts["west"])
    _update_links(accounts.values())
    sam = _user("sam.staff", "Sam", "Staff", password=world["password"])
    _member(sam, hudson, role=Role.AGENT)
    _patients(hudson, by=sam)
    _patients(bayside, by=wren)
    _drafts(accounts, by=sam)


def _practice(values: dict[str, Any]) -> Practice:
    return Practice.objects.get_or_create(name=values["name"], defaults=values)[0]


def _user(
    username: str, first_name: str, last_name: str, *, password: str, **flags: bool
) -> User:
    users = get_user_model().objects
    if user := users.filter(username=username).first():
        return user
    with transaction.atomic(durable=True):
        user = users.create_user(
            username,
            email=f"{username}@demo.example",
            password=password,
            first_name=first_name,
            last_name=last_name,
            **flags,
        )
        chain.record(Act.USER_ADDED, by=None, of=user)
    return user


def _user_of(account: dict[str, Any], **flags: bool) -> User:
    return _user(
        account["email"].partition("@")[0],
        account["first_name"],
        account["last_name"],
        password=account["password"],
        **flags,
    )


def _member(user: User, practice: Practice, *, role: Role) -> None:
    if not Membership.objects.filter(user=user, practice=practice).exists():
        _make(Membership(user=user, practice=practice, role=role), Act.MEMBERSHIP_ADDED)


def _make(row: Model, act: Act) -> None:
    with transaction.atomic(durable=True):
        row.save(force_insert=True)
        chain.record(act, by=None, of=row)


def _administrator(account: dict[str, Any], *, practices: list[Practice]) -> User:
    alex = _user_of(account, is_staff=True, is_superuser=True)
    for practice in practices:
        _member(alex, practice, role=Role.ADMINISTRATOR)
    _set_up(alex, account, primary=account["devices"][0]["name"])
    return alex


def _provider(
    values: dict[str, Any], account: dict[str, Any], *, manager: User
) -> None:
    user = _user_of(account)
    practice = Practice.objects.get(name=values["practice"])
    _member(user, practice, role=Role.PROVIDER)
    provider = Provider.objects.filter(user=user).first()
    if provider is None:
        provider = _register(user, values, practice=practice)
    if values["primary"]:
        _set_up(user, account, primary=values["primary"])
        grants.designate([manager, user], practice=practice)
        if not provider.access_grants.exclude(
            is_provisional=True, revoked_at=None
        ).exists():
            grants.grant(provider, account, practice=practice, by=manager)


def _register(user: User, values: dict[str, Any], *, practice: Practice) -> Provider:
    expires_on = practice.today() + VALID_FOR
    with transaction.atomic(durable=True):
        provider = Provider.objects.create(
            user=user,
            first_name=user.first_name,
            last_name=user.last_name,
            credentials=values["credentials"],
            npi=values["npi"],
        )
        registration = DeaRegistration.objects.create(
            provider=provider,
            practice=practice,
            number=values["dea_number"],
            state=practice.state,
            expires_on=expires_on,
        )
        license_ = StateLicense.objects.create(
            provider=provider,
            state=practice.state,
            number=values["license"],
            expires_on=expires_on,
        )
        chain.record(Act.PROVIDER_ADDED, by=None, of=provider)
        chain.record(Act.DEA_REGISTRATION_ADDED, by=None, of=registration)
        chain.record(Act.STATE_LICENSE_ADDED, by=None, of=license_)
    return provider


def _set_up(user: User, account: dict[str, Any], *, primary: str) -> None:
    """Link the ID.me account, sync its devices and select the primary one."""
    if not _did(user, Act.FEED_APPLIED):
        sign_in = _sign_in(account)
        linked, _ = link.complete(user, sign_in=sign_in, may_link=True)
        device_sync.apply_userinfo(linked, sign_in.userinfo, by=user, at=timezone.now())
    if not _did(user, Act.DEVICE_PRIMARY_SELECTED):
        device = Device.objects.visible_to(user).get(name=primary, retired_at=None)
        _select(device, by=user, password=account["password"])


def _sign_in(account: dict[str, Any]) -> SignIn:
    now = timezone.now().timestamp()
    claims = {
        "email": account["email"],
        "fname": account["first_name"],
        "lname": account["last_name"],
        "credential_ial": 2,
        "credential_aal": 2,
        idme_settings().claims["devices"]: account["devices"],
    }
    return SignIn(
        subject=account["subject"],
        auth_time=now,
        userinfo=Userinfo(claims=claims, is_sealed=True),
        tokens=_tokens(account),
        purpose=SignInPurpose.LINK,
        next_path="",
        started_at=now,
    )


def _tokens(account: dict[str, Any]) -> Tokens:
    return Tokens(
        access_token="",
        refresh_token=account["refresh_token"],
        refresh_expires_in=REFRESH_TOKEN_LIFE,
    )


def _select(device: Device, *, by: User, password: str) -> None:
    challenge = proofs.proof(
        Intent(
            by, Purpose.SELECT_PRIMARY, devices.selection_digest(device), proofs.SESSION
        ),
        device=device,
        password=password,
    )
    devices.select_primary(
        device, by=by, challenge=challenge, session_key=proofs.SESSION
    )


def _update_links(accounts: Iterable[dict[str, Any]]) -> None:
    """Keep links usable when the demonstration starts on other ports, or a week later."""
    for account in accounts:
        linked = IdmeAccount.objects.linked().filter(subject=account["subject"]).first()
        if linked is None:
            continue
        linked.issuer = idme_settings().issuer
        linked.save(update_fields=["issuer"])
        link.store_refresh_token(linked, _tokens(account), at=timezone.now())


def _patients(practice: Practice, *, by: User) -> None:
    for values in cast.PATIENTS[practice.name]:
        name = {key: values[key] for key in ("first_name", "last_name")}
        if not Patient.objects.filter(practice=practice, **name).exists():
            drafts.save_patient(Patient(practice=practice, **values), by=by)


def _drafts(accounts: dict[str, Any], *, by: User) -> None:
    written = Event.objects.filter(
        stream=user_stream(by), act=Act.PRESCRIPTION_CREATED
    ).count()
    for values in cast.DRAFTS[written:]:
        drafts.create(_draft(values, accounts[values["prescriber"]]), by=by)


def _draft(values: dict[str, Any], account: dict[str, Any]) -> Prescription:
    substance, strength, form = values["drug"]
    prescriber = Provider.objects.get(user__email=account["email"])
    patient = Patient.objects.get(
        last_name=values["patient"], practice__name=cast.HUDSON["name"]
    )
    return Prescription(
        practice=patient.practice,
        patient=patient,
        prescriber=prescriber,
        dea_registration=prescriber.dea_registrations.get(),
        drug=Drug.objects.get(name=f"{substance} {strength} {form}"),
        quantity=values["quantity"],
        days_supply=values["days_supply"],
        refills=values.get("refills", 0),
        directions=values["directions"],
        pharmacy=Pharmacy.objects.get(ncpdp_id=values["pharmacy"]),
    )


def _did(user: User, act: Act) -> bool:
    return Event.objects.filter(stream=user_stream(user), act=act).exists()
