"""What networks and pharmacies answer."""

import pytest

from prescriptions import script
from prescriptions.models.outbox import SCRIPT_VERSIONS
from prescriptions.script import Outcome


def answer(body, related="m1"):
    return (
        f'<Message xmlns="{script.NAMESPACE}"><Header>'
        f"<RelatesToMessageID>{related}</RelatesToMessageID></Header>"
        f"<Body>{body}</Body></Message>"
    ).encode()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("<Status><Code>010</Code></Status>", Outcome.ACCEPTED),
        ("<Status><Code>000</Code></Status>", Outcome.PASSED_ON),
        ("<Status><Code>999</Code></Status>", Outcome.TRY_AGAIN),
        ("<Error><Code>600</Code></Error>", Outcome.TRY_AGAIN),
        ("<Error><Code>602</Code></Error>", Outcome.TRY_AGAIN),
        ("<Error><Code>601</Code></Error>", Outcome.REJECTED),
        ("<Error><Code>900</Code></Error>", Outcome.REJECTED),
        ("<Error><Code>010</Code></Error>", Outcome.TRY_AGAIN),
        (
            "<Verify><VerifyStatus><Code>010</Code></VerifyStatus></Verify>",
            Outcome.ACCEPTED,
        ),
        ("<Error/>", Outcome.TRY_AGAIN),
        ("", Outcome.TRY_AGAIN),
    ],
)
def test_answers_mean_what_script_says(body, outcome):
    parsed = script.parse_result(answer(body))

    assert parsed.outcome == outcome
    assert parsed.relates_to == ("m1" if body else "")


def test_a_network_may_mean_something_else_by_a_code():
    body = answer("<Status><Code>010</Code></Status>")
    outcomes = {"Status/010": Outcome.PASSED_ON}

    assert script.parse_result(body, outcomes=outcomes).outcome == Outcome.PASSED_ON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html><body>Gateway</body></html>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><m>&e;</m>',
        b"<?xml version='1.0' encoding='nonsense'?><m/>",
    ],
)
def test_what_cannot_be_read_is_asked_again(body):
    assert script.parse_result(body).outcome == Outcome.TRY_AGAIN


def test_a_reason_is_read_as_far_as_script_allows():
    body = f"<Error><Code>900</Code><Description>{'x' * 90}</Description></Error>"

    assert script.parse_result(answer(body)).description == "x" * 70


def test_a_message_is_kept_in_the_versions_that_are_written():
    assert list(script.VERSIONS) == SCRIPT_VERSIONS
