"""Review, statement and two factors on one page; nothing is signed any other way."""

import re

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa.models import Device
from prescriptions.models import Prescription, SignedRecord, Status, Transmission
from tests.factories import PASSWORD, code_of, make_device
from tests.prescriptions.factories import make_draft

pytestmark = pytest.mark.django_db

STATEMENT = (
    "By completing the two-factor authentication protocol at this time, you are "
    "legally signing the prescription(s) and authorizing the transmission of the above "
    "information to the pharmacy for dispensing. The two-factor authentication protocol "
    "may only be completed by the practitioner whose name and DEA registration number "
    "appear above."
)


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def draft(alice):
    return make_draft(alice.provider)


def url(name, prescription):
    return reverse(f"prescription-{name}", args=[prescription.public_id])


def shown_digest(client, prescription):
    page = client.get(url("sign", prescription)).content.decode()
    return re.search(r'name="shown_digest" value="([0-9a-f]{64})"', page).group(1)


def mark_ready(client, prescription):
    digest = shown_digest(client, prescription)
    return client.post(url("ready", prescription), {"shown_digest": digest})


def sign(client, prescription, phone, **overrides):
    data = {
        "password": PASSWORD,
        "code": code_of(phone),
        "shown_digest": shown_digest(client, prescription),
    }
    return client.post(url("sign", prescription), data | overrides)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.140(a)")
@pytest.mark.cfr("1311.120(b)(11)")
@pytest.mark.cfr("1311.140(a)(5)")
@pytest.mark.cfr("1311.140(a)(6)")
@pytest.mark.cfr("1311.120(b)(15)")
@pytest.mark.cfr("1311.170(a)")
def test_ready_then_password_and_code_sign_and_queue(as_alice, draft, phone):
    mark_ready(as_alice, draft)

    response = sign(as_alice, draft, phone)

    assert response.url == draft.get_absolute_url()
    draft.refresh_from_db()
    assert draft.status == Status.QUEUED
    assert SignedRecord.objects.get().prescription == draft
    assert Transmission.objects.get().prescription == draft
    acts = Event.objects.filter(stream=f"user:{phone.user_id}").order_by("sequence")
    assert [event.act for event in acts][-3:] == [
        Act.PRESCRIPTION_READY,
        Act.CHALLENGE_PASSED,
        Act.PRESCRIPTION_SIGNED,
    ]


@pytest.mark.cfr("1311.140(a)(3)")
@pytest.mark.cfr("1311.140(a)(4)")
@pytest.mark.cfr("1311.140(b)")
def test_data_stand_above_the_statement_and_the_statement_above_the_prompt(
    as_alice, draft
):
    mark_ready(as_alice, draft)

    page = " ".join(as_alice.get(url("sign", draft)).content.decode().split())

    assert page.count(STATEMENT) == 1
    places = [
        page.index(text)
        for text in [
            draft.patient.last_name,
            draft.drug.name,
            draft.directions,
            draft.dea_registration.number,
            STATEMENT,
            'name="password"',
            'name="code"',
            "Sign &amp; Send Prescription",
        ]
    ]
    assert places == sorted(places)


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(13)")
def test_it_is_marked_ready_below_its_data_and_the_statement_without_a_prompt(
    as_alice, draft, phone
):
    page = as_alice.get(url("sign", draft)).content.decode()

    assert 'name="code"' not in page
    assert draft.directions in page
    assert STATEMENT in page


@pytest.mark.cfr("1311.140(c)")
@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "guess"},
        {"password": ""},
        {"code": "000000"},
        {"code": ""},
        {"code": "１２３４５６"},
        {"mfa": "false", "code": ""},
    ],
)
def test_without_both_factors_nothing_is_signed(as_alice, draft, phone, wrong):
    mark_ready(as_alice, draft)

    response = sign(as_alice, draft, phone, **wrong)

    assert response.status_code == 422
    assert 'value="000000"' not in response.content.decode()
    draft.refresh_from_db()
    assert draft.status == Status.READY
    assert not SignedRecord.objects.exists()


def test_the_code_in_the_query_string_is_never_read(as_alice, draft, phone):
    mark_ready(as_alice, draft)
    query = f"?password={PASSWORD}&code={code_of(phone)}"

    response = as_alice.post(url("sign", draft) + query, {"shown_digest": "x"})

    assert response.status_code == 422
    assert not SignedRecord.objects.exists()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.120(b)(5)")
def test_a_second_signing_asks_for_both_factors_again(as_alice, alice, draft, phone):
    """Adversarial case I02: no grace after a signature."""
    mark_ready(as_alice, draft)
    code = code_of(phone)
    sign(as_alice, draft, phone, code=code)
    second = make_draft(alice.provider)
    mark_ready(as_alice, second)

    response = sign(as_alice, second, phone, code=code)

    assert response.status_code == 422
    assert "used already" in response.content.decode()
    second.refresh_from_db()
    assert second.status == Status.READY


