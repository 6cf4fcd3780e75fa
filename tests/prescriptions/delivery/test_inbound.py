"""What pharmacies say by themselves, over HTTP: once, on record, and ordering nothing."""

import uuid

import pytest
import responses
from django.db import IntegrityError, transaction
from django.urls import reverse
from lxml import etree

from audit.acts import Act
from audit.models import Event, Incident, IncidentKind
from prescriptions import script
from prescriptions.delivery import cancellation, outbox, pharmacy_requests
from prescriptions.models import (
    PharmacyRequest,
    Prescription,
    ReceivedMessage,
    RequestState,
    Status,
    Transmission,
)
from prescriptions.signing import ceremony
from prescriptions.writing import drafts, printing
from providers import access_managers
from tests.factories import code_of
from tests.prescriptions.factories import SESSION, make_drug, make_ready, prove, sign
from tests.threads import at_once

pytestmark = pytest.mark.django_db
VERSIONS = list(script.VERSIONS)
RENEWAL, CHANGE = "RxRenewalRequest", "RxChangeRequest"


def message(body, *, about, sender, message_id=None, order="", version="20170715"):
    return (
        f'<?xml version="1.0"?><Message xmlns="{script.NAMESPACE}"'
        f' TransactionVersion="{version}"><Header>'
        f'<To Qualifier="D">1234567893</To><From Qualifier="P">{sender}</From>'
        f"<MessageID>{message_id or uuid.uuid4().hex}</MessageID>"
        f"<RelatesToMessageID>{about}</RelatesToMessageID>"
        "<SentTime>2026-11-23T15:00:00Z</SentTime>"
        f"<PrescriberOrderNumber>{order}</PrescriberOrderNumber></Header>"
        f"<Body>{body}</Body></Message>"
    ).encode()


class Pharmacy:
    """The pharmacy of a prescription, as the network lets it speak to the portal."""

    def __init__(self, client, prescription):
        self.client = client
        self.sender = prescription.pharmacy.ncpdp_id
        self.about = prescription.transmission.message_id

    def post(self, content, token="inbound-token", **extra):  # noqa: S107
        return self.client.post(
            reverse("script-inbound"),
            content,
            content_type=extra.pop("content_type", "application/xml"),
            headers={"Authorization": f"Bearer {token}"},
        )

    def says(self, body, **facts):
        facts = {"about": self.about, "sender": self.sender} | facts
        return outcome(self.post(message(body, **facts)))


def outcome(response):
    assert response.status_code == 200
    answer = script.read(response.content)
    return answer.kind, answer.body_text("Code"), answer.body_text("Description")


OK = ("Status", "010", "")


@pytest.fixture
def network(settings):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.sent = []

        def answer(request):
            came = script.read(request.body)
            mock.sent.append(came)
            code = "000"
            return (
                200,
                {},
                "<Message><Header><RelatesToMessageID>"
                f"{came.message_id}</RelatesToMessageID></Header><Body><Status>"
                f"<Code>{code}</Code></Status></Body></Message>",
            )

        mock.add_callback(responses.POST, settings.SCRIPT_NETWORK_URL, answer)
        yield mock


def send_everything():
    for pk in list(Transmission.objects.values_list("pk", flat=True)):
        outbox.attempt(pk)


@pytest.fixture
def transmitted(queued, network):
    """Taken by the network; the pharmacy has not said anything yet."""
    outbox.attempt(queued.transmission.pk)
    queued.refresh_from_db()
    assert queued.status == Status.TRANSMITTED
    return queued


@pytest.fixture
def pharmacy(client, transmitted):
    return Pharmacy(client, transmitted)


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


