import pytest
from django.db import DatabaseError, connection, transaction

from audit import incidents
from audit.models import Incident, IncidentKind, IncidentStep, Step
from audit.models.incidents import PARAGRAPHS

REPORTED = [kind for kind in IncidentKind if kind != IncidentKind.FOUND]


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize("kind", REPORTED, ids=str)
def test_a_reported_incident_points_to_its_event_and_is_due(nora, otto, kind):
    incident = incidents.report(kind, about=nora, by=otto)

    assert incident.paragraph == PARAGRAPHS[kind]
    assert (incident.username, incident.stream) == ("nora", f"user:{nora.pk}")
    assert (incident.source, incident.sequences) == (f"user:{otto.pk}", [1])
    assert incident.due_at == incidents.due(incident.at) > incident.at


def test_an_incident_about_nobody_is_about_the_system(db):
    incident = incidents.report(IncidentKind.CLOCK_OFF, about=None)

    assert (incident.username, incident.stream) == ("system", "system")


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(26)")
@pytest.mark.parametrize("model", [Incident, IncidentStep], ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    "sql",
    ["UPDATE {} SET username = 'otto'", "DELETE FROM {}"],
    ids=["UPDATE", "DELETE"],
)
@pytest.mark.usefixtures("as_owner")
def test_an_incident_and_its_steps_stay_as_they_were_written(nora, model, sql):
    incident = incidents.report(IncidentKind.NOT_ME, about=nora)
    step(incident)
    before = list(model.objects.values())

    with (
        pytest.raises(DatabaseError, match=r"append-only|is kept"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(model._meta.db_table))

    assert list(model.objects.values()) == before


@pytest.mark.both_databases
@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("incidentstep_has_a_person_and_words", {"username": ""}),
        ("incidentstep_has_a_person_and_words", {"words": ""}),
        ("incidentstep_kind_known", {"kind": "shrugged"}),
        ("number", {"number": 1}),
    ],
)
def test_a_decision_has_a_person_and_words(nora, constraint, wrong):
    incident = incidents.report(IncidentKind.NOT_ME, about=nora)
    step(incident)

    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        step(incident, **{"number": 2} | wrong)


@pytest.mark.both_databases
@pytest.mark.parametrize("kind", [Step.TOLD_DEA, Step.TOLD_PROVIDER, Step.OVERDUE])
def test_somebody_is_told_once(nora, kind):
    incident = incidents.report(IncidentKind.NOT_ME, about=nora)
    step(incident, kind=kind)

    with (
        pytest.raises(DatabaseError, match=r"told_and_marked|kind"),
        transaction.atomic(),
    ):
        step(incident, kind=kind, number=2)


def step(incident, **overrides):
    defaults = {
        "number": 1,
        "kind": Step.DISMISSED,
        "at": incident.at,
        "username": "nora",
        "words": "A slip of the thumb.",
    }
    return IncidentStep.objects.create(incident=incident, **defaults | overrides)
