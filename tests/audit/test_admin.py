from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import RequestFactory

from audit.models import ChainHead, Checkpoint, Event


@pytest.fixture
def request_of_superuser(db):
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.create_superuser("root", password="x" * 12)
    # As after a right code.
    request.user.is_verified = lambda: True
    request.user.otp_device = SimpleNamespace(retired_at=None, disabled_at=None)
    return request


@pytest.mark.parametrize("model", [Event, ChainHead, Checkpoint])
def test_the_admin_is_a_window_only(request_of_superuser, model):
    window = admin.site._registry[model]

    assert window.has_view_permission(request_of_superuser)
    assert not window.has_add_permission(request_of_superuser)
    assert not window.has_change_permission(request_of_superuser)
    assert not window.has_delete_permission(request_of_superuser)
    assert not window.get_actions(request_of_superuser)
    assert not window.get_inline_instances(request_of_superuser)


def test_the_window_shows_events_in_words(request_of_superuser, five):
    page = admin.site._registry[Event].changelist_view(request_of_superuser)

    assert "Device renamed" in page.rendered_content


def test_an_act_of_another_release_shows_its_name():
    assert Event(act="device.teleported").label == "device.teleported"
