"""Renewal and change requests of a pharmacy."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event, Incident, IncidentKind
from prescriptions import script
from prescriptions.delivery import outbox, pharmacy_requests
from prescriptions.models import (
    PharmacyRequest,
    Prescription,
    RequestState,
    Status,
    Transmission,
)
from prescriptions.signing import ceremony
from prescriptions.writing import drafts
from providers import access_managers
from tests.factories import code_of
from tests.prescriptions.delivery.inbound.pharmacy import (
    CHANGE,
    OK,
    RENEWAL,
    Pharmacy,
    asks,
    send_everything,
)
from tests.prescriptions.factories import SESSION, make_drug, make_ready, prove, sign
from tests.threads import at_once

pytestmark = pytest.mark.django_db

VERSIONS = list(script.VERSIONS)


@pytest.mark.parametrize("kind", [RENEWAL, CHANGE])
@pytest.mark.parametrize("version", ["20170715", "2023011"])
def test_a_request_orders_nothing_and_waits_for_the_practitioner(
    client, pharmacy, transmitted, alice, kind, version
):
    assert pharmacy.says(asks(kind), version=version) == OK

    asked = PharmacyRequest.objects.get()
    assert (asked.state, asked.prescription) == (RequestState.OPEN, transmitted)
    assert asked.response_kind == kind.replace("Request", "Response")
    assert (asked.wanted_drug, asked.wanted_quantity, asked.note) == (
        "Oxycodone 10 mg tablet",
        "60",
        "Out of stock",
    )
    assert Prescription.objects.count() == Transmission.objects.count() == 1
    client.force_login(alice)
    listed = client.get(reverse("prescription-list")).content.decode()
    assert "1 request from pharmacies" in listed
    page = client.get(asked.get_absolute_url()).content.decode()
    assert "Oxycodone 10 mg tablet" in page
    assert (
        asked.get_absolute_url()
        in client.get(reverse("pharmacy-request-list")).content.decode()
    )


def test_the_order_number_finds_it_too(pharmacy, transmitted):
    said = pharmacy.says(asks(RENEWAL), about="", order=pharmacy.about)

    assert said == OK
    assert PharmacyRequest.objects.get().prescription == transmitted


@pytest.fixture
def asked(request, pharmacy):
    kind = getattr(request, "param", RENEWAL)
    pharmacy.says(asks(kind), message_id="asked-1")
    return PharmacyRequest.objects.get()


@pytest.mark.parametrize("asked", [RENEWAL, CHANGE], indirect=True)
def test_a_denial_goes_out_with_its_reason(client, alice, asked, network):
    client.force_login(alice)
    url = asked.get_absolute_url()
    assert client.post(url, {"reason": "x" * 71}).status_code == 422

    response = client.post(url, {"reason": "See the patient first"})
    send_everything()

    assert response.url == reverse("pharmacy-request-list")
    came = network.sent[-1]
    assert (came.kind, came.relates_to) == (asked.response_kind, "asked-1")
    assert came.body_text("Response/Denied/DenialReason") == "See the patient first"
    asked.refresh_from_db()
    assert asked.state == RequestState.DENIED
    assert asked.response.state == "transmitted"
    with pytest.raises(drafts.WritingRefused):
        pharmacy_requests.write(asked, by=alice)


@pytest.mark.cfr("1311.140(c)")
@pytest.mark.cfr("1306.12(a)")
@pytest.mark.parametrize("asked", [RENEWAL, CHANGE], indirect=True)
def test_what_is_written_instead_is_reviewed_and_signed_anew(
    client, alice, phone, asked, transmitted, network
):
    client.force_login(alice)

    response = client.post(reverse("pharmacy-request-write", args=[asked.public_id]))

    draft = Prescription.objects.get(status=Status.DRAFT)
    assert response.url == reverse("prescription-edit", args=[draft.public_id])
    assert (draft.ready_digest, draft.signed_at) == ("", None)
    assert draft.directions == transmitted.directions
    assert pharmacy_requests.close_finished() == 0
    with pytest.raises(ceremony.NotSignable):
        ceremony.sign(
            [draft],
            by=alice,
            challenge=prove([draft], phone, code=code_of(phone, steps=1)),
            session_key=SESSION,
        )
    assert [came.kind for came in network.sent] == ["NewRx"]


@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.parametrize(
    ("asked", "sent", "original"),
    [
        (RENEWAL, ["NewRx", "RxRenewalResponse"], Status.TRANSMITTED),
        (CHANGE, ["NewRx", "CancelRx", "RxChangeResponse"], Status.CANCELLED),
    ],
    indirect=["asked"],
)
def test_once_it_is_signed_the_pharmacy_is_told(
    alice, phone, asked, transmitted, network, sent, original
):
    draft = pharmacy_requests.write(asked, by=alice)
    draft.drug = make_drug("Alprazolam 0.5 mg tablet")
    drafts.alter(draft, by=alice)
    draft.refresh_from_db()
    ceremony.mark_ready(draft, by=alice)
    draft.refresh_from_db()
    challenge = prove([draft], phone, code=code_of(phone, steps=1))
    ceremony.sign([draft], by=alice, challenge=challenge, session_key=SESSION)

    assert pharmacy_requests.close_finished() == 1
    assert pharmacy_requests.close_finished() == 0
    send_everything()

    assert [came.kind for came in network.sent[1:]] == sent
    assert network.sent[-1].body_text("Response/Denied/DenialReason") == (
        "A new prescription follows."
    )
    transmitted.refresh_from_db()
    assert transmitted.status == original
    asked.refresh_from_db()
    assert (asked.state, asked.draft) == (RequestState.ANSWERED, draft)


def test_a_draft_that_is_given_up_lets_the_request_wait_again(alice, asked):
    draft = pharmacy_requests.write(asked, by=alice)
    drafts.discard(draft, by=alice)

    assert pharmacy_requests.close_finished() == 1

    asked.refresh_from_db()
    assert (asked.state, asked.draft, asked.decided_by) == ("open", None, None)
    assert pharmacy_requests.write(asked, by=alice) != draft


def test_a_request_is_taken_up_once(alice, sam, asked):
    pharmacy_requests.write(asked, by=alice)

    with pytest.raises(drafts.WritingRefused, match="meanwhile"):
        pharmacy_requests.write(asked, by=sam)

    assert Prescription.objects.filter(status=Status.DRAFT).count() == 1


@pytest.mark.parametrize("who", ["bob", "mallory"])
def test_strangers_see_and_decide_nothing(client, request, asked, who):
    stranger = request.getfixturevalue(who)
    client.force_login(stranger)
    url = asked.get_absolute_url()

    assert client.get(url).status_code == 404
    assert client.post(url, {"reason": "x"}).status_code == 404
    write = reverse("pharmacy-request-write", args=[asked.public_id])
    assert client.post(write).status_code == 404
    for act in [
        lambda: pharmacy_requests.write(asked, by=stranger),
        lambda: pharmacy_requests.deny(asked, by=stranger, reason="x"),
    ]:
        with pytest.raises(drafts.WritingRefused):
            act()


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.cfr("1306.08(d)")
@pytest.mark.parametrize("kind", [RENEWAL, CHANGE])
@pytest.mark.parametrize(
    ("changed", "field"),
    [({"quantity": "300"}, "quantity"), ({"refills": "5"}, "refills")],
)
def test_what_was_changed_on_its_way_is_invalid_and_cancelled(
    pharmacy, transmitted, network, alice, kind, changed, field,
    mailoutbox, django_capture_on_commit_callbacks,
):  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        assert pharmacy.says(asks(kind, **changed)) == OK

    transmitted.refresh_from_db()
    assert transmitted.status == Status.CANCELLED
    assert transmitted.cancellation.cancelled_by is None
    event = Event.objects.get(act=Act.PRESCRIPTION_CHANGED_IN_TRANSIT)
    assert event.detail["fields"] == [field]
    assert Incident.objects.get().kind == IncidentKind.CHANGED_IN_TRANSIT
    warned = [one for one in mailoutbox if one.subject.endswith("changed on its way")]
    told = access_managers.notice_recipients(transmitted.practice)
    assert {one.to[0] for one in warned} == {one.email for one in (alice, *told)}
    assert "518-555-0122" in warned[0].body
    send_everything()
    assert network.sent[-1].kind == "CancelRx"


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_workers_answer_a_request_once(alice, phone, asked):
    draft = pharmacy_requests.write(asked, by=alice)
    Prescription.objects.filter(pk=draft.pk).update(status="printed")

    results = at_once(lambda _: pharmacy_requests.close_finished(), times=6)

    assert sum(results) == 1
    assert Transmission.objects.filter(request=asked).count() == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_prescription_written_in_either_version_is_renewed(
    client, ready, phone, network, settings, version
):
    settings.SCRIPT_VERSION = version
    sign(ready, phone)
    outbox.attempt(ready.transmission.pk)

    assert Pharmacy(client, ready).says(asks(RENEWAL)) == OK


def test_only_readers_of_the_practice_see_how_many_wait(client, asked, bob):
    client.force_login(bob)

    page = client.get(reverse("prescription-list")).content.decode()

    assert "request from pharmacies" not in page


def test_home_counts_what_nobody_has_decided_yet(client, asked, alice):
    client.force_login(alice)
    assert "1 request from pharmacies" in client.get("/").content.decode()

    pharmacy_requests.write(asked, by=alice)

    assert "request from pharmacies" not in client.get("/").content.decode()


def test_an_unsigned_draft_answers_nothing(alice, asked):
    pharmacy_requests.write(asked, by=alice)
    make_ready(alice.provider, drug=make_drug("Alprazolam 0.5 mg tablet"))

    assert pharmacy_requests.close_finished() == 0
    asked.refresh_from_db()
    assert asked.state == RequestState.WRITING
