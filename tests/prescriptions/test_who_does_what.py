"""Every role against every act, by the verbs and over HTTP (21 CFR 1311.135(a))."""

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa import devices, refusals
from prescriptions import content
from prescriptions.models import (
    Prescription,
    SignedRecord,
    Status,
    Transmission,
    plain,
)
from prescriptions.signing import ceremony
from prescriptions.writing import drafts
from providers.models import Membership, Role
from tests.factories import (
    PASSWORD,
    code_of,
    make_agent,
    make_device,
    make_ready_provider,
    make_user,
)
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_drug,
    make_patient,
    make_pharmacy,
    make_ready,
    prove,
    sign,
)

pytestmark = pytest.mark.django_db

PREPARING = ["create", "edit", "discard", "copy"]
PRACTITIONER_ALONE = ["ready", "unready", "sign"]
ACTS = [*PREPARING, *PRACTITIONER_ALONE]
ALLOWED = {
    "the practitioner on it": ACTS,
    "a practitioner of the same practice": PREPARING,
    "an agent": PREPARING,
    "an agent who is a superuser": PREPARING,
    "an agent who left": [],
    "an administrator of the practice": [],
    "a practitioner of another practice": [],
    "an agent of another practice": [],
    "a superuser": [],
    "somebody else": [],
}
EVERY = [(role, act) for role in ALLOWED for act in ACTS]
IDS = [f"{act} by {role}" for role, act in EVERY]


@pytest.fixture
def who(request, alice, practice):
    """Somebody in one of the roles, with a device where that makes sense."""

    def colleague():
        return make_ready_provider("carol", practice=practice)

    def gone():
        user = make_agent("gone", practice=practice)
        user.memberships.update(left_on="2020-01-01")
        return user

    def administrator():
        user = make_user("admin")
        Membership.objects.create(user=user, practice=practice, role=Role.ADMINISTRATOR)
        return user

    def superuser_agent():
        user = make_agent("root", practice=practice)
        user.is_staff = user.is_superuser = True
        user.save()
        return user

    def foreign_agent():
        elsewhere = request.getfixturevalue("bob").memberships.get().practice
        return make_agent("ann", practice=elsewhere)

    makers = {
        "the practitioner on it": lambda: alice,
        "a practitioner of the same practice": colleague,
        "an agent": lambda: request.getfixturevalue("sam"),
        "an agent who is a superuser": superuser_agent,
        "an agent who left": gone,
        "an administrator of the practice": administrator,
        "a practitioner of another practice": lambda: request.getfixturevalue("bob"),
        "an agent of another practice": foreign_agent,
        "a superuser": lambda: make_user("root", is_staff=True, is_superuser=True),
        "somebody else": lambda: request.getfixturevalue("mallory"),
    }

    def make(role):
        user = makers[role]()
        if not user.mfa_devices.exists():
            make_device(user, name="A phone", is_primary=True)
        return user

    return make


@pytest.fixture
def target(alice, phone):
    """What an act is done to, in the status in which it could be done."""

    def make(act):
        if act in ("ready", "edit", "discard", "create"):
            return make_draft(alice.provider)
        ready = make_ready(alice.provider)
        if act == "copy":
            sign(ready, phone)
            Transmission.objects.update(state="failed")
            Prescription.objects.update(status=Status.FAILED, failure_reason="x")
            ready.refresh_from_db()
        return ready

    return make


def picture():
    """Everything that an act could have changed."""
    rows = Prescription.objects.order_by("pk")
    columns = ["pk", "status", "quantity", "version", "ready_digest", "issued_on"]
    return [*rows.values_list(*columns)], SignedRecord.objects.count()


def do(act, prescription, *, by):
    """Call the verb itself, with a device of one's own where it asks for one."""
    if act == "create":
        copied = {
            name: getattr(prescription, name)
            for name in [*Prescription.CONTENT, "practice", "patient"]
        }
        drafts.create(Prescription(**copied), by=by)
    elif act == "edit":
        prescription.quantity = 7
        drafts.alter(prescription, by=by)
    elif act == "sign":
        challenge = prove([prescription], by.mfa_devices.get())
        ceremony.sign([prescription], by=by, challenge=challenge, session_key=SESSION)
    else:
        verbs = {
            "discard": drafts.discard,
            "copy": drafts.copy,
            "ready": ceremony.mark_ready,
            "unready": ceremony.unready,
        }
        verbs[act](prescription, by=by)


