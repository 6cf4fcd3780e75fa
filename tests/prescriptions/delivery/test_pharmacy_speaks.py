"""The pharmacy stand-in and the portal, each speaking to the other over real HTTP."""

import re

import pytest
import requests

from audit.acts import Act
from audit.models import Event
from prescriptions.delivery import cancellation, outbox, pharmacy_requests
from prescriptions.models import PharmacyRequest, Status, Transmission
from tests import processes
from tests.prescriptions.factories import sign

pytestmark = [
    pytest.mark.slow,
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]


class Counter:
    """The page on which somebody at the pharmacy presses buttons."""

    def __init__(self, server):
        self.origin = server.origin
        self.web = requests.Session()

    def behave(self, mode):
        answer = requests.post(
            f"{self.origin}/mode.json",
            json={"mode": mode},
            headers={"Authorization": "Bearer network-token"},
            timeout=10,
        )
        assert answer.json() == {"mode": mode}

    def say(self, message, saying):
        url = f"{self.origin}/inbox/{message.message_id}/"
        page = self.web.get(url, timeout=10).text
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        said = self.web.post(
            f"{url}say",
            data={"saying": saying, "csrfmiddlewaretoken": token},
            timeout=30,
        ).text
        return re.search(r"The portal answered: ([^<]*)", said)[1].strip()

    def kinds(self):
        inbox = requests.get(f"{self.origin}/inbox.json", timeout=10).json()
        return [one["kind"] for one in inbox["messages"]]


@pytest.fixture
def counter(live_server, tmp_path, settings):
    settings.ALLOWED_HOSTS = ["*"]
    server = processes.start_pharmacy(tmp_path, portal=live_server.url)
    settings.SCRIPT_NETWORK_URL = f"{server.origin}/script"
    settings.SCRIPT_NETWORK_TIMEOUT = 10
    yield Counter(server)
    server.stop()


@pytest.fixture(params=["2017071", "2023011"])
def sent(request, counter, ready, phone, settings):
    """Passed on by the network, in each version; the pharmacy is silent."""
    settings.SCRIPT_VERSION = request.param
    counter.behave("pass-on")
    sign(ready, phone)
    outbox.attempt(ready.transmission.pk)
    ready.refresh_from_db()
    assert ready.status == Status.TRANSMITTED
    return ready


def send_everything():
    for pk in list(Transmission.objects.values_list("pk", flat=True)):
        outbox.attempt(pk)


def test_what_arrived_is_verified(counter, sent):
    assert counter.say(sent.transmission, "verify") == "Status 010"

    sent.refresh_from_db()
    assert sent.status == Status.DELIVERED


@pytest.mark.parametrize(("saying", "approved"), [("approve", True), ("deny", False)])
def test_a_cancellation_goes_there_and_back(counter, sent, alice, saying, approved):
    cancelled = cancellation.cancel(sent, by=alice, reason="Wrong patient")
    send_everything()

    assert counter.say(cancelled.message, saying) == "Status 010"

    cancelled.refresh_from_db()
    assert cancelled.is_approved is approved
    assert counter.kinds() == ["NewRx", "CancelRx"]


@pytest.mark.parametrize(
    ("saying", "answer"),
    [("renewal", "RxRenewalResponse"), ("change", "RxChangeResponse")],
)
def test_a_request_is_denied_there_and_back(counter, sent, alice, saying, answer):
    assert counter.say(sent.transmission, saying) == "Status 010"
    asked = PharmacyRequest.objects.get()
    assert asked.wanted_drug.startswith(sent.drug.name)
    assert not Event.objects.filter(act=Act.PRESCRIPTION_CHANGED_IN_TRANSIT).exists()

    pharmacy_requests.deny(asked, by=alice, reason="See the patient first")
    send_everything()

    assert counter.kinds() == ["NewRx", answer]


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize("saying", ["renewal", "change"])
def test_what_somebody_altered_on_the_way_is_noticed(counter, ready, phone, saying):
    counter.behave("alter")
    sign(ready, phone)
    outbox.attempt(ready.transmission.pk)
    ready.refresh_from_db()
    assert ready.status == Status.DELIVERED

    counter.say(ready.transmission, saying)

    ready.refresh_from_db()
    assert ready.status == Status.CANCELLED
    counter.behave("accept")
    send_everything()
    assert counter.kinds() == ["NewRx", "CancelRx"]
