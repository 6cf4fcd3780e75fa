"""Two factors, one content, one session, once: DESIGN's heart, over its two functions."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import verify_password
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import Event
from mfa import challenges, refusals
from mfa.models import Challenge, ChallengeState, Device, Purpose, UserThrottle
from mfa.refusals import CodeRefused
from tests.factories import PASSWORD, code_of, intent_of, make_device
from tests.mfa.conftest import DIGEST, SESSION

# The middle of a 30-second step, so that no test straddles two.
NOON = "2026-11-23T12:00:15Z"
RETIRED = {
    "retired_at": "2026-11-23T11:00:00Z",
    "retired_because": "removed",
    "is_primary": False,
}
CONTROL = re.compile("BEGIN|COMMIT|SAVEPOINT|RELEASE")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def redeem(challenge, user, **overrides):
    facts = {
        "purpose": Purpose.SIGN,
        "payload_digest": DIGEST,
        "session_key": SESSION,
    } | overrides
    with transaction.atomic():
        challenges.consume(challenge, intent_of(facts, user=user))


@pytest.mark.both_databases
@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.120(b)(5)")
def test_password_and_code_pass_and_are_redeemed_once(prove, alice):
    challenge = prove()

    redeem(challenge, alice)

    challenge.refresh_from_db()
    assert challenge.state == ChallengeState.CONSUMED
    with pytest.raises(refusals.NotRedeemable):
        redeem(challenge, alice)


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.115(a)(1)")
@pytest.mark.cfr("1311.115(a)(3)")
@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"password": "guess"}, refusals.PasswordRefused),
        ({"password": ""}, refusals.PasswordRefused),
        ({"code": "000000"}, CodeRefused),
        ({"code": ""}, CodeRefused),
        ({"code": PASSWORD}, CodeRefused),
        ({"code": None}, CodeRefused),
    ],
)
def test_one_factor_is_never_enough(prove, alice, wrong, refusal):
    with pytest.raises(refusal):
        prove(**wrong)

    assert not Challenge.objects.filter(state=ChallengeState.PASSED).exists()
    assert UserThrottle.objects.get(user=alice).throttling_failure_count == 1
    event = Event.objects.filter(act=Act.CHALLENGE_REFUSED).get()
    assert event.outcome == Outcome.FAILURE


def test_a_wrong_password_leaves_the_code_usable(prove, phone):
    code = code_of(phone)
    with pytest.raises(refusals.PasswordRefused):
        prove(password="guess", code=code)

    assert prove(code=code).state == ChallengeState.PASSED


@pytest.mark.both_databases
def test_a_code_works_once(prove, phone):
    code = code_of(phone)
    prove(code=code)

    with pytest.raises(CodeRefused, match="used already"):
        prove(code=code)


def test_a_used_code_stays_used_in_the_next_step(prove, phone, clock):
    code = code_of(phone)
    prove(code=code)
    clock.shift(timedelta(seconds=30))

    with pytest.raises(CodeRefused, match="used already"):
        prove(code=code)


def test_going_back_to_an_older_code_is_refused(prove, phone):
    older, newer = code_of(phone, steps=-1), code_of(phone)

    prove(code=older)
    prove(code=newer)

    for code in [older, newer]:
        with pytest.raises(CodeRefused, match="used already"):
            prove(code=code)


@pytest.mark.parametrize("steps", [-1, 0, 1])
@pytest.mark.parametrize("second", [0, 14.5, 29.999])
def test_one_step_early_or_late_is_accepted(prove, phone, clock, steps, second):
    clock.move_to(f"2026-11-23T12:01:{second:06.3f}Z")

    assert prove(code=code_of(phone, steps=steps)).state == ChallengeState.PASSED


@pytest.mark.parametrize("second", [0, 14.5, 29.999])
@pytest.mark.parametrize(
    ("steps", "words"),
    [(-2, "60 seconds slow"), (2, "60 seconds fast"), (10, "300 seconds fast")],
)
def test_two_steps_off_is_refused_and_told_apart(
    prove, phone, clock, steps, words, second
):
    clock.move_to(f"2026-11-23T12:01:{second:06.3f}Z")

    with pytest.raises(CodeRefused, match=words):
        prove(code=code_of(phone, steps=steps))


def test_a_code_from_the_future_is_burned_by_trying_it(prove, phone, clock):
    code = code_of(phone, steps=5)
    with pytest.raises(CodeRefused):
        prove(code=code)
    clock.shift(timedelta(seconds=150))

    with pytest.raises(CodeRefused, match="used already"):
        prove(code=code)


def test_a_drifting_phone_is_followed_to_the_clamp_and_no_further(prove, phone, clock):
    accepted = []
    for ahead in range(1, 6):
        clock.shift(timedelta(hours=25))
        try:
            prove(code=code_of(phone, steps=ahead))
        except CodeRefused:
            break
        accepted.append(ahead)
        phone.refresh_from_db()
        assert -2 <= phone.clock_offset <= 2

    assert accepted == [1, 2]


def test_a_phone_set_right_again_is_accepted_at_once(prove, phone, clock):
    for ahead in [1, 2]:
        prove(code=code_of(phone, steps=ahead))
        clock.shift(timedelta(minutes=5))

    assert prove(code=code_of(phone)).state == ChallengeState.PASSED


def test_the_code_of_another_device_is_named_and_burned(prove, alice, phone):
    tablet = make_device(alice, name="OfficeiPad")
    code = code_of(tablet)

    with pytest.raises(CodeRefused, match="OfficeiPad.*MyiPhone"):
        prove(code=code)

    with pytest.raises(CodeRefused, match="used already"):
        prove(device=tablet, code=code)


def test_more_devices_do_not_mean_more_guesses(prove, alice, phone):
    tablet = make_device(alice, name="OfficeiPad")
    for device in [phone, tablet, phone]:
        with pytest.raises(CodeRefused):
            prove(device=device, code="000000")

    with pytest.raises(refusals.Locked):
        prove(device=tablet)


def test_a_right_code_is_refused_while_locked_and_nothing_is_told(prove, phone, clock):
    for _ in range(3):
        with pytest.raises(CodeRefused):
            prove(code="000000")
    before = Device.objects.values(
        "throttling_failure_count", "locked_until", "last_step"
    ).get(pk=phone.pk)

    with pytest.raises(refusals.Locked, match="12:00:45 UTC"):
        prove()

    after = Device.objects.values(
        "throttling_failure_count", "locked_until", "last_step"
    ).get(pk=phone.pk)
    assert before == after
    clock.shift(timedelta(seconds=31))
    assert prove().state == ChallengeState.PASSED


def test_wrong_passwords_lock_as_well(prove):
    for _ in range(3):
        with pytest.raises(refusals.PasswordRefused):
            prove(password="guess")

    with pytest.raises(refusals.Locked):
        prove()


def test_a_hundred_failures_in_a_row_disable_the_device(prove, alice, phone, clock):
    Device.objects.filter(pk=phone.pk).update(failures_since_success=99)

    with pytest.raises(CodeRefused):
        prove(code="000000")

    phone.refresh_from_db()
    assert phone.disabled_at
    assert phone.lost_primary_at
    assert not phone.is_primary
    clock.shift(timedelta(hours=25))
    with pytest.raises(refusals.DeviceNotUsable):
        prove()


@pytest.mark.both_databases
def test_the_engine_refuses_to_run_where_a_rollback_could_undo_it(prove):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        prove()


@pytest.mark.cfr("1311.115(a)(3)")
@pytest.mark.parametrize(
    "change",
    [
        {"confirmed": False, "is_primary": False},
        RETIRED,
        {"disabled_at": "2026-11-23T11:00:00Z", "is_primary": False},
    ],
)
def test_a_device_out_of_use_proves_nothing_and_counts_nothing(
    prove, alice, phone, change
):
    Device.objects.filter(pk=phone.pk).update(**change)

    with pytest.raises(refusals.DeviceNotUsable):
        prove()

    assert UserThrottle.objects.get(user=alice).failures_since_success == 0


def test_an_inactive_user_proves_nothing(prove, alice):
    alice.is_active = False
    alice.save()

    with pytest.raises(refusals.DeviceNotUsable):
        prove()


@pytest.mark.cfr("1311.115(a)(3)")
def test_another_users_device_is_refused_and_stays_untouched(prove, bob):
    device_of_bob = bob.mfa_devices.get()

    with pytest.raises(refusals.DeviceNotUsable):
        prove(device=device_of_bob)

    device_of_bob.refresh_from_db()
    assert device_of_bob.last_step == -1
    event = Event.objects.filter(act=Act.CHALLENGE_REFUSED).get()
    assert event.detail["reason"] == "device_of_another_user"


@pytest.mark.cfr("1311.120(b)(11)")
@pytest.mark.parametrize(
    "other",
    [
        {"purpose": Purpose.RETIRE_DEVICE},
        {"payload_digest": "e" * 64},
        {"session_key": "another-session"},
    ],
)
def test_a_challenge_is_worth_nothing_for_anything_else(prove, alice, other):
    challenge = prove()

    with pytest.raises(refusals.NotRedeemable):
        redeem(challenge, alice, **other)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(12)")
def test_a_challenge_of_somebody_else_is_refused(prove, bob):
    with pytest.raises(refusals.NotRedeemable):
        redeem(prove(), bob)


def test_a_challenge_lives_two_minutes(prove, alice, clock):
    challenge = prove()
    clock.shift(timedelta(minutes=2, seconds=1))

    with pytest.raises(refusals.NotRedeemable):
        redeem(challenge, alice)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.115(a)(3)")
@pytest.mark.parametrize(
    "change",
    [
        {"is_primary": False},
        RETIRED,
        {"disabled_at": "2026-11-23T11:00:00Z", "is_primary": False},
        {"locked_until": "2026-11-23T13:00:00Z"},
    ],
)
def test_redemption_reads_the_device_again(prove, alice, phone, change):
    challenge = prove()
    Device.objects.filter(pk=phone.pk).update(**change)

    with pytest.raises(refusals.NotRedeemable):
        redeem(challenge, alice)

    challenge.refresh_from_db()
    assert challenge.state == ChallengeState.PASSED


@pytest.mark.both_databases
def test_redemption_reads_the_user_again(prove, alice):
    challenge = prove()
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)

    with pytest.raises(refusals.NotRedeemable):
        redeem(challenge, alice)


@pytest.mark.parametrize("instant", ["1969-12-31T23:59:00Z", "2150-01-01T00:00:00Z"])
def test_a_broken_clock_stops_everything(prove, clock, instant):
    code = "000000"
    clock.move_to(instant)

    with pytest.raises(refusals.NotProven, match="clock"):
        prove(code=code)


def test_a_seed_that_does_not_open_is_not_a_wrong_code(prove, alice, phone, bob):
    Device.objects.filter(pk=phone.pk).update(
        sealed_seed=bob.mfa_devices.get().sealed_seed
    )

    with pytest.raises(refusals.DeviceNotUsable, match="cannot be read"):
        prove(code="123456")


def test_the_stored_offset_and_last_use_are_kept(prove, phone):
    prove(code=code_of(phone, steps=1))

    phone.refresh_from_db()
    assert phone.clock_offset == 1
    assert phone.last_used_at == timezone.now()


def test_the_failure_that_locks_says_so(prove):
    for _ in range(2):
        with pytest.raises(CodeRefused) as refusal:
            prove(code="000000")
        assert "wait" not in str(refusal.value)

    with pytest.raises(CodeRefused, match="wait 30 seconds to try again"):
        prove(code="000000")


def test_a_locked_person_costs_no_hash(prove, alice, monkeypatch):
    until = timezone.now() + timedelta(minutes=5)
    UserThrottle.objects.filter(user=alice).update(locked_until=until)
    hashed = []
    monkeypatch.setattr(
        challenges, "verify_password", lambda *args: hashed.append(args)
    )

    with pytest.raises(refusals.Locked):
        prove()

    assert not hashed


@pytest.mark.both_databases
@pytest.mark.parametrize("password", [PASSWORD, "guess"])
@pytest.mark.parametrize("model", [Device, UserThrottle])
def test_a_lock_during_the_hash_answers_all_passwords_alike(
    prove, alice, phone, monkeypatch, password, model
):
    until = timezone.now() + timedelta(minutes=5)

    def lock_meanwhile(*args):
        model.objects.filter(user=alice).update(locked_until=until)
        return verify_password(*args)

    monkeypatch.setattr(challenges, "verify_password", lock_meanwhile)

    with pytest.raises(refusals.Locked, match="12:05:15 UTC"):
        prove(password=password)

    phone.refresh_from_db()
    assert phone.last_step == -1
    assert phone.failures_since_success == 0
    assert UserThrottle.objects.get(user=alice).failures_since_success == 0
    assert Event.objects.get().detail["reason"] == "locked"


def test_a_wrong_password_does_not_count_on_the_device(prove, phone):
    with pytest.raises(refusals.PasswordRefused):
        prove(password="guess")

    phone.refresh_from_db()
    assert (phone.failures_since_success, phone.throttling_failure_count) == (0, 0)
    assert phone.throttling_failure_timestamp is None


@pytest.mark.parametrize("killed_at", ["_save_outcome", "_record_outcome"])
def test_a_process_killed_while_proving_leaves_nothing_counted(
    prove, alice, phone, monkeypatch, killed_at
):
    def kill(*args, **kwargs):
        raise SystemExit

    rows = [Device.objects.filter(pk=phone.pk), UserThrottle.objects.filter(user=alice)]
    before = [row.values().get() for row in rows]
    with monkeypatch.context() as patches:
        patches.setattr(challenges, killed_at, kill)
        with pytest.raises(SystemExit):
            prove()

    assert [row.values().get() for row in rows] == before
    assert prove().state == ChallengeState.PASSED


def test_an_account_without_its_throttle_proves_nothing_until_it_has_one(prove, alice):
    UserThrottle.objects.filter(user=alice).delete()

    with pytest.raises(refusals.Locked):
        prove()

    assert prove().state == ChallengeState.PASSED


def test_an_outdated_hash_is_left_alone_and_the_session_goes_on(
    prove, alice, client, settings
):
    client.force_login(alice)
    outdated = alice.password
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]

    prove()

    assert client.get(reverse("home")).status_code == 200
    alice.refresh_from_db()
    assert alice.password == outdated


@pytest.mark.both_databases
def test_a_proof_takes_eleven_statements(prove, phone):
    prove(code=code_of(phone, steps=-1))

    with CaptureQueriesContext(connection) as queries:
        prove()

    assert len([query for query in queries if not CONTROL.match(query["sql"])]) == 11
