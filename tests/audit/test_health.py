from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.models import Event


def test_a_clock_that_went_back_is_a_problem_and_loses_no_event(nora, capsys):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    with time_machine.travel(timezone.now() - timedelta(seconds=3), tick=False):
        chain.record(Act.SIGN_OUT_DONE, by=nora)
        assert "clock of this server went back" in chain.check_health()[0]

    assert Event.objects.count() == 2
    call_command("verify_audit")
    assert "clock went back before 1 of" in capsys.readouterr().err


def test_a_second_is_within_what_clocks_do(nora):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    with time_machine.travel(now - timedelta(seconds=1), tick=False):
        chain.record(Act.SIGN_OUT_DONE, by=nora)
        assert chain.check_health() == []


def test_an_event_in_the_future_is_a_problem_until_then(nora):
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
        assert chain.check_health() == []

    assert "in the future" in chain.check_health()[0]


@pytest.mark.both_databases
def test_the_gate_looks_at_the_chains_the_act_will_write_to(nora, otto, tamper):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    chain.record(Act.SIGN_IN_SUCCEEDED, by=otto)
    tamper("UPDATE audit_event SET actor = 'eve' WHERE actor = 'otto'")

    assert chain.check_health(by=nora) == []
    assert len(chain.check_health(by=otto)) == len(chain.check_health()) == 1


@pytest.mark.both_databases
@pytest.mark.cfr("1311.100(d)")
def test_a_refusal_on_top_does_not_cover_what_was_changed(nora, tamper):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    tamper("UPDATE audit_event SET actor = 'eve'")

    for _ in range(chain.NEWEST_EVENTS - 1):
        chain.record(Act.SIGNING_BLOCKED, by=nora)
        assert "was changed" in chain.check_health(by=nora)[0]


@pytest.mark.both_databases
def test_the_chain_of_the_system_closes_every_gate(nora, tamper):
    chain.record(Act.KEY_CREATED, by=None, key_id="k1")
    tamper("UPDATE audit_event SET actor = 'nora'")

    assert chain.check_health(by=nora)


def test_the_gate_costs_the_same_however_many_there_are(
    nora, otto, django_assert_num_queries
):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    chain.record(Act.SIGN_IN_SUCCEEDED, by=otto)

    with django_assert_num_queries(1):
        chain.check_health(by=nora)


def test_verifying_is_recorded(five):
    call_command("verify_audit")

    event = Event.objects.get(act=Act.AUDIT_VERIFIED)
    assert (event.stream, event.outcome) == ("system", "success")
    assert event.detail == {"events": 5, "streams": 1}


@pytest.mark.both_databases
def test_a_check_that_cannot_be_recorded_still_names_the_row(five, tamper, capsys):
    chain.record(Act.KEY_CREATED, by=None)
    chain.record(Act.KEY_ROTATED, by=None)
    tamper("UPDATE audit_chainhead SET sequence = 1 WHERE stream = 'system'")

    with pytest.raises(CommandError, match="broken at system 2: head differs"):
        call_command("verify_audit")

    assert "could not be recorded" in capsys.readouterr().err
