import re
import threading
import time

import pytest
import requests
from lxml import etree

from tests.processes import SLOW_SECONDS
from tests.sandbox.messages import make_new_rx

TOKEN = {"Authorization": "Bearer network-token"}
SCRIPT = {"s": "http://www.ncpdp.org/schema/SCRIPT"}


@pytest.fixture
def counter(pharmacy):
    """The pharmacy, in the mode it starts in, before and after."""
    counter = Counter(pharmacy.origin)
    counter.behave("accept")
    yield counter
    counter.behave("accept")


class Counter:
    def __init__(self, origin):
        self.origin = origin

    def send(self, content, headers=None, **kwargs):
        headers = {"Content-Type": "application/xml"} | TOKEN | (headers or {})
        return requests.post(
            f"{self.origin}/script",
            data=content,
            headers=headers,
            **({"timeout": 10} | kwargs),
        )

    def behave(self, mode):
        answer = requests.post(
            f"{self.origin}/mode.json", json={"mode": mode}, headers=TOKEN, timeout=10
        )
        assert answer.json() == {"mode": mode}

    def inbox(self):
        found = requests.get(f"{self.origin}/inbox.json", timeout=10).json()
        return {entry["message_id"]: entry for entry in found["messages"]}


def outcome(answer):
    """Return the kind of answer, its code and its description."""
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/xml")
    body = etree.fromstring(answer.content).find("s:Body", SCRIPT)
    found = body[0]
    return (
        etree.QName(found).localname,
        found.findtext("s:Code", namespaces=SCRIPT),
        found.findtext("s:Description", default="", namespaces=SCRIPT),
    )


def test_a_prescription_is_accepted_and_shown(counter):
    answer = counter.send(make_new_rx(message_id="shown-1"))

    assert outcome(answer) == ("Status", "010", "")
    entry = counter.inbox()["shown-1"]
    assert entry["accepted"] is True
    assert (entry["patient"], entry["prescriber"]) == ("Pat Doe", "Riley Ready")
    assert (entry["drug"], entry["quantity"]) == (
        "oxycodone hydrochloride 5 MG Oral Tablet",
        "30",
    )
    page = requests.get(f"{counter.origin}/", timeout=10).text
    assert "not a pharmacy" in page
    assert "shown-1" in page
    details = requests.get(f"{counter.origin}/inbox/shown-1/", timeout=10).text
    assert "&lt;DrugDescription&gt;oxycodone" in details


def test_the_answer_goes_back_to_the_sender(counter):
    header = etree.fromstring(
        counter.send(make_new_rx(message_id="back-1")).content
    ).find("s:Header", SCRIPT)

    assert header.find("s:To", SCRIPT).attrib == {"Qualifier": "D"}
    assert header.findtext("s:To", namespaces=SCRIPT) == "7654321000001"
    assert header.findtext("s:From", namespaces=SCRIPT) == "1234567"
    assert header.findtext("s:RelatesToMessageID", namespaces=SCRIPT) == "back-1"
    assert header.findtext("s:MessageID", namespaces=SCRIPT) not in ("", "back-1")
    assert header.findtext("s:SentTime", namespaces=SCRIPT).endswith("Z")


@pytest.mark.parametrize("shape", [{"namespace": ""}, {"written": "2026-11-22"}])
def test_other_spellings_are_understood(counter, shape):
    assert outcome(counter.send(make_new_rx(**shape)))[1] == "010"


def test_the_same_message_gets_the_same_answer_and_one_entry(counter):
    message = make_new_rx(message_id="twice-1")

    first, second = counter.send(message), counter.send(message)

    assert first.content == second.content
    assert counter.inbox()["twice-1"]["attempts"] == 2


def test_the_same_message_in_parallel_is_one_entry(counter):
    message = make_new_rx(message_id="parallel-1")
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(counter.send(message).content))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert counter.inbox()["parallel-1"]["attempts"] == 4


