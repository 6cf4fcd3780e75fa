"""The time of a server counts only when it is an answer to our question."""

from datetime import UTC, datetime

import pytest
import time_machine

from prescriptions.safeguards import sntp
from tests.prescriptions.safeguards.time_server import TimeServer


@pytest.mark.parametrize("ahead", [0, 299, 301, -301, 86400, -0.5])
def test_the_offset_is_what_the_server_is_ahead(ahead):
    with TimeServer(ahead=ahead) as server:
        assert sntp.offset_of(server.address, timeout=2) == pytest.approx(
            ahead, abs=0.2
        )


def test_the_request_tells_the_server_nothing_but_the_version():
    with TimeServer() as server:
        sntp.offset_of(server.address, timeout=2)
        sntp.offset_of(server.address, timeout=2)

    first, second = server.asked
    assert first[:40] == b"\x23" + bytes(39)
    assert first[40:] != second[40:]


@pytest.mark.parametrize(
    "wrong",
    [
        {"originate": b"another!"},
        {"originate": bytes(8)},
        {"stratum": 0},
        {"stratum": 16},
        {"leap": 3},
        {"mode": 3},
        {"mode": 5},
        {"version": 1},
        {"transmit": 0},
        {"length": 47},
        {"length": 0},
    ],
    ids=["another request", "no request", "kiss of death", "stratum 16"]
    + ["not synchronized", "a client", "broadcast", "version 1", "no time"]
    + ["short", "empty"],
)
def test_an_answer_with_any_doubt_is_no_time(wrong):
    with TimeServer(**wrong) as server, pytest.raises(sntp.NoTime):
        sntp.offset_of(server.address, timeout=0.5)


@pytest.mark.parametrize("place", ["127.0.0.1:1", "nowhere.invalid", "127.0.0.1:99999"])
def test_a_server_that_is_not_there_gives_no_time(place):
    with pytest.raises(sntp.NoTime):
        sntp.offset_of(place, timeout=0.5)


def test_a_silent_server_is_waited_for_no_longer_than_was_said():
    with TimeServer(is_silent=True) as server, pytest.raises(sntp.NoTime):
        sntp.offset_of(server.address, timeout=0.2)


@pytest.mark.parametrize("year", [2036, 2040])
def test_the_era_of_the_timestamps_is_the_nearest_one(year):
    """RFC 4330 3: the seconds begin anew on 7 February 2036."""
    with (
        time_machine.travel(datetime(year, 2, 7, 6, 28, 10, tzinfo=UTC)),
        TimeServer(ahead=20) as server,
    ):
        offset = sntp.offset_of(server.address, timeout=2)

    assert offset == pytest.approx(20, abs=0.2)
