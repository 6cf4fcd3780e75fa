"""A user's own part of the record."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from audit import chain, reasons
from audit.acts import Act, Outcome
from audit.catalog import Area
from mfa import devices
from mfa.idme import link
from mfa.models import Device, Ending, Retirement
from mfa.oidc import errors
from providers.views import PAGE_SIZE
from tests.factories import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(client, alice):
    client.force_login(alice)

    def read(**query):
        response = client.get(reverse("activity-log"), query)
        return " ".join(strip_tags(response.content.decode()).split())

    return read


def test_it_shows_one_s_own_acts_and_nobody_else_s(log, alice, bob):
    chain.record(Act.DEVICE_RENAMED, by=alice)
    chain.record(Act.PRESCRIPTION_SIGNED, by=bob)

    text = log()

    assert "Device renamed" in text
    assert "Prescription signed" not in text


def test_a_refusal_is_told_in_words(log, alice):
    chain.record(
        Act.CHALLENGE_REFUSED, by=alice, outcome=Outcome.FAILURE, reason="other_device"
    )

    text = log()

    assert "Another device than the one chosen" in text
    assert "Failure" in text


REASONS = {
    *errors.REFUSALS,
    *link.REFUSALS,
    *Ending.values,
    *Retirement.values,
    *["unavailable", "needs_sign_in", "not_encrypted", "seed_of_another_device"],
    *["not_linked", "wrong_code", "too_many", "too_many_pushes", "wrong_number"],
    *["not_proven", "not_administrator", "self", "failures"],
}


def test_no_reason_is_left_as_the_program_calls_it(subtests):
    for reason in sorted(REASONS):
        with subtests.test(str(reason)):
            said = reasons.in_words(reason)

            assert said.lower() != reason
            assert "_" not in said


def test_what_is_wrong_with_a_list_of_devices_is_named(log, alice):
    chain.record(Act.FEED_FAILED, by=alice, outcome=Outcome.FAILURE, reason="digits")

    assert "ID.me's list was not in order (digits)" in log().replace("&#x27;", "'")


def test_what_somebody_typed_stays_as_it_is(log, alice):
    chain.record(Act.ACCESS_REVOKED, by=alice, reason="<i>Left the practice")

    assert "&lt;i&gt;Left the practice" in log()


@pytest.mark.parametrize(
    ("show", "found"),
    [("signing", "Prescription signed"), ("devices", "Device renamed")],
)
def test_it_is_filtered_by_kind(log, alice, show, found):
    acts = [Act.PRESCRIPTION_SIGNED, Act.DEVICE_RENAMED]
    for act in acts:
        chain.record(act, by=alice)

    text = log(show=show)

    assert [act.label for act in acts if act.label in text] == [found]


def test_every_act_is_of_exactly_one_kind(subtests):
    for act in Act:
        with subtests.test(act.value):
            noun = act.value.partition(".")[0]

            assert sum(noun in Act.nouns_of(area) for area in Area) == 1


def test_a_failed_sign_in_with_one_s_name_is_shown(client, log):
    Client().post(reverse("sign-in"), {"username": "alice", "password": "guess"})

    assert "Sign-in failed" in log(show="sign-ins")


def test_an_unknown_kind_or_page_shows_everything(log, alice):
    chain.record(Act.DEVICE_RENAMED, by=alice)

    assert "Device renamed" in log(show="'; drop", page="minus one")


def test_times_are_those_of_the_practice_with_utc_beside(client, alice, time_machine):
    client.force_login(alice)
    time_machine.move_to("2027-01-15T15:00:00Z", tick=False)
    chain.record(Act.DEVICE_RENAMED, by=alice)
    time_machine.move_to("2027-01-15T15:00:01Z", tick=False)

    client.force_login(alice)
    page = client.get(reverse("activity-log")).content.decode()

    assert "Jan 15, 2027 10:00:00 EST" in page
    assert 'title="Jan 15, 2027 15:00:00 UTC"' in page


def test_a_long_log_has_pages(log, alice):
    for _ in range(PAGE_SIZE):
        chain.record(Act.DEVICE_RENAMED, by=alice)

    assert "Page 1 of 2" in log()
    assert "Signed in" in log(page=2)


def test_a_device_is_called_by_its_nickname(log, alice, phone):
    device = make_device(alice, name="Old")
    chain.record(Act.DEVICE_ADDED, by=alice, of=device)
    devices.rename(device, by=alice, nickname="<b>OfficeiPad</b>")
    chain.record(Act.CHALLENGE_PASSED, by=alice, of=phone)

    text = log()

    assert text.count("Device “&lt;b&gt;OfficeiPad&lt;/b&gt;”") == 2
    assert "Device “MyiPhone”" in text
    assert str(device.public_id)[:8] not in text


def test_a_removed_device_keeps_its_nickname_here(log, alice):
    device = make_device(alice, name="OfficeiPad")
    chain.record(Act.DEVICE_ADDED, by=alice, of=device)
    Device.objects.filter(pk=device.pk).update(
        retired_at=timezone.now(), retired_because=Retirement.REMOVED
    )

    assert "Device “OfficeiPad”" in log()


def test_the_nickname_of_somebody_else_s_device_is_not_told(log, alice, bob):
    foreign = make_device(bob, name="BobsSecretPhone")
    chain.record(
        Act.CHALLENGE_REFUSED,
        by=alice,
        of=foreign,
        outcome=Outcome.FAILURE,
        reason="device_of_another_user",
    )

    text = log()

    assert "BobsSecretPhone" not in text
    assert f"Device {str(foreign.public_id)[:8]}" in text
