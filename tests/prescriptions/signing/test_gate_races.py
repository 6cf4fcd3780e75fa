"""The gate under many hands; run on the SQLite file and on PostgreSQL."""

import pytest
from joserfc import jws

from audit.acts import Act
from audit.models import Event
from mfa import challenges
from mfa.models import Intent, Purpose
from prescriptions import signer
from prescriptions.models import (
    ClockMeasurement,
    SignedRecord,
    SigningKey,
    SigningStop,
    Status,
)
from prescriptions.safeguards import clock, stops
from prescriptions.signing import ceremony
from tests.factories import PASSWORD, code_of, make_user
from tests.prescriptions.factories import SESSION, prove
from tests.prescriptions.safeguards.time_server import TimeServer
from tests.threads import at_once

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]
CLIENTS = 6


@pytest.fixture
def own_file(settings, tmp_path):
    """A key file that a test may replace."""
    settings.SIGNING_KEY_FILE = str(tmp_path / "signing.pem")
    signer.close()
    signer.create()
    signer.current_key()


def test_many_workers_compare_the_clock_once(settings):
    with TimeServer() as server:
        settings.NTP_SERVERS = [server.address]
        results = at_once(lambda _: clock.measure(), times=CLIENTS)

    kept = [one for one in results if isinstance(one, ClockMeasurement)]
    assert len(kept) == 1
    assert results.count(None) == CLIENTS - 1
    assert ClockMeasurement.objects.count() == 1
    assert Event.objects.filter(act=Act.CLOCK_CHANGED).count() == 1


@pytest.mark.cfr("1311.120(b)(16)")
def test_what_is_signed_while_the_key_rotates_verifies_with_the_key_it_names(own_file):
    signed = []

    def act(number):
        if number == 0:
            return signer.rotate()
        for turn in range(20):
            try:
                kid = signer.current_key().kid
                signed.append((kid, signer.sign(f"{number}.{turn}".encode(), kid=kid)))
            except signer.SignerUnavailable:
                continue  # replaced between the two lines: refused, not mixed up
        return None

    results = at_once(act, times=CLIENTS)

    assert isinstance(results[0], SigningKey), results
    assert results[1:] == [None] * (CLIENTS - 1)
    assert SigningKey.objects.filter(retired_at=None).count() == 1
    assert signed
    for kid, signature in signed:
        assert jws.extract_compact(signature.encode()).headers()["kid"] == kid
        assert signer.verify(signature)


def test_two_rotations_at_once_leave_one_key_that_signs(own_file):
    at_once(lambda _: signer.rotate(), times=3)

    assert SigningKey.objects.filter(retired_at=None).count() == 1
    assert signer.check_health() == []
    assert signer.verify(signer.sign(b"content")) == b"content"


@pytest.mark.cfr("1311.102(i)")
def test_one_challenge_restores_one_stop_once(alice):
    steve = make_user("steve", is_staff=True)
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    stop = stops.request_restoration(stop, by=steve, remedy="Mended.")
    device = alice.mfa_devices.get(is_primary=True)
    challenge = challenges.prove(
        Intent(alice, Purpose.RESTORE_SIGNING, stops.restoration_digest(stop), SESSION),
        device=device,
        password=PASSWORD,
        code=code_of(device),
    )

    results = at_once(
        lambda _: stops.restore(
            stop, by=alice, challenge=challenge, session_key=SESSION
        ),
        times=CLIENTS,
    )

    restored = [one for one in results if isinstance(one, SigningStop)]
    refused = [one for one in results if isinstance(one, stops.StopRefused)]
    assert (len(restored), len(refused)) == (1, CLIENTS - 1)
    assert Event.objects.filter(act=Act.SIGNING_RESTORED).count() == 1


@pytest.mark.cfr("1311.102(g)")
def test_what_is_not_signed_when_it_stops_is_not_signed_after(alice, phone, ready):
    steve = make_user("steve", is_staff=True)
    challenge = prove([ready], phone)

    def act(number):
        if number == 0:
            return stops.stop(by=steve, practice=None, reason="Broken.")
        return ceremony.sign(
            [ready], by=alice, challenge=challenge, session_key=SESSION
        )

    results = at_once(act, times=2)

    ready.refresh_from_db()
    is_signed = ready.status == Status.QUEUED
    assert isinstance(results[0], SigningStop)
    assert isinstance(results[1], list if is_signed else ceremony.NotSignable)
    assert SignedRecord.objects.count() == int(is_signed)