def test_other_bytes_under_a_used_message_id_are_rejected(counter):
    counter.send(make_new_rx(message_id="reused-1"))

    answer = counter.send(make_new_rx(message_id="reused-1", quantity="300"))

    assert outcome(answer)[:2] == ("Error", "900")
    assert counter.inbox()["reused-1"]["quantity"] == "30"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"dea_number": ""}, "DEANumber"),
        ({"city": ""}, "City"),
        ({"drug": ""}, "DrugDescription"),
        ({"schedule": ""}, "DEASchedule"),
        ({"schedule": "C99999"}, "DEASchedule"),
        ({"quantity": ""}, "Quantity"),
        ({"quantity": "a few"}, "Quantity"),
        ({"refills": ""}, "NumberOfRefills"),
        ({"refills": "1"}, "Schedule II cannot be refilled"),
        ({"written": ""}, "WrittenDate"),
        ({"sig": ""}, "SigText"),
        ({"indicator": "false"}, "DigitalSignatureIndicator"),
        ({"indicator": ""}, "DigitalSignatureIndicator"),
    ],
)
def test_an_incomplete_prescription_is_rejected_with_the_reason(counter, wrong, reason):
    kind, code, description = outcome(counter.send(make_new_rx(**wrong)))

    assert (kind, code) == ("Error", "900")
    assert reason in description
    assert len(description) <= 70


def test_schedule_four_may_be_refilled(counter):
    message = make_new_rx(schedule="C48677", refills="5")

    assert outcome(counter.send(message))[1] == "010"


@pytest.mark.parametrize("content", [b"", b"not xml", b"<Message>", b"\xff\xfe\x00"])
def test_what_is_not_xml_is_rejected(counter, content):
    assert outcome(counter.send(content))[:2] == ("Error", "900")


@pytest.mark.parametrize("message_id", ["", "x" * 36])
def test_a_message_id_has_1_to_35_characters(counter, message_id):
    _, code, description = outcome(counter.send(make_new_rx(message_id=message_id)))

    assert (code, "MessageID" in description) == ("900", True)


