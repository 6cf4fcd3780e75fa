"""What is taken from the network: once, with the token, and nothing else."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from lxml import etree

from audit.acts import Act
from audit.models import Event
from prescriptions.models import PharmacyRequest, Prescription, ReceivedMessage
from tests.prescriptions.delivery.inbound.pharmacy import (
    CHANGE,
    OK,
    RENEWAL,
    asks,
    message,
    outcome,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db


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
@pytest.mark.usefixtures("as_owner")
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


@pytest.mark.cfr("1311.170(f)")
def test_there_is_one_way_out_and_it_is_no_fax(settings):
    """Walk all code of the portal: one module speaks to pharmacies, over HTTPS."""
    apps = ["epcs_portal", "audit", "mfa", "providers", "prescriptions"]
    sources = {
        path.relative_to(settings.BASE_DIR): path.read_text()
        for app in apps
        for path in (settings.BASE_DIR / app).rglob("*.py")
    }

    speaking = {str(path) for path, text in sources.items() if ".network_url" in text}
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
