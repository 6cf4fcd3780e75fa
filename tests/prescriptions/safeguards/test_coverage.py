"""What an audit covers is what is signed."""

from datetime import timedelta

import pytest
import time_machine

from prescriptions.models import Capability
from prescriptions.safeguards import certification
from prescriptions.signing import ceremony, gate
from tests.prescriptions import factories
from tests.prescriptions.safeguards.audits import TODAY, make_audit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_a_day():
    with time_machine.travel("2026-11-23T15:00:00Z"):
        yield


@pytest.mark.cfr("1311.102(d)")
@pytest.mark.cfr("1311.102(e)")
def test_what_the_audit_does_not_cover_is_not_signed(certified, alice):
    series = factories.make_draft(
        alice.provider, earliest_fill_on=TODAY + timedelta(days=30)
    )
    plain = factories.make_draft(alice.provider, patient=series.patient)

    [blocker] = _blockers([series])

    assert "earliest fill dates" in blocker.label
    assert _blockers([plain]) == []
    assert len(_blockers([plain, series])) == 1


@pytest.mark.cfr("1311.102(e)")
@pytest.mark.parametrize(
    "known", [{"dea_code": "2012"}, {"substance": "SODIUM OXYBATE", "dea_code": ""}]
)
def test_ghb_wants_an_audit_that_covers_its_note(certified, alice, known):
    drug = factories.make_drug(**known)
    draft = factories.make_draft(alice.provider, drug=drug)

    [blocker] = _blockers([draft])

    assert "GHB" in blocker.label


@pytest.mark.cfr("1311.102(d)")
def test_an_audit_that_covers_all_blocks_nothing(live, steve, sue, alice):
    make_audit(steve, confirmed_by=sue, capabilities=list(Capability))
    series = factories.make_draft(
        alice.provider, earliest_fill_on=TODAY + timedelta(days=30)
    )

    assert _blockers([series]) == []


@pytest.mark.cfr("1311.102(e)")
def test_signing_asks_what_the_audit_covers(certified, alice, monkeypatch):
    monkeypatch.setattr(gate.Health, "problems", [])
    series = factories.make_draft(
        alice.provider, earliest_fill_on=TODAY + timedelta(days=30)
    )

    with pytest.raises(ceremony.NotSignable, match="does not cover"):
        ceremony.mark_ready(series, by=alice)


def test_without_a_live_network_no_audit_limits_what_is_signed(alice):
    series = factories.make_draft(
        alice.provider, earliest_fill_on=TODAY + timedelta(days=30)
    )

    assert _blockers([series]) == []


def _blockers(prescriptions):
    reports = list(certification.of_this_version())
    return certification.blockers(prescriptions, reports=reports)