REFUSALS = (
    drafts.WritingRefused,
    ceremony.NotSignable,
    devices.DeviceChangeRefused,
    refusals.NotProven,
    PermissionDenied,
)


@pytest.mark.cfr("1311.100(b)(1)")
@pytest.mark.cfr("1311.120(b)(2)(i)")
@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.cfr("1311.135(a)")
@pytest.mark.parametrize(("role", "act"), EVERY, ids=IDS)
def test_the_verbs_know_who_does_what(who, target, role, act):
    prescription, user = target(act), who(role)
    before = picture()

    if act in ALLOWED[role]:
        do(act, prescription, by=user)
        assert picture() != before
        return
    with pytest.raises(REFUSALS):
        do(act, prescription, by=user)
    assert picture() == before
    assert Event.objects.filter(actor=user.username, outcome="failure").exists()


def posted(act, prescription, user):
    """Return what the page of an act sends."""
    if act in ("create", "edit"):
        own = getattr(user, "provider", prescription.prescriber)
        return {
            "prescriber": (own if act == "create" else prescription.prescriber).pk,
            "drug": prescription.drug_id,
            "quantity": "7",
            "refills": "0",
            "directions": prescription.directions,
            "pharmacy": prescription.pharmacy_id,
            "shown_version": prescription.version,
        }
    data = {"shown_digest": content.digest(prescription)}
    if act == "sign":
        device = user.mfa_devices.get()
        data |= {"password": PASSWORD, "code": code_of(device), "device": device.pk}
    return data


@pytest.mark.cfr("1311.120(b)(2)(i)")
@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.cfr("1311.135(a)")
@pytest.mark.parametrize(("role", "act"), EVERY, ids=IDS)
def test_the_pages_know_who_does_what(client, who, target, role, act):
    prescription, user = target(act), who(role)
    whose = prescription.patient if act == "create" else prescription
    before = picture()
    client.force_login(user)

    response = client.post(
        reverse(f"prescription-{act}", args=[whose.public_id]),
        posted(act, prescription, user),
    )

    if act in ALLOWED[role]:
        assert response.status_code == 302
        assert picture() != before
        return
    assert picture() == before
    assert response.status_code in (302, 403, 404, 422)
    if response.status_code == 302:  # back to the page, which says why
        assert "Only " in client.get(response.url).text


@pytest.mark.cfr("1306.05(f)")
@pytest.mark.cfr("1311.102(k)")
def test_who_prepared_and_who_signed_are_both_on_the_record(client, alice, sam, phone):
    prescription = make_draft(alice.provider, by=sam)
    ceremony.mark_ready(prescription, by=alice)
    prescription.refresh_from_db()

    record = sign(prescription, phone)
    client.force_login(alice)
    page = client.get(prescription.get_absolute_url()).text

    assert '"prepared_by":{"first_name":"Sam"' in record.payload
    assert '"signer":"alice"' in record.payload
    assert "Prepared by Sam" in page
    assert "Signed by Alice Example" in page


@pytest.mark.cfr("1311.120(b)(10)")
def test_what_an_agent_changes_after_the_mark_is_reviewed_again(client, alice, sam):
    ready = make_ready(alice.provider)
    client.force_login(sam)

    client.post(
        reverse("prescription-edit", args=[ready.public_id]),
        posted("edit", ready, sam),
    )

    ready.refresh_from_db()
    assert (ready.status, plain(ready.quantity)) == (Status.DRAFT, "7")
    assert Event.objects.filter(act=Act.PRESCRIPTION_UNREADY, actor="sam").exists()


def test_a_colleague_who_edits_does_not_become_the_practitioner(
    client, alice, practice
):
    draft = make_draft(alice.provider, drug=make_drug(), pharmacy=make_pharmacy())
    client.force_login(make_ready_provider("carol", practice=practice))

    form = client.get(reverse("prescription-edit", args=[draft.public_id])).context[
        "form"
    ]

    assert form["prescriber"].initial == alice.provider.pk


def test_a_practitioner_writes_new_ones_in_their_own_name(client, alice, practice):
    make_ready_provider("carol", practice=practice)
    patient = make_patient(practice)
    client.force_login(alice)

    page = client.get(reverse("prescription-create", args=[patient.public_id]))

    offered = page.context["form"].fields["prescriber"].queryset
    assert list(offered) == [alice.provider]
