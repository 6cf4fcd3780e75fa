"""Reports of audits as people enter and confirm them."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from prescriptions.models import Capability, Finding, ThirdPartyAudit
from prescriptions.safeguards import certification
from tests.factories import make_user
from tests.prescriptions.safeguards.pages import STATUS, instance, plain, report, text

pytestmark = pytest.mark.django_db


@pytest.mark.cfr("1311.300(a)")
def test_a_report_is_entered_by_one_and_confirmed_by_another(client, steve):
    client.force_login(steve)
    response = client.post(reverse("certification-add"), report())
    entered = ThirdPartyAudit.objects.get()
    page = reverse("certification-detail", args=[entered.public_id])
    assert response.url == page
    assert 'value="confirm"' not in text(client.get(page))
    assert client.post(page, {"act": "confirm"}).status_code == 422

    client.force_login(make_user("sue", is_staff=True))
    assert "The information of 1306.05(a)" in text(client.get(page))
    assert client.post(page, {"act": "confirm"}).url == page

    assert certification.current_report() == entered
    assert "Covers this version" in text(client.get(page))
    assert client.post(page, {"act": "confirm"}).status_code == 422
    assert client.post(page, {"act": "delete"}).status_code == 400
    assert client.post(page).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"auditor": ""},
        {"qualification": "cousin"},
        {"reported_on": "yesterday"},
        {"reported_on": "9999-12-31"},
        {"software_version": "all of them"},
        {"finding": ""},
        {"capabilities": ["everything"]},
        {"capabilities": ["content"]},
        {"report_digest": "0" * 63},
        {"report_digest": "0" * 64 + "\n0"},
        {"report_digest": "Z" * 64},
        {"report_location": ""},
    ],
    ids=lambda wrong: "-".join(next(iter(wrong.items()))[0].split("_")),
)
def test_a_report_with_a_mistake_is_said_at_the_field(client, steve, wrong):
    client.force_login(steve)

    response = client.post(reverse("certification-add"), report(**wrong))

    assert response.status_code == 422
    assert not ThirdPartyAudit.objects.exists()


@pytest.mark.cfr("1311.300")
@pytest.mark.cfr("1311.300(a)")
def test_an_adverse_report_says_whom_to_tell_by_when(client, steve, alice):
    client.force_login(steve)
    client.post(
        reverse("certification-add"), report(finding="adverse", capabilities=[])
    )
    adverse = ThirdPartyAudit.objects.get(finding=Finding.ADVERSE)
    page = reverse("certification-detail", args=[adverse.public_id])

    assert "DEA to be told by" in text(client.get(page))
    assert client.post(page, {"act": "dea"}).url == page
    assert client.post(page, {"act": "dea"}).status_code == 422
    assert client.post(page, {"act": "registrants"}).url == page
    assert "must not be used" in text(client.get(STATUS))
    adverse.refresh_from_db()
    assert adverse.told_dea_at
    assert adverse.told_registrants_at


def test_what_was_not_told_in_time_is_overdue(client, steve):
    certification.enter(
        instance(finding="adverse", capabilities=[Capability.CONTENT]), by=steve
    )
    client.force_login(steve)
    assert "Overdue" not in text(client.get(STATUS))

    later = timezone.now() + timedelta(days=20)
    with time_machine.travel(later):
        client.force_login(steve)
        page = plain(client.get(STATUS))

    assert "Overdue: DEA and the registrants had to be told" in page
