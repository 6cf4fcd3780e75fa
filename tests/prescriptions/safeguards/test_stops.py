"""Anyone responsible stops signing at once; two people let it go on."""

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa import challenges, refusals
from mfa.models import Purpose
from prescriptions.models import SignedRecord, SigningStop, Status
from prescriptions.safeguards import releases, stops
from prescriptions.signing import ceremony, gate
from providers.models import Designee
from tests.factories import (
    PASSWORD,
    code_of,
    intent_of,
    make_provider,
    make_ready_provider,
    make_user,
)
from tests.prescriptions.factories import SESSION, make_draft, prove

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(practice):
    """A designee who is a DEA registrant, with a device."""
    user = make_ready_provider("dana", practice=practice)
    designate(user, practice)
    return user


@pytest.fixture
def pete(practice):
    """A provider there who sets no access."""
    return make_provider("pete", practice=practice).user


@pytest.fixture
def steve(db):
    """An administrator."""
    return make_user("steve", is_staff=True)


def designate(user, practice):
    Designee.objects.get_or_create(user=user, practice=practice, until=None)


def proof(stop, user, **overrides):
    device = user.mfa_devices.get(is_primary=True)
    facts = {
        "device": device,
        "purpose": Purpose.RESTORE_SIGNING,
        "payload_digest": stops.restoration_digest(stop),
        "password": PASSWORD,
        "code": code_of(device),
        "session_key": SESSION,
    } | overrides
    return challenges.prove(intent_of(facts, user=user), **facts)


def restore(stop, user, **overrides):
    return stops.restore(
        stop, by=user, challenge=proof(stop, user, **overrides), session_key=SESSION
    )


@pytest.mark.cfr("1311.102(g)")
@pytest.mark.cfr("1311.102(f)")
def test_an_administrator_stops_all_signing_alone_and_at_once(
    steve, alice, phone, ready, bob
):
    challenge = prove([ready], phone)
    other = make_draft(alice.provider)

    stop = stops.stop(by=steve, practice=None, reason="The audit failed it.")

    [problem] = gate.problems(by=alice)
    assert "every practice" in problem
    assert "steve" in problem
    assert "The audit failed it." in problem
    assert gate.problems(by=bob) == [problem]
    with pytest.raises(ceremony.NotSignable, match="The audit failed it"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)
    with pytest.raises(ceremony.NotSignable, match="The audit failed it"):
        ceremony.mark_ready(other, by=alice)
    ready.refresh_from_db()
    assert ready.status == Status.READY
    assert not SignedRecord.objects.exists()
    event = Event.objects.get(act=Act.SIGNING_STOPPED)
    assert event.actor == "steve"
    assert event.detail["reason"] == "The audit failed it."
    assert str(stop.public_id) in event.subject


@pytest.mark.cfr("1311.102(h)")
def test_a_designee_stops_their_own_practice_and_no_other(dana, alice, bob, practice):
    stops.stop(by=dana, practice=practice, reason="Strange prescriptions.")

    assert gate.problems(by=bob) == []
    [problem] = gate.problems(by=alice)
    assert practice.name in problem
    elsewhere = bob.memberships.get().practice
    with pytest.raises(stops.StopRefused):
        stops.stop(by=dana, practice=elsewhere, reason="Out of spite.")
    assert Event.objects.filter(act=Act.PERMISSION_DENIED, actor="dana").count() == 1


def test_a_designee_may_stop_everything(dana, bob):
    stops.stop(by=dana, practice=None, reason="The screen shows another drug.")

    assert len(gate.problems(by=bob)) == 1


@pytest.mark.parametrize("who", ["pete", "sam", "mallory"])
def test_nobody_else_stops_signing(request, practice, who):
    user = request.getfixturevalue(who)

    for where in [None, practice]:
        with pytest.raises(
            stops.StopRefused, match="Only administrators and designees"
        ):
            stops.stop(by=user, practice=where, reason="I want to.")

    assert not SigningStop.objects.exists()


