import pytest
from django.urls import reverse

from epcs_portal.navigation import ACCOUNT, MAIN


def links_of(client, user, *, page="home"):
    client.force_login(user)
    content = client.get(reverse(page)).content.decode()
    return [e.label for e in [*MAIN, *ACCOUNT] if f">{e.label}</a>" in content]


def test_staff_see_what_staff_use(client, sam):
    assert links_of(client, sam) == [
        "Prescriptions",
        "Patients",
        "Provider Settings",
        "Change password",
    ]


def test_a_provider_who_manages_access_sees_that_too(client, alice):
    assert links_of(client, alice) == [
        "Prescriptions",
        "Patients",
        "Logs",
        "Access",
        "Provider Settings",
        "Incidents and reports",
        "Export records",
        "Change password",
        "System status",
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("home", []),
        ("prescription-list", ['prescriptions/" aria-current="page">Prescriptions']),
        ("patient-create", ['patients/" aria-current="true">Patients']),
        ("incident-list", ['incidents/" aria-current="page">Incidents and reports']),
        ("daily-report-list", ['incidents/" aria-current="true">Incidents and repo']),
        ("imported-list", ['exports/" aria-current="true">Export records']),
    ],
)
def test_the_link_of_a_section_is_marked_on_its_pages(client, alice, page, expected):
    client.force_login(alice)

    content = client.get(reverse(page)).content.decode()
    header = content[content.index("<header") : content.index("</header>")]

    assert header.count("aria-current") == len(expected)
    for marked in expected:
        assert marked in header


def test_every_link_leads_to_a_page():
    assert all(reverse(entry.url_name) for entry in [*MAIN, *ACCOUNT])
