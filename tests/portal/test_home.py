import pytest
from django.urls import reverse

from audit import incidents
from audit.models import IncidentKind
from providers.access import access_requests
from providers.models import Membership, Role
from tests.factories import (
    make_agent,
    make_designee,
    make_practice,
    make_ready_provider,
)

pytestmark = pytest.mark.django_db


def home(client, user):
    client.force_login(user)
    return client.get(reverse("home")).content.decode()


def test_a_designee_sees_what_waits_for_a_decision(client, alice, bob, practice, sam):
    make_designee(sam, practice=practice)
    carol = make_ready_provider("carol", practice=practice).provider
    access_requests.request_revocation(
        carol, practice=practice, by=sam, reason="has left"
    )
    incidents.report(IncidentKind.NOT_ME, about=alice)

    assert "1 change of who may sign" in home(client, alice)
    assert "1 incident" in home(client, alice)
    assert "of who may sign" not in home(client, sam), "entered by herself"
    assert "For you to decide" not in home(client, bob), "at another practice"


def test_who_decides_nothing_is_not_bothered(client, alice, practice):
    incidents.report(IncidentKind.NOT_ME, about=alice)

    page = home(client, make_agent("pat", practice=practice))

    assert "For you to decide" not in page


def test_who_works_at_two_practices_reads_the_same_here_and_on_erx_info(client, alice):
    first_by_name = make_practice(name="A Clinic (demo)")
    Membership.objects.create(user=alice, practice=first_by_name, role=Role.PROVIDER)

    page = home(client, alice)

    told = client.get(reverse("erx-info")).context["page"].blockers
    assert told
    assert all(blocker.label in page for blocker in told)