def asks(kind, prescription=None, **changes):
    """A request as pharmacies write it, with what was prescribed as they have it."""
    values = {"quantity": "30", "refills": "0"} | changes
    order = (
        f"<DrugDescription>Oxycodone</DrugDescription><Quantity><Value>"
        f"{values['quantity']}</Value></Quantity><NumberOfRefills>"
        f"{values['refills']}</NumberOfRefills>"
    )
    wanted = (
        "<DrugDescription>Oxycodone 10 mg tablet</DrugDescription><Quantity>"
        "<Value>60</Value></Quantity><Note>Out of stock</Note>"
    )
    other = "MedicationDispensed" if kind == RENEWAL else "MedicationRequested"
    return (
        f"<{kind}><MessageRequestCode>G</MessageRequestCode>"
        f"<{other}>{wanted}</{other}>"
        f"<MedicationPrescribed>{order}</MedicationPrescribed></{kind}>"
    )


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
    with pytest.raises(drafts.NotAllowed):
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

    with pytest.raises(drafts.NotAllowed, match="meanwhile"):
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
        with pytest.raises(drafts.NotAllowed):
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


def test_the_same_message_gets_the_same_answer_and_counts_once(pharmacy):
    content = message(
        asks(RENEWAL), about=pharmacy.about, sender=pharmacy.sender, message_id="m-1"
    )

    first, second = pharmacy.post(content), pharmacy.post(content)

    assert first.content == second.content
    assert PharmacyRequest.objects.count() == 1
    assert Event.objects.filter(act=Act.MESSAGE_RECEIVED).count() == 1


def test_other_bytes_under_a_used_message_id_are_refused(pharmacy):
    pharmacy.says(asks(RENEWAL), message_id="m-1")

    said = pharmacy.says(asks(CHANGE), message_id="m-1")

    assert said[:2] == ("Error", "900")
    assert PharmacyRequest.objects.count() == 1


@pytest.mark.parametrize(
    "facts",
    [{"about": "unknown"}, {"sender": "7777777"}, {"about": "", "order": "x" * 35}],
)
def test_what_is_not_about_ours_is_refused_alike(pharmacy, facts):
    kind, code, why = pharmacy.says(asks(RENEWAL), **facts)

    assert (kind, code) == ("Error", "900")
    assert why == "No prescription of ours to this pharmacy has that number"
    assert not PharmacyRequest.objects.exists()
    assert Event.objects.filter(act=Act.MESSAGE_REFUSED).count() == 1


@pytest.mark.cfr("1311.140(c)")
@pytest.mark.parametrize("body", ["<NewRx/>", "<CancelRx/>", "<RxFill/>", "", "text"])
def test_no_other_kind_of_message_is_taken(pharmacy, body):
    assert pharmacy.says(body)[:2] == ("Error", "900")
    assert Prescription.objects.count() == 1


