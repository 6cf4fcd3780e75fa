"""Who reads and decides about an incident when people move, or are near to it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit import incidents
from audit.models import Incident, IncidentKind, Step, user_stream
from epcs_portal.incidents import accounts, decisions
from providers.models import Membership, Role
from tests.factories import make_designee, make_ready_provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol(alice, practice):
    """Another designee of Alice's practice."""
    carol = make_ready_provider("carol", practice=practice)
    make_designee(carol, practice=practice)
    return carol


def move(user, *, to, on):
    """Have somebody leave where they work and go on elsewhere."""
    user.memberships.update(left_on=on - timedelta(days=1), joined_on="2020-01-01")
    Membership.objects.create(user=user, practice=to, role=Role.PROVIDER, joined_on=on)


@pytest.mark.cfr("1311.120(b)(25)")
def test_a_practice_reads_nothing_of_what_who_left_does_elsewhere(alice, bob, carol):
    today = timezone.localdate()
    move(alice, to=bob.memberships.get().practice, on=today - timedelta(days=9))

    incidents.report(IncidentKind.LOST_DEVICE, about=alice)

    assert not accounts.visible_to(carol).exists()
    assert not accounts.decided_by(carol).exists()
    assert accounts.decided_by(bob).count() == 1


def test_a_practice_reads_nothing_of_what_a_newcomer_did_elsewhere(alice, bob, carol):
    incidents.report(IncidentKind.LOST_DEVICE, about=alice)
    tomorrow = timezone.localdate() + timedelta(days=1)
    move(alice, to=bob.memberships.get().practice, on=tomorrow)

    assert not accounts.visible_to(bob).exists()
    assert accounts.decided_by(carol).count() == 1


def happened_to(user, *, by):
    """An incident about somebody's account that another one brought about."""
    known = incidents.report(IncidentKind.LOST_DEVICE, about=user)
    return Incident.objects.create(
        kind=known.kind,
        paragraph=known.paragraph,
        at=known.at,
        due_at=known.due_at,
        username=by.username,
        stream=user_stream(user),
        source=user_stream(by),
    )


def dismiss(incident, *, by):
    return decisions.take(Step.DISMISSED, incident, by=by, words="Nothing.", seen=0)


@pytest.mark.cfr("1311.150(c)")
def test_who_it_happened_to_leaves_the_decision_to_another(alice, carol, mallory):
    incident = happened_to(carol, by=mallory)

    with pytest.raises(decisions.NotPossible):
        dismiss(incident, by=carol)
    assert dismiss(incident, by=alice)


def test_of_two_who_are_near_to_it_who_did_not_act_decides(alice, carol, practice):
    practice.designees.exclude(user__in=[alice, carol]).update(until=timezone.now())
    incident = happened_to(carol, by=alice)

    with pytest.raises(decisions.NotPossible):
        dismiss(incident, by=alice)
    assert dismiss(incident, by=carol)
