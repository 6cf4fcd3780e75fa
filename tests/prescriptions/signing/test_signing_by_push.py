"""The signing page waits for a phone: what was on the screen is what is signed."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from mfa.models import Challenge, ChallengeState, Device, Ending, Push
from mfa.push import answers, pushes
from prescriptions.models import SignedRecord, Status
from prescriptions.writing import drafts
from tests.factories import PASSWORD, code_of, make_paired_phone
from tests.prescriptions.factories import make_draft, make_ready
from tests.prescriptions.signing.test_signing_page import STATEMENT

pytestmark = pytest.mark.django_db


@pytest.fixture
def handset(alice, phone):
    Device.objects.filter(pk=phone.pk).update(is_primary=False)
    return make_paired_phone(alice, is_primary=True, name="Handset")


@pytest.fixture
def ready(alice, handset):
    return make_ready(alice.provider)


@pytest.fixture
def desk(client, alice, ready):
    client.force_login(alice)
    return Desk(client, ready)


class Desk:
    """The browser in which a prescription is signed."""

    def __init__(self, client, prescription):
        self.client, self.prescription = client, prescription
        self.url = reverse("prescription-sign", args=[prescription.public_id])

    def page(self):
        return self.client.get(self.url).content.decode()

    def post(self, **data):
        shown = re.search(r'name="shown_digest" value="([0-9a-f]{64})"', self.page())
        facts = {"shown_digest": shown.group(1) if shown else ""}
        return self.client.post(self.url, facts | data)

    def ask(self, device, **data):
        facts = {"password": PASSWORD, "device": str(device.public_id)}
        return self.post(**facts | data)

    def go_on(self):
        return self.post(waiting=str(push().challenge.public_id))

    def state(self):
        url = reverse("push-state", args=[push().challenge.public_id])
        return self.client.post(url, headers={"HX-Request": "true"}).json()["state"]


def push():
    return Push.objects.select_related("challenge").latest("challenge__started_at")


def approve():
    answers.approve(push(), number=push().number)


def status_of(prescription):
    prescription.refresh_from_db()
    return prescription.status


@pytest.mark.cfr("1311.140(a)(4)")
@pytest.mark.cfr("1311.120(b)(11)")
def test_data_statement_and_number_stand_on_one_page_while_it_waits(desk, handset):
    response = desk.ask(handset)

    assert response.url == desk.url
    page = desk.page()
    at = [
        page.index("Oxycodone hydrochloride 5 mg tablet"),
        page.index(STATEMENT),
        page.index(f">{push().number}</output>"),
        page.index("Sign &amp; Send Prescription"),
    ]
    assert at == sorted(at)
    assert push().message == "P.P. Oxycodone hydrochloride 5 mg tablet, 30 tablets"


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.140(a)(5)")
@pytest.mark.cfr("1311.140(a)(6)")
def test_an_approval_signs_and_sends(desk, ready, handset):
    desk.ask(handset)
    assert desk.state() == "open"
    approve()
    assert desk.state() == "passed"

    response = desk.go_on()

    assert response.url == ready.get_absolute_url()
    assert status_of(ready) == Status.QUEUED
    record = SignedRecord.objects.get()
    assert (record.device, record.device_nickname) == (handset, "Handset")
    assert record.challenge.state == ChallengeState.CONSUMED


@pytest.mark.cfr("1311.140(c)")
def test_going_on_before_the_answer_signs_nothing(desk, ready, handset):
    desk.ask(handset)

    response = desk.go_on()

    assert response.status_code == 422
    assert "has not answered yet" in response.content.decode()
    assert status_of(ready) == Status.READY


@pytest.mark.cfr("1311.140(c)")
@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (Ending.DENIED, "declined on “Handset”"),
        (Ending.WRONG_NUMBER, "wrong number was entered"),
        (Ending.EXPIRED, "did not answer in time"),
        (Ending.UNAVAILABLE, "could not be asked"),
        (Ending.OTHER_DEVICE, "did not say that “Handset” confirmed it"),
        (Ending.NOT_FRESH, "did not say when you confirmed"),
    ],
)
def test_a_no_signs_nothing_and_says_why(desk, ready, handset, ending, said):
    desk.ask(handset)
    answers.end_if_open(push(), because=ending)

    assert desk.state() == "ended"
    page = desk.page()

    assert said in page
    assert "Your portal password" in page
    assert desk.go_on().status_code == 422
    assert status_of(ready) == Status.READY


def test_it_was_not_me_signs_out(desk, ready, handset):
    desk.ask(handset)
    answers.deny(push(), because=Ending.NOT_ME)

    url = reverse("push-state", args=[push().challenge.public_id])
    response = desk.client.post(url, headers={"HX-Request": "true"})

    assert response.headers["HX-Refresh"] == "true"
    assert desk.client.get(desk.url).status_code == 302
    assert status_of(ready) == Status.READY


def test_an_unanswered_push_ends(desk, ready, handset):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        desk.ask(handset)
        clock.shift(Challenge.ANSWER_WITHIN)
        assert desk.state() == "ended"
        assert "did not answer in time" in desk.page()
    assert status_of(ready) == Status.READY


def test_an_approval_waits_no_longer_than_two_minutes(desk, ready, handset):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        desk.ask(handset)
        approve()
        clock.shift(Challenge.CONSUME_WITHIN + timedelta(seconds=1))
        assert "is too old" in desk.page()
        assert desk.go_on().status_code == 422
    assert status_of(ready) == Status.READY


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(11)")
def test_an_edit_between_push_and_approval_voids_the_approval(desk, ready, handset):
    desk.ask(handset)
    waiting = str(push().challenge.public_id)
    ready.quantity = 31
    drafts.alter(ready, by=ready.prescriber.user)
    approve()

    desk.post(waiting=waiting)
    assert status_of(ready) == Status.DRAFT
    ready_url = reverse("prescription-ready", args=[ready.public_id])
    shown = re.search(r'name="shown_digest" value="([0-9a-f]{64})"', desk.page())
    desk.client.post(ready_url, {"shown_digest": shown.group(1)})
    desk.post(waiting=waiting)

    assert status_of(ready) == Status.READY
    assert not SignedRecord.objects.exists()


@pytest.mark.cfr("1311.120(b)(11)")
def test_one_approval_does_not_sign_another_prescription(desk, alice, ready, handset):
    desk.ask(handset)
    waiting = str(push().challenge.public_id)
    approve()
    other = Desk(desk.client, make_ready(alice.provider, quantity=10))

    other.post(waiting=waiting)

    assert status_of(other.prescription) == Status.READY


def test_a_code_can_be_used_instead_without_the_password(desk, ready, phone, handset):
    desk.ask(handset)

    response = desk.post(waiting=str(push().challenge.public_id), code=code_of(phone))

    assert response.url == ready.get_absolute_url()
    assert SignedRecord.objects.get().device == phone


def test_a_code_without_the_password_needs_the_open_push(desk, ready, phone, handset):
    desk.ask(handset)
    answers.deny(push(), because=Ending.DENIED)

    response = desk.post(code=code_of(phone), device=str(phone.public_id))

    assert response.status_code == 422
    assert status_of(ready) == Status.READY


def test_a_wrong_code_leaves_the_push_waiting(desk, ready, phone, handset):
    desk.ask(handset)

    response = desk.post(waiting=str(push().challenge.public_id), code="000000")

    assert response.status_code == 422
    assert desk.state() == "open"
    approve()
    assert desk.go_on().url == ready.get_absolute_url()


def test_a_code_typed_for_a_push_is_explained(desk, handset, phone):
    response = desk.ask(handset, code=code_of(phone))

    assert response.status_code == 422
    assert "is asked by push and has no codes" in response.content.decode()
    assert not Push.objects.exists()


def test_it_is_sent_again_and_cancelled_from_the_page(desk, handset):
    desk.ask(handset)
    first = push()

    url = reverse("push-again", args=[first.challenge.public_id])
    response = desk.client.post(url, {"next": desk.url})
    assert response.url == desk.url
    assert push() != first
    assert f">{push().number}</output>" in desk.page()

    url = reverse("push-cancel", args=[push().challenge.public_id])
    desk.client.post(url, {"next": desk.url})
    assert "You cancelled the push" in desk.page()


def test_the_fourth_push_is_refused_with_another_way(desk, handset):
    for _ in range(pushes.MAX_PUSHES):
        desk.ask(handset)
        pushes.cancel(push().challenge)

    response = desk.ask(handset)

    assert response.status_code == 422
    assert "Use a code generator, or wait" in response.content.decode()


@pytest.mark.parametrize("name", ["push-state", "push-again", "push-cancel"])
def test_another_session_neither_sees_nor_changes_a_push(desk, alice, handset, name):
    desk.ask(handset)
    url = reverse(name, args=[push().challenge.public_id])
    desk.client.logout()
    desk.client.force_login(alice)

    assert desk.client.post(url, {"next": "/"}).status_code == 404
    assert push().challenge.state == ChallengeState.OPEN


@pytest.mark.parametrize("wanted", ["//evil.test", "https://evil.test/", "", "x"])
def test_the_way_back_stays_here(desk, handset, wanted):
    desk.ask(handset)
    url = reverse("push-cancel", args=[push().challenge.public_id])

    assert desk.client.post(url, {"next": wanted}).url == "/"


def test_a_locked_user_is_not_pushed_to(desk, ready, handset, phone):
    for _ in range(3):
        desk.ask(handset, password="guess")

    desk.ask(handset)

    assert not Push.objects.exists()


@pytest.mark.cfr("1311.120(b)(12)")
def test_staff_who_are_not_the_prescriber_push_to_nobody(client, sam, ready, handset):
    client.force_login(sam)
    url = reverse("prescription-sign", args=[ready.public_id])

    response = client.post(url, {"password": PASSWORD, "device": handset.public_id})

    assert response.status_code == 403
    assert not Push.objects.exists()


def test_a_draft_pushes_to_nobody(client, alice, handset):
    client.force_login(alice)
    desk = Desk(client, make_draft(alice.provider))

    desk.ask(handset)

    assert not Push.objects.exists()
