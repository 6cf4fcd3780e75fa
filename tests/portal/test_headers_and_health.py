from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit import chain
from audit.acts import Act
from prescriptions import signer
from prescriptions.models import Transmission
from tests.factories import make_user
from tests.prescriptions.factories import make_ready, sign

pytestmark = pytest.mark.django_db


def test_pages_of_a_signed_in_user_stay_out_of_every_cache(client, alice):
    client.force_login(alice)

    for name in ["home", "erx-info", "prescription-list", "patient-list"]:
        cache = client.get(reverse(name)).headers["Cache-Control"]
        assert "private" in cache
        assert "no-store" in cache


def test_the_content_security_policy_is_strict(client):
    policy = client.get(reverse("sign-in")).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_no_page_carries_inline_script_or_style(client, alice):
    client.force_login(alice)

    for name in ["home", "erx-info", "prescription-list", "patient-list", "device-add"]:
        page = client.get(reverse(name)).content.decode()
        assert "<style" not in page
        assert "style=" not in page
        assert "onclick" not in page
        assert page.count("<script") == page.count('<script type="module" src=') + (
            page.count("<script src=")
        )


def test_a_foreign_host_is_refused(client, db):
    assert client.get(reverse("sign-in"), HTTP_HOST="evil.example").status_code == 400


def test_ready_answers_200_when_all_is_well(client, db):
    response = client.get(reverse("health-ready"))

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "problems": []}


def test_ready_names_what_is_out_of_order(client, db, settings):
    settings.SIGNING_KEY_PASSPHRASE = "wrong"
    signer.close()

    response = client.get(reverse("health-ready"))

    signer.close()
    assert response.status_code == 503
    assert "passphrase" in str(response.json()["problems"])


def test_live_needs_nothing(client, db):
    assert client.get(reverse("health-live")).json() == {"status": "ok"}


def test_the_record_verifies_after_a_visit(client, alice):
    client.force_login(alice)
    client.get(reverse("home"))

    call_command("verify_audit")


def test_ready_costs_the_same_however_many_people_there_are(client, db):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("health-ready"))
        return len(queries)

    few = cost()
    for number in range(10):
        chain.record(Act.SIGN_OUT_DONE, by=make_user(f"user-{number}"))

    assert cost() == few


def test_ready_says_when_no_worker_sends(client, alice, phone):
    sign(make_ready(alice.provider), phone)
    Transmission.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=3))

    response = client.get(reverse("health-ready"))

    assert response.status_code == 503
    assert response.json()["problems"] == ["The worker does not send."]