def test_who_left_the_practice_stops_and_restores_nothing(dana, practice):
    dana.memberships.update(left_on=practice.today())

    with pytest.raises(stops.StopRefused):
        stops.stop(by=dana, practice=practice, reason="Still here?")


def test_who_sets_access_and_administrators_are_told_by_mail(
    steve, dana, bob, practice, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        stop = stops.stop(by=dana, practice=practice, reason="Odd signatures")
        stops.request_restoration(stop, by=steve, remedy="A new key")

    administrators = get_user_model().objects.filter(is_staff=True)
    told = {person.email for person in (dana, steve, *administrators)}
    assert bob.email not in told
    stopped = [one for one in mailoutbox if one.subject == "Signing was stopped"]
    entered = [one for one in mailoutbox if "second person" in one.subject]
    assert {one.to[0] for one in stopped} == {one.to[0] for one in entered} == told
    assert all(stop.get_absolute_url() in one.body for one in mailoutbox)
    assert "Odd signatures" in stopped[0].body
    assert "A new key" in entered[0].body


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_stop_says_why(steve, reason):
    with pytest.raises(stops.StopRefused, match="Say why"):
        stops.stop(by=steve, practice=None, reason=reason)


@pytest.mark.cfr("1311.102(i)")
@pytest.mark.cfr("1311.102(g)")
def test_two_people_restore_the_second_a_registrant_with_both_factors(
    steve, dana, alice, draft
):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Version 2 is installed.")
    assert gate.problems(by=alice) != []

    restore(stop, dana)

    assert gate.problems(by=alice) == []
    ceremony.mark_ready(draft, by=alice)
    acts = Event.objects.filter(subject=f"prescriptions.signingstop:{stop.public_id}")
    assert set(acts.values_list("act", "actor")) == {
        (Act.SIGNING_STOPPED, "steve"),
        (Act.SIGNING_RESTORE_ENTERED, "steve"),
        (Act.SIGNING_RESTORED, "dana"),
    }


@pytest.mark.cfr("1311.102(i)")
def test_who_entered_it_does_not_execute_it(dana):
    stop = stops.stop(by=dana, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=dana, remedy="Mended.")

    with pytest.raises(stops.StopRefused, match="second person"):
        restore(stop, dana)

    assert SigningStop.objects.get().restored_at is None


@pytest.mark.cfr("1311.102(i)")
def test_an_administrator_does_not_execute_it(steve, dana, alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    Designee.objects.filter(user=alice).update(until=timezone.now())
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")

    with pytest.raises(stops.StopRefused, match="designee who is a DEA registrant"):
        restore(stop, alice)


def test_a_designee_without_a_registration_does_not_execute_it(steve, dana):
    dana.provider.dea_registrations.update(expires_on="2020-01-01")
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")

    with pytest.raises(stops.StopRefused, match="DEA registrant"):
        restore(stop, dana)


def test_a_designee_of_another_practice_does_not_restore_this_one(steve, bob, practice):
    designate(bob, bob.memberships.get().practice)
    stop = stops.stop(by=steve, practice=practice, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")

    with pytest.raises(stops.StopRefused, match=practice.name.split(" (")[0]):
        restore(stop, bob)


def test_nothing_is_executed_that_nobody_entered(steve, dana):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")

    with pytest.raises(stops.StopRefused, match="First somebody enters"):
        restore(stop, dana)


def test_a_challenge_for_something_else_restores_nothing(steve, dana):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")

    with pytest.raises(refusals.NotProven):
        restore(stop, dana, purpose=Purpose.APPROVE_ACCESS)

    assert SigningStop.objects.get().restored_at is None


def test_what_was_entered_anew_after_the_proof_restores_nothing(steve, dana):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")
    challenge = proof(stop, dana)
    stops.request_restoration(stop, by=steve, remedy="Not quite mended.")

    with pytest.raises(refusals.NotProven):
        stops.restore(stop, by=dana, challenge=challenge, session_key=SESSION)


@pytest.mark.both_databases
def test_a_second_person_does_not_write_over_what_the_first_entered(steve, dana):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stops.request_restoration(stop, by=steve, remedy="Mended.")

    with pytest.raises(stops.StopRefused, match="steve has entered it already"):
        stops.request_restoration(stop, by=dana, remedy="I say so too.")


@pytest.mark.both_databases
def test_a_stop_is_restored_once(steve, dana):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")
    challenge = proof(stop, dana)
    stops.restore(stop, by=dana, challenge=challenge, session_key=SESSION)

    with pytest.raises(stops.StopRefused, match="goes on already"):
        stops.restore(stop, by=dana, challenge=challenge, session_key=SESSION)


def test_two_stops_are_restored_one_by_one(steve, dana, alice, practice):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stops.stop(by=dana, practice=practice, reason="Also broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")
    restore(stop, dana)

    [problem] = gate.problems(by=alice)
    assert "Also broken." in problem


@pytest.mark.cfr("1311.302(b)")
@pytest.mark.cfr("1311.102(i)")
def test_signing_goes_on_only_with_the_version_that_is_required(
    steve, dana, monkeypatch
):
    stop = stops.stop(by=steve, practice=None, reason="A defect.", fixed_in="7.1")
    stop = stops.request_restoration(stop, by=steve, remedy="7.1 is installed.")

    with pytest.raises(stops.StopRefused, match="Version 7.1 is required before use"):
        restore(stop, dana)

    monkeypatch.setattr(releases, "software_version", lambda: "7.1.0")
    assert stops.restoration_blocker(SigningStop.objects.get(), by=dana) == ""


@pytest.mark.parametrize(
    ("here", "wanted", "is_enough"),
    [
        ("0.1.0", "0.1", True),
        ("0.1.0", "0.1.1", False),
        ("0.10.0", "0.9", True),
        ("1.0", "1", True),
        ("2", "1.9.9", True),
        ("0.9", "1", False),
    ],
)
def test_versions_are_compared_number_by_number(monkeypatch, here, wanted, is_enough):
    monkeypatch.setattr(releases, "software_version", lambda: here)

    assert releases.is_at_least(wanted) is is_enough


@pytest.mark.parametrize("version", ["next", "1..2", "1.2b", "9" * 50, "١.٢"])
def test_a_version_that_is_none_is_refused(steve, version):
    with pytest.raises(stops.StopRefused, match="numbers"):
        stops.stop(by=steve, practice=None, reason="Broken.", fixed_in=version)


def test_a_stranger_learns_that_it_stopped_and_nothing_more(client, steve, practice):
    stops.stop(by=steve, practice=practice, reason="Dr. Who stole pads.")
    assert client.get("/health/ready").status_code == 200
    stops.stop(by=steve, practice=None, reason="Dr. Who stole pads.")

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["problems"] == ["Signing was stopped."]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "change",
    [
        {"reason": "Another."},
        {"stopped_at": timezone.now()},
        {"practice": None},
        {"restored_at": timezone.now()},
        {"fixed_in": "0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_database_keeps_a_stop_as_it_was(dana, practice, change):
    stops.stop(by=dana, practice=practice, reason="Broken.")

    with pytest.raises(IntegrityError), transaction.atomic():
        SigningStop.objects.update(**change)


@pytest.mark.both_databases
def test_the_database_wants_a_second_person_too(dana):
    stop = stops.stop(by=dana, practice=None, reason="Broken.")
    stops.request_restoration(stop, by=dana, remedy="Mended.")

    with pytest.raises(IntegrityError, match="second_person"), transaction.atomic():
        SigningStop.objects.update(restored_by=dana, restored_at=timezone.now())


@pytest.mark.both_databases
@pytest.mark.usefixtures("as_owner")
def test_a_stop_is_never_removed(dana):
    stops.stop(by=dana, practice=None, reason="Broken.")

    with pytest.raises(IntegrityError, match="is kept"), transaction.atomic():
        SigningStop.objects.all()._raw_delete("default")