def test_an_external_entity_is_not_read(counter, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("do not leak")
    entity = f'<!DOCTYPE Message [<!ENTITY leak SYSTEM "file://{secret}">]>'
    message = make_new_rx(message_id="xxe-1", sig="&leak;").replace(
        b"?>", b"?>" + entity.encode(), 1
    )

    answer = counter.send(message)

    assert outcome(answer)[:2] == ("Error", "900")
    assert "do not leak" not in answer.text
    assert "xxe-1" not in counter.inbox()


def test_a_document_type_is_refused_and_not_fetched(counter):
    doctype = b'<!DOCTYPE Message SYSTEM "http://127.0.0.1:9/script.dtd">'
    message = make_new_rx(message_id="dtd-1").replace(b"?>", b"?>" + doctype, 1)

    _, code, description = outcome(counter.send(message))

    assert (code, description) == ("900", "Document types are not accepted")


def test_a_message_larger_than_any_prescription_is_refused(counter):
    assert counter.send(b"<a>" + b" " * 300_000 + b"</a>").status_code == 413


@pytest.mark.parametrize("header", ["", "Bearer guess", "Basic network-token"])
def test_a_wrong_token_gets_nothing(counter, header):
    message = make_new_rx(message_id="stranger-1")

    answer = counter.send(message, headers={"Authorization": header})

    assert answer.status_code == 401
    assert "stranger-1" not in counter.inbox()


def test_another_content_type_is_refused(counter):
    answer = counter.send(make_new_rx(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 415


def test_reject_is_final_for_that_message(counter):
    message = make_new_rx(message_id="reject-1")
    counter.behave("reject")
    assert outcome(counter.send(message))[:2] == ("Error", "900")

    counter.behave("accept")

    assert outcome(counter.send(message))[:2] == ("Error", "900")
    assert counter.inbox()["reject-1"]["accepted"] is False


def test_busy_asks_for_another_try_which_then_succeeds(counter):
    message = make_new_rx(message_id="busy-1")
    counter.behave("busy")
    assert outcome(counter.send(message))[:2] == ("Error", "602")
    assert "busy-1" not in counter.inbox()

    counter.behave("accept")

    assert outcome(counter.send(message))[1] == "010"


def test_http_500_keeps_nothing(counter):
    counter.behave("http-500")

    assert counter.send(make_new_rx(message_id="broken-1")).status_code == 500
    assert "broken-1" not in counter.inbox()


def test_slow_answers_after_a_while(counter):
    counter.behave("slow")
    began = time.monotonic()

    answer = counter.send(make_new_rx())

    assert outcome(answer)[1] == "010"
    assert time.monotonic() - began >= SLOW_SECONDS


def test_hang_up_gives_no_answer_and_keeps_nothing(counter):
    counter.behave("hang-up")

    with pytest.raises(requests.ConnectionError):
        counter.send(make_new_rx(message_id="cut-1"))
    assert "cut-1" not in counter.inbox()


def test_down_after_accept_keeps_the_message_and_answers_the_retry(counter):
    message = make_new_rx(message_id="dropped-1")
    counter.behave("down-after-accept")
    with pytest.raises(requests.ConnectionError):
        counter.send(message)
    assert counter.inbox()["dropped-1"]["accepted"] is True

    counter.behave("accept")

    assert outcome(counter.send(message))[1] == "010"
    assert counter.inbox()["dropped-1"]["attempts"] == 2


def test_the_mode_is_switched_on_the_page(counter):
    web = requests.Session()
    page = web.get(f"{counter.origin}/", timeout=10).text
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)[1]

    refused = requests.post(f"{counter.origin}/mode", data={"mode": "busy"}, timeout=10)
    switched = web.post(
        f"{counter.origin}/mode",
        data={"mode": "busy", "csrfmiddlewaretoken": token},
        timeout=10,
    )

    assert refused.status_code == 403
    assert "From now on: Busy (602)." in switched.text
    assert outcome(counter.send(make_new_rx()))[1] == "602"


def test_an_unknown_mode_is_refused(counter):
    answer = requests.post(
        f"{counter.origin}/mode.json",
        json={"mode": "asleep"},
        headers=TOKEN,
        timeout=10,
    )

    assert answer.status_code == 400
    assert "down-after-accept" in answer.json()["known"]


def test_a_silent_pharmacy_only_passes_it_on(counter):
    counter.behave("pass-on")

    assert outcome(counter.send(make_new_rx())) == ("Status", "000", "")


def test_a_message_can_be_altered_on_its_way(counter):
    counter.behave("alter")

    assert outcome(counter.send(make_new_rx(message_id="altered-1")))[1] == "010"

    assert counter.inbox()["altered-1"]["quantity"] == "300"
    assert outcome(counter.send(make_new_rx(message_id="altered-1")))[1] == "010"


def test_the_drug_of_the_newer_version_stands_in_a_product(counter):
    message = make_new_rx(message_id="newer-1").replace(b"20170715", b"2023011")
    message = message.replace(b"<DrugDescription>", b"<Product><DrugDescription>")
    message = message.replace(b"</DrugCoded>", b"</DrugCoded></Product>")

    assert outcome(counter.send(message))[1] == "010"

    assert counter.inbox()["newer-1"]["drug"].startswith("oxycodone")


def test_a_cancellation_is_taken_in_beside_what_it_cancels(counter):
    message = make_new_rx(message_id="cancel-1").replace(b"NewRx>", b"CancelRx>")
    message = message.replace(
        b"<SentTime>", b"<RelatesToMessageID>first-1</RelatesToMessageID><SentTime>"
    )

    assert outcome(counter.send(message))[1] == "010"

    entry = counter.inbox()["cancel-1"]
    assert (entry["kind"], entry["relates_to"]) == ("CancelRx", "first-1")
    page = requests.get(f"{counter.origin}/inbox/cancel-1/", timeout=10).text
    assert "Dispensed already" in page


def test_what_it_does_not_know_is_rejected(counter):
    message = make_new_rx().replace(b"NewRx>", b"RxFill>")

    assert outcome(counter.send(message))[:2] == ("Error", "900")


def test_a_pharmacy_without_a_portal_says_so(counter):
    counter.send(make_new_rx(message_id="alone-1"))
    url = f"{counter.origin}/inbox/alone-1/"
    web = requests.Session()
    page = web.get(url, timeout=10).text
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)[1]

    known = web.post(
        f"{url}say",
        data={"saying": "verify", "csrfmiddlewaretoken": token},
        timeout=10,
    )
    unknown = web.post(
        f"{url}say",
        data={"saying": "shout", "csrfmiddlewaretoken": token},
        timeout=10,
    )

    assert "no address is configured" in known.text
    assert "Choose one of the listed messages" in unknown.text
