"""What pharmacies say by themselves, over HTTP: once, on record, and ordering nothing."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from prescriptions import script
from prescriptions.delivery import cancellation, outbox
from prescriptions.models import ReceivedMessage, Status, Transmission
from prescriptions.writing import printing
from tests.prescriptions.delivery.inbound.pharmacy import (
    OK,
    RENEWAL,
    Pharmacy,
    send_everything,
)

pytestmark = pytest.mark.django_db


def test_a_verify_says_that_it_arrived(pharmacy, transmitted):
    verify = "<Verify><VerifyStatus><Code>010</Code></VerifyStatus></Verify>"

    assert pharmacy.says(verify) == OK

    transmitted.refresh_from_db()
    assert transmitted.status == Status.DELIVERED
    assert transmitted.transmission.state == "delivered"
    assert Event.objects.filter(act=Act.PRESCRIPTION_DELIVERED).count() == 1


def test_a_verify_that_overtakes_the_answer_counts(client, queued):
    claimed = outbox._claim(queued.transmission.pk)
    verify = "<Verify><VerifyStatus><Code>010</Code></VerifyStatus></Verify>"

    assert Pharmacy(client, queued).says(verify) == OK
    outbox._record_result(
        claimed, script.DeliveryResult(script.Outcome.PASSED_ON, "000")
    )

    queued.refresh_from_db()
    assert queued.status == Status.DELIVERED
    assert Event.objects.filter(act=Act.PRESCRIPTION_TRANSMITTED).count() == 1


def test_what_was_never_sent_is_not_verified(client, queued):
    verify = "<Verify><VerifyStatus><Code>010</Code></VerifyStatus></Verify>"

    assert Pharmacy(client, queued).says(verify)[:2] == ("Error", "900")

    queued.refresh_from_db()
    assert queued.status == Status.QUEUED


@pytest.mark.cfr("1311.170(b)")
def test_a_later_error_is_the_failure_that_allows_paper(pharmacy, transmitted):
    error = "<Error><Code>900</Code><Description>No such store</Description></Error>"

    assert pharmacy.says(error) == OK

    transmitted.refresh_from_db()
    assert transmitted.status == Status.FAILED
    assert transmitted.failure_reason == "900 No such store"


@pytest.mark.cfr("1311.170(b)")
@pytest.mark.parametrize("is_printed", [False, True], ids=["given up", "on paper"])
def test_who_signed_is_told_when_what_was_given_up_arrived_after_all(
    pharmacy, transmitted, alice, mailoutbox, django_capture_on_commit_callbacks,
    is_printed,
):  # fmt: skip
    pharmacy.says("<Error><Code>900</Code></Error>")
    if is_printed:
        printing.after_failure(transmitted, by=alice)
    with django_capture_on_commit_callbacks(execute=True):
        assert pharmacy.says("<Verify/>") == OK

    transmitted.refresh_from_db()
    assert transmitted.status == (Status.PRINTED if is_printed else Status.FAILED)
    late = Event.objects.about(transmitted).get(act=Act.PRESCRIPTION_ACCEPTED_LATE)
    assert late.stream == f"user:{alice.pk}"
    [mail] = mailoutbox
    assert mail.to == [alice.email]
    assert "518-555-0122" in mail.body
    pharmacy.client.force_login(alice)
    page = pharmacy.client.get(transmitted.get_absolute_url()).text
    assert "The pharmacy says that it has this after all" in page


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ("<Error><Code>900</Code></Error>", "A prescription was not delivered"),
        (f"<{RENEWAL}/>", "A pharmacy asks for a prescription"),
    ],
)
def test_who_signed_is_told_by_mail_that_names_no_patient(
    pharmacy, transmitted, mailoutbox, django_capture_on_commit_callbacks, body, subject
):
    with django_capture_on_commit_callbacks(execute=True):
        assert pharmacy.says(body) == OK

    [mail] = mailoutbox
    assert mail.subject == subject
    assert transmitted.get_absolute_url() in mail.body
    assert transmitted.patient.last_name not in mail.body
    assert transmitted.drug.name not in mail.body


def test_an_answer_comes_too_late_for_what_was_cancelled(pharmacy, transmitted, alice):
    cancellation.cancel(transmitted, by=alice, reason="Wrong patient")

    assert pharmacy.says("<Verify/>") == OK

    transmitted.refresh_from_db()
    assert transmitted.status == Status.CANCELLED


@pytest.mark.parametrize(
    ("body", "approved"),
    [
        ("<Approved><Note>Not dispensed</Note></Approved>", True),
        ("<Denied><DenialReason>Dispensed on Monday</DenialReason></Denied>", False),
        ("<Approved/><Denied/>", False),
    ],
)
def test_a_cancellation_is_answered(
    client, pharmacy, transmitted, alice, body, approved,
    mailoutbox, django_capture_on_commit_callbacks,
):  # fmt: skip
    cancelled = cancellation.cancel(transmitted, by=alice, reason="Wrong patient")
    send_everything()
    response = f"<CancelRxResponse><Response>{body}</Response></CancelRxResponse>"

    with django_capture_on_commit_callbacks(execute=True):
        assert pharmacy.says(response, about=cancelled.message.message_id) == OK

    cancelled.refresh_from_db()
    assert cancelled.is_approved is approved
    assert Transmission.objects.get(cancellation=cancelled).state == "delivered"
    subjects = [mail.subject for mail in mailoutbox]
    is_told = "A pharmacy did not take a prescription back" in subjects
    client.force_login(alice)
    pages = [
        reverse("prescription-list") + "?show=all",
        transmitted.get_absolute_url(),
        transmitted.patient.get_absolute_url(),
    ]
    shown = {"not taken back" in client.get(page).content.decode() for page in pages}
    assert ({is_told}, shown) == ({not approved}, {not approved})


def test_a_cancellation_that_was_not_sent_is_not_answered(
    pharmacy, transmitted, alice, network
):
    taken_back = cancellation.cancel(transmitted, by=alice, reason="Wrong patient")

    refused = pharmacy.says(
        "<CancelRxResponse><Response><Approved/></Response></CancelRxResponse>"
    )

    assert refused[0] == "Error"
    send_everything()
    taken_back.refresh_from_db()
    assert taken_back.is_approved is None
    assert [one.kind for one in network.sent] == ["NewRx", "CancelRx"]


@pytest.mark.cfr("1311.170(b)")
def test_an_error_while_it_is_on_its_way_does_not_allow_paper_yet(client, queued):
    outbox._claim(queued.transmission.pk)

    refused = Pharmacy(client, queued).says("<Error><Code>900</Code></Error>")

    queued.refresh_from_db()
    assert refused[0] == "Error"
    assert queued.status == Status.QUEUED


def test_the_pharmacy_that_it_was_signed_for_answers_whatever_the_row_says(
    client, transmitted
):
    type(transmitted.pharmacy).objects.update(ncpdp_id="9999999")
    another, right = Pharmacy(client, transmitted), Pharmacy(client, transmitted)
    right.sender = transmitted.pharmacy.ncpdp_id
    another.sender = "9999999"

    assert another.says("<Error><Code>900</Code></Error>")[0] == "Error"
    assert right.says("<Error><Code>900</Code></Error>") == OK


def test_a_cancellation_nobody_asked_for_is_refused(pharmacy):
    response = "<CancelRxResponse><Response><Approved/></Response></CancelRxResponse>"

    assert pharmacy.says(response)[:2] == ("Error", "900")
    assert not ReceivedMessage.objects.exists()


def test_a_cancellation_without_a_verdict_is_refused(pharmacy, transmitted, alice):
    cancellation.cancel(transmitted, by=alice, reason="Wrong patient")

    said = pharmacy.says("<CancelRxResponse><Response/></CancelRxResponse>")

    assert said[:2] == ("Error", "900")
