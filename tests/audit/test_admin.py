from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import RequestFactory

from audit import incidents
from audit.models import (
    ChainHead,
    Checkpoint,
    DailyReport,
    Event,
    Heartbeat,
    Incident,
    IncidentKind,
    IncidentStep,
    Step,
)
from epcs_portal.sign_in.session_store import SessionStore

WINDOWS = [Event, ChainHead, Checkpoint, DailyReport, Heartbeat, Incident]


@pytest.fixture
def request_of_superuser(db):
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.create_superuser("root", password="x" * 12)
    request.session = SessionStore()
    # As after a right code.
    request.user.is_verified = lambda: True
    request.user.otp_device = SimpleNamespace(retired_at=None, disabled_at=None)
    return request


@pytest.mark.parametrize("model", WINDOWS, ids=lambda model: model.__name__)
def test_the_admin_is_a_window_only(request_of_superuser, model):
    window = admin.site._registry[model]

    assert window.has_view_permission(request_of_superuser)
    assert not window.has_add_permission(request_of_superuser)
    assert not window.has_change_permission(request_of_superuser)
    assert not window.has_delete_permission(request_of_superuser)
    assert not window.get_actions(request_of_superuser)
    for inline in window.get_inline_instances(request_of_superuser):
        assert not inline.has_add_permission(request_of_superuser, None)
        assert not inline.has_change_permission(request_of_superuser)
        assert not inline.has_delete_permission(request_of_superuser)


def test_the_window_shows_events_in_words(request_of_superuser, five):
    page = admin.site._registry[Event].changelist_view(request_of_superuser)

    assert "Device renamed" in page.rendered_content


def test_an_act_of_another_release_shows_its_name():
    assert Event(act="device.teleported").label == "device.teleported"


@pytest.mark.cfr("1311.150(c)")
def test_the_window_shows_an_incident_with_what_was_made_of_it(
    request_of_superuser, nora
):
    incident = incidents.report(IncidentKind.NOT_ME, about=nora)
    window = admin.site._registry[Incident]
    before = window.changelist_view(request_of_superuser).rendered_content
    IncidentStep.objects.create(
        incident=incident,
        number=1,
        kind=Step.DISMISSED,
        at=incident.at,
        username="otto",
        words="A test.",
    )

    after = window.changelist_view(request_of_superuser).rendered_content
    page = window.change_view(request_of_superuser, str(incident.pk)).rendered_content

    assert "To be decided" in before
    assert "Decided: no security incident" in after
    assert "A test." in page