@pytest.mark.cfr("1311.120(b)(10)")
def test_an_edit_clears_ready(as_alice, draft):
    mark_ready(as_alice, draft)
    form = as_alice.get(url("edit", draft)).context["form"]
    data = {key: form[key].value() for key in form.fields}
    data = {key: value for key, value in data.items() if value not in (None, "")}

    as_alice.post(url("edit", draft), data | {"quantity": "7"})

    draft.refresh_from_db()
    assert draft.status == Status.DRAFT
    assert draft.ready_digest == ""


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(11)")
def test_what_changed_after_the_page_was_shown_is_not_signed(as_alice, draft, phone):
    mark_ready(as_alice, draft)
    shown = shown_digest(as_alice, draft)
    draft.patient.address_line_1 = "99 Moved Road"
    draft.patient.save()

    response = as_alice.post(
        url("sign", draft),
        {"password": PASSWORD, "code": code_of(phone), "shown_digest": shown},
    )

    assert response.status_code == 422
    draft.refresh_from_db()
    assert draft.status == Status.READY
    phone.refresh_from_db()
    assert phone.last_step == -1


def test_several_code_generators_are_asked_for_by_nickname(as_alice, alice, draft):
    make_device(alice, name="OfficeiPad")
    mark_ready(as_alice, draft)

    page = as_alice.get(url("sign", draft)).content.decode()

    assert "MyiPhone (primary device)" in page
    assert "OfficeiPad" in page


def test_choosing_another_device_makes_it_primary_with_the_same_proof(
    as_alice, alice, draft
):
    tablet = make_device(alice, name="OfficeiPad")
    mark_ready(as_alice, draft)

    sign(as_alice, draft, tablet, device=str(tablet.public_id))

    draft.refresh_from_db()
    assert draft.status == Status.QUEUED
    assert Device.objects.get(user=alice, is_primary=True) == tablet
    assert Event.objects.filter(act=Act.DEVICE_PRIMARY_SELECTED).count() == 1


def test_the_code_of_the_other_device_is_named(as_alice, alice, draft, phone):
    tablet = make_device(alice, name="OfficeiPad")
    mark_ready(as_alice, draft)

    response = sign(
        as_alice, draft, phone, device=str(phone.public_id), code=code_of(tablet)
    )

    assert "That is the code of “OfficeiPad”" in response.content.decode()


@pytest.mark.cfr("1311.135(a)")
@pytest.mark.cfr("1311.120(b)(12)")
def test_an_agent_prepares_and_neither_marks_ready_nor_signs(client, sam, draft, phone):
    client.force_login(sam)

    assert client.get(url("detail", draft)).status_code == 200
    assert client.get(url("sign", draft)).status_code == 403
    client.post(url("ready", draft), {"shown_digest": "0" * 64})
    assert client.post(url("sign", draft), {"code": code_of(phone)}).status_code == 403
    draft.refresh_from_db()
    assert draft.status == Status.DRAFT


@pytest.mark.cfr("1311.120(b)(12)")
def test_another_practice_does_not_even_see_it(client, bob, draft):
    client.force_login(bob)

    for name in ["detail", "edit", "sign", "status"]:
        assert client.get(url(name, draft)).status_code == 404
    for name in ["ready", "unready", "discard", "sign", "copy", "send-now"]:
        assert client.post(url(name, draft)).status_code == 404


@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.cfr("1311.120(b)(2)(i)")
def test_a_superuser_cannot_sign(client, alice, draft, phone, mallory):
    mallory.is_superuser = mallory.is_staff = True
    mallory.save()
    client.force_login(mallory)

    response = client.post(
        url("sign", draft), {"password": PASSWORD, "code": code_of(phone)}
    )

    assert response.status_code == 404
    assert not SignedRecord.objects.exists()


@pytest.mark.parametrize("field", ["status", "signed_at", "issued_on", "ready_by"])
def test_no_form_field_reaches_what_the_law_guards(as_alice, draft, field):
    form = as_alice.get(url("edit", draft)).context["form"]

    assert field not in form.fields
    assert Prescription.objects.get().status == Status.DRAFT


def test_the_preview_says_what_stops_it_to_whoever_can_mend_it(client, sam, draft):
    draft.pharmacy.accepts_epcs = False
    draft.pharmacy.save()
    client.force_login(sam)

    page = client.get(url("detail", draft)).content.decode()

    assert "This cannot be signed yet" in page
    assert draft.pharmacy.name in page.split("This cannot be signed yet")[1]
