"""Reasons: stored as codes, read as words, also in events of earlier releases."""

import ast

import pytest

from audit import chain, reasons
from audit.acts import Act, Outcome
from audit.models import Event
from audit.reasons import Reason, ReasonChoices
from tests.audit.test_acts import modules

# Codes that earlier releases stored and that the enums might lose.
STORED = [
    "about_self",
    "access_denied",
    "another_account",
    "bad_answer",
    "bad_state",
    "cancelled",
    "changed",
    "clock",
    "closed",
    "code_refused",
    "compromised",
    "dea_ended",
    "dea_expired",
    "denied",
    "device_not_usable",
    "device_of_another_user",
    "digits",
    "end_entered",
    "entered_by_nobody",
    "expired",
    "export",
    "failures",
    "forbidden",
    "institution",
    "left",
    "level_too_low",
    "level_unknown",
    "license_expired",
    "linked_to_another_user",
    "locked",
    "login_required",
    "lost",
    "malformed",
    "misconfigured",
    "needs_sign_in",
    "no_device",
    "no_grant",
    "no_reason",
    "no_registrant",
    "nobody_linked",
    "not_administrator",
    "not_checked",
    "not_designee",
    "not_encrypted",
    "not_entered_by",
    "not_fresh",
    "not_holder",
    "not_linked",
    "not_listed",
    "not_me",
    "not_named",
    "not_officer",
    "not_proofed",
    "not_proven",
    "not_verified",
    "not_visible",
    "open_already",
    "other_device",
    "other_policy",
    "password",
    "removed",
    "replaced",
    "repudiated",
    "same_person",
    "seed_of_another_device",
    "seed_unreadable",
    "self",
    "stale",
    "stolen",
    "suspended",
    "too_many",
    "too_many_pushes",
    "unavailable",
    "unknown",
    "unknown_account",
    "unlinked",
    "used",
    "vanished",
    "wrong",
    "wrong_code",
    "wrong_number",
]
# A push that ended may be of these; the words of `Reason` are true of it as well.
SHARED = {"expired", "not_fresh", "other_device", "unavailable"}


def test_every_reason_has_words(subtests):
    for vocabulary in ReasonChoices.__subclasses__():
        for reason in vocabulary:
            with subtests.test(str(reason)):
                words = reasons.in_words(reason)

                assert words != reason
                assert "_" not in words
                assert words[0].isupper()


@pytest.mark.parametrize("code", STORED)
def test_a_code_of_an_earlier_release_is_read_as_words(code):
    event = Event(act=Act.PERMISSION_DENIED, detail={"reason": code})

    assert event.reason != code
    assert "_" not in event.reason


def test_no_code_has_two_meanings():
    codes = [str(code) for words in ReasonChoices.__subclasses__() for code in words]

    assert {code for code in codes if codes.count(code) > 1} == SHARED
    assert set(Reason.values) >= SHARED


def test_an_event_without_a_reason_gives_none(nora):
    assert chain.record(Act.SIGN_OUT_DONE, by=nora).reason == ""


def test_a_reason_is_stored_as_its_code(nora):
    event = chain.record(
        Act.CHALLENGE_REFUSED, by=nora, outcome=Outcome.FAILURE, reason=Reason.CLOCK
    )

    assert Event.objects.get(pk=event.pk).detail == {"reason": "clock"}
    assert event.reason == "The code was not current"


def test_the_code_passes_no_reason_as_a_plain_string():
    """The type checker refuses it, too, where it knows the function."""
    for tree in modules():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and names_a_recorder(call.func):
                for keyword in call.keywords:
                    is_plain = isinstance(keyword.value, ast.Constant | ast.JoinedStr)
                    assert not (keyword.arg == "reason" and is_plain), ast.unparse(call)


def names_a_recorder(function):
    name = ast.unparse(function).rpartition(".")[2]
    return name in {"record", "denied", "record_refusal"}
