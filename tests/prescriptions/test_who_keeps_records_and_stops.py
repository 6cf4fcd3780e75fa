"""Every role against what is done with records, stops and audits: verbs and pages.

Each expectation is written out; none is computed from the table of permissions.
"""

from datetime import date

import pytest
from django.db import transaction
from django.urls import reverse

from audit.models import Event
from foundation.refusals import Refused
from prescriptions.records import exports, logs
from prescriptions.safeguards import stops
from providers import access_managers
from providers.models import Membership, Role
from tests.factories import make_designee, make_ready_provider, make_user

pytestmark = pytest.mark.django_db

DAYS = {"first": date(2026, 9, 1), "last": date(2026, 9, 2)}
STOPPING = ["stop here", "record a fix", "system-status", "signing-stop-add"]
EVERYWHERE = [*STOPPING, "stop everywhere"]
EXPECTED = {
    "the practitioner": ["log", "export own"],
    "a practitioner of the same practice": [],
    "an access manager": [*EVERYWHERE, "export practice"],
    "an access manager of another practice": [
        "stop everywhere",
        "system-status",
        "signing-stop-add",
    ],
    "an administrator of the practice": [],
    "an agent": [],
    "an administrator of the portal": [*EVERYWHERE, "certification-add"],
    "a superuser who is no administrator": [],
    "somebody else": [],
}


@pytest.fixture
def people(alice, sam, bob, mallory, practice):
    names = {
        "manager": "an access manager",
        "admin": "an administrator of the practice",
    }
    members = {role: make_user(name) for name, role in names.items()}
    for user in members.values():
        Membership.objects.create(user=user, practice=practice, role=Role.ADMINISTRATOR)
    make_designee(members["an access manager"], practice=practice)
    carol = make_ready_provider("carol", practice=practice)
    access_managers.resign(alice, practice=practice)
    return {
        "the practitioner": alice,
        "a practitioner of the same practice": carol,
        "an access manager of another practice": bob,
        "an agent": sam,
        "an administrator of the portal": make_user("staff", is_staff=True),
        "a superuser who is no administrator": make_user("root", is_superuser=True),
        "somebody else": mallory,
        **members,
    }


@pytest.fixture
def verbs(alice, practice):
    provider = alice.provider
    founder = make_user("founder", is_staff=True)
    stop = stops.stop(by=founder, practice=practice, reason="A drill.")
    return {
        "log": lambda by: logs.make(provider, practice=practice, **DAYS, by=by),
        "export own": lambda by: exports.request(practice, provider=provider, by=by),
        "export practice": lambda by: exports.request(practice, provider=None, by=by),
        "stop here": lambda by: stops.stop(by=by, practice=practice, reason="A drill."),
        "stop everywhere": lambda by: stops.stop(
            by=by, practice=None, reason="A drill."
        ),
        "record a fix": lambda by: stops.request_restoration(
            stop, by=by, remedy="Fixed."
        ),
    }


PAGES = ["system-status", "signing-stop-add", "certification-add"]


def is_done(verb, user):
    """Return True if the verb did it; undo it afterwards."""
    here = transaction.savepoint()
    before = Event.objects.filter(outcome="success").count()
    try:
        verb(user)
    except Refused:
        assert Event.objects.filter(outcome="success").count() == before
        return False
    else:
        return True
    finally:
        transaction.savepoint_rollback(here)


@pytest.mark.cfr("1311.305(c)")
@pytest.mark.cfr("1311.102(f)")
def test_each_role_does_what_it_may_and_nothing_else(client, subtests, people, verbs):
    assert people.keys() == EXPECTED.keys()
    for role, user in people.items():
        client.force_login(user)
        with subtests.test(role):
            done = [act for act, verb in verbs.items() if is_done(verb, user)]
            statuses = {page: client.get(reverse(page)).status_code for page in PAGES}
            assert {*statuses.values()} <= {200, 403}
            opened = [page for page, status in statuses.items() if status == 200]
            assert {*done, *opened} == {*EXPECTED[role]}
