"""Deciding about incidents, on pages and by the verb."""

import pytest
from django.urls import reverse
from django.utils import timezone

from audit import incidents
from audit.acts import Act
from audit.models import Event, Incident, IncidentKind, IncidentStep, Step
from epcs_portal.incidents import accounts, decisions
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def form():
    return {"step": "dismissed", "words": "Alice tested her new phone.", "seen": "0"}


def path_of(incident):
    return reverse("incident-detail", args=[incident.public_id])


@pytest.mark.cfr("1311.150(c)")
def test_a_designee_decides_with_words(client, dana, incident, form):
    client.force_login(dana)

    response = client.post(path_of(incident), form, follow=True)

    assert "No security incident" in response.content.decode()
    (step,) = incident.steps.all()
    assert (step.kind, step.username, step.words) == (
        Step.DISMISSED,
        "dana",
        form["words"],
    )
    event = Event.objects.get(act=Act.INCIDENT_DECIDED)
    assert (event.actor, event.detail) == ("dana", {"kind": "dismissed"})
    assert event.subject == f"audit.incident:{incident.public_id}"


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.cfr("1304.06(d)")
def test_a_security_incident_is_told_to_the_provider_and_dea(
    client, dana, incident, form
):
    client.force_login(dana)
    words = "By telephone, reference 4711"
    for seen, step in enumerate(["confirmed", "told_provider", "told_dea"]):
        assert Incident.objects.waiting().filter(pk=incident.pk).exists()
        wanted = form | {"step": step, "seen": seen, "words": words}
        assert client.post(path_of(incident), wanted).status_code == 302

    assert not Incident.objects.waiting().exists()
    told = Event.objects.filter(act=Act.INCIDENT_REPORTED).order_by("sequence")
    assert [event.detail["kind"] for event in told] == ["told_provider", "told_dea"]
    page = client.get(path_of(incident)).content.decode()
    assert "Security incident, reported" in page
    assert page.count("reference 4711") == 3


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("words", "", "This field is required"),
        ("words", "  ", "This field is required"),
        ("step", "", "This field is required"),
        ("step", "told_dea", "not one of the available choices"),
        ("step", "overdue", "not one of the available choices"),
        ("seen", "1", "Somebody else has just decided"),
        ("seen", "x", "Enter a whole number"),
        ("words", "x" * 2001, "at most 2000 characters"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_decision_that_lacks_something_is_refused(
    client, dana, incident, form, field, value, message
):
    client.force_login(dana)

    response = client.post(path_of(incident), form | {field: value})

    assert response.status_code == 422
    assert message in response.content.decode()
    assert not IncidentStep.objects.exists()


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.cfr("1311.150(a)(1)")
def test_somebody_who_is_no_designee_cannot_decide(client, dana, alice, incident, form):
    client.force_login(alice)

    assert client.get(path_of(incident)).status_code == 200
    assert client.post(path_of(incident), form).status_code == 403

    assert not IncidentStep.objects.exists()
    denied = Event.objects.get(act=Act.PERMISSION_DENIED)
    assert denied.subject == f"audit.incident:{incident.public_id}"


def test_an_incident_of_another_practice_is_not_there(client, bob, incident, form):
    client.force_login(bob)

    assert client.get(path_of(incident)).status_code == 404
    assert client.post(path_of(incident), form).status_code == 404
    assert not IncidentStep.objects.exists()


@pytest.mark.cfr("1311.150(c)")
def test_several_incidents_are_decided_with_one_set_of_words(client, dana, alice):
    both = [incidents.report(IncidentKind.NOT_ME, about=alice) for _ in range(2)]
    client.force_login(dana)
    form = {
        "incidents": [str(incident.public_id) for incident in both],
        "step": "dismissed",
        "words": "A test of the new phones.",
    }

    assert client.post(reverse("incident-list"), form).status_code == 302

    assert IncidentStep.objects.filter(username="dana").count() == 2
    assert Event.objects.filter(act=Act.INCIDENT_DECIDED).count() == 2
    assert "Nothing waits" in client.get(reverse("incident-list")).content.decode()


@pytest.mark.parametrize("chosen", ["none", "not a number", "of Bob", "decided"])
def test_what_cannot_be_decided_together_is_refused(
    client, dana, bob, incident, chosen
):
    client.force_login(dana)
    if chosen == "decided":
        decisions.take(Step.DISMISSED, incident, by=dana, words="Seen.", seen=0)
    other = incidents.report(IncidentKind.NOT_ME, about=bob)
    ids = {
        "none": [],
        "not a number": ["x"],
        "of Bob": [other.public_id],
        "decided": [incident.public_id],
    }
    form = {"incidents": ids[chosen], "step": "dismissed", "words": "Why not"}

    response = client.post(reverse("incident-list"), form)

    assert response.status_code == 422
    assert IncidentStep.objects.count() == (chosen == "decided")


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_designees_at_once_make_one_decision(dana, incident):
    def act(number):
        step = [Step.DISMISSED, Step.CONFIRMED][number % 2]
        decisions.take(step, incident, by=dana, words="Mine.", seen=0)

    results = at_once(act, times=4)

    assert results.count(None) == 1
    assert {type(result) for result in results} == {type(None), decisions.NotPossible}
    assert incident.steps.count() == 1


def test_the_practice_of_a_designee_who_left_is_out_of_reach(dana, incident):
    assert accounts.decided_by(dana).exists()

    dana.memberships.update(left_on=timezone.localdate())

    assert not accounts.decided_by(dana).exists()


@pytest.mark.cfr("1311.150(c)")
def test_nobody_decides_about_the_own_account_while_another_can(alice, practice):
    incident = incidents.report(IncidentKind.NOT_SIGNED_BY_ME, about=alice)

    with pytest.raises(decisions.NotPossible, match="Another designee"):
        decisions.take(Step.DISMISSED, incident, by=alice, words="nothing", seen=0)

    assert not incident.steps.exists()