HOSTILE = [
    b" ",
    b"not xml",
    b"<Message>",
    b"\xff\xfe\x00",
    b"<m/>",
    b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><Message>&e;</Message>',
    b'<?xml version="1.0" encoding="nonsense"?><Message/>',
    b"<Message><Header><MessageID>" + b"x" * 36 + b"</MessageID></Header></Message>",
    b"<Message><Header><MessageID>m</MessageID></Header></Message>",
    b"<Message><Body><!-- x --></Body></Message>",
    b"<Message><Body><a:b xmlns:a='c'/></Body></Message>",
    b"<a>" * 300 + b"</a>" * 300,
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bytes_are_answered_and_kept_out(pharmacy, content):
    kind, code, why = outcome(pharmacy.post(content))

    assert (kind, code) == ("Error", "900")
    assert why
    assert "root:" not in why
    assert Event.objects.filter(act=Act.MESSAGE_REFUSED).count() == 1


def test_hostile_text_in_a_request_is_shown_as_text(client, pharmacy, alice):
    drug = (
        "<DrugDescription>&lt;script&gt;alert(1)&lt;/script&gt;\n\t x</DrugDescription>"
    )
    body = f"<{CHANGE}><MedicationRequested>{drug}{'<Note>' + 'n' * 500 + '</Note>'}"
    assert pharmacy.says(f"{body}</MedicationRequested></{CHANGE}>") == OK
    client.force_login(alice)

    page = client.get(PharmacyRequest.objects.get().get_absolute_url())

    assert b"&lt;script&gt;alert(1)&lt;/script&gt; x" in page.content


@pytest.mark.parametrize("token", ["", "guess", "inbound-tokeN"])
def test_without_the_token_nothing_comes_in(pharmacy, token):
    response = pharmacy.post(b"<Message/>", token=token)

    assert response.status_code == 401
    assert Event.objects.filter(act=Act.MESSAGE_REFUSED).count() == 1


def test_who_knocks_is_on_record_once_an_hour_for_each_address(client, time_machine):
    time_machine.move_to("2027-01-15T08:00:00Z", tick=False)

    def knock(address):
        client.post(reverse("script-inbound"), "<Message/>", "text/xml",
                    REMOTE_ADDR=address)  # fmt: skip
        return Event.objects.filter(act=Act.MESSAGE_REFUSED).count()

    assert [knock("192.0.2.1") for _ in range(20)] == [1] * 20
    assert knock("192.0.2.2") == 2
    time_machine.move_to("2027-01-15T09:00:01Z", tick=False)
    assert knock("192.0.2.1") == 3


def test_without_a_token_in_the_settings_nobody_has_it(pharmacy, settings):
    settings.SCRIPT_INBOUND_TOKEN = ""

    assert pharmacy.post(b"<Message/>", token="").status_code == 401


def test_what_is_too_large_or_no_xml_is_turned_away(pharmacy):
    large = b"<Message>" + b" " * 300_000 + b"</Message>"

    assert pharmacy.post(large).status_code == 413
    assert pharmacy.post(b"{}", content_type="application/json").status_code == 415


@pytest.mark.both_databases
def test_what_came_stays_as_it_came(pharmacy):
    pharmacy.says(asks(RENEWAL))

    for model, values in [
        (ReceivedMessage, {"content": b"x"}),
        (PharmacyRequest, {"wanted_quantity": "1"}),
    ]:
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(**values)


def test_if_the_event_cannot_be_written_it_may_come_again(pharmacy, settings):
    good = settings.AUDIT_KEYS
    content = message(
        asks(RENEWAL), about=pharmacy.about, sender=pharmacy.sender, message_id="m-1"
    )
    settings.AUDIT_KEYS = [("a2", "not bytes"), *good]
    with pytest.raises(TypeError):
        pharmacy.post(content)
    assert not ReceivedMessage.objects.exists()
    settings.AUDIT_KEYS = good

    assert outcome(pharmacy.post(content)) == OK


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_same_message_at_once_counts_once(pharmacy):
    content = message(
        asks(RENEWAL), about=pharmacy.about, sender=pharmacy.sender, message_id="m-1"
    )

    answers = at_once(lambda _: pharmacy.post(content).content, times=6)

    assert len(set(answers)) == 1
    assert PharmacyRequest.objects.count() == 1


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_workers_answer_a_request_once(alice, phone, asked):
    draft = pharmacy_requests.write(asked, by=alice)
    Prescription.objects.filter(pk=draft.pk).update(status="printed")

    results = at_once(lambda _: pharmacy_requests.close_finished(), times=6)

    assert sum(results) == 1
    assert Transmission.objects.filter(request=asked).count() == 1


@pytest.mark.cfr("1311.170(f)")
def test_there_is_one_way_out_and_it_is_no_fax(settings):
    """Walk all code of the portal: one module speaks to pharmacies, over HTTPS."""
    apps = ["epcs_portal", "audit", "mfa", "providers", "prescriptions"]
    sources = {
        path.relative_to(settings.BASE_DIR): path.read_text()
        for app in apps
        for path in (settings.BASE_DIR / app).rglob("*.py")
    }

    speaking = {str(path) for path, text in sources.items() if "NETWORK_URL" in text}
    posting = {str(path) for path, text in sources.items() if "requests.post(" in text}

    assert "prescriptions/delivery/network.py" in speaking & posting
    assert {path for path in posting if path.startswith("prescriptions/")} == {
        "prescriptions/delivery/network.py"
    }
    assert not [path for path, text in sources.items() if "fax" in text.lower()
                and not str(path).endswith("network.py")]  # fmt: skip


def test_the_root_of_an_answer_is_the_senders_version(pharmacy):
    content = message(
        "<Verify/>", about=pharmacy.about, sender=pharmacy.sender, version="2023011"
    )

    root = etree.fromstring(pharmacy.post(content).content)

    assert root.get("TransactionVersion") == "2023011"


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
