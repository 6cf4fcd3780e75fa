"""An old list is refreshed while somebody looks, and no page waits for it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from audit.acts import Act
from audit.models import Event
from mfa.idme import freshness, link
from mfa.models import Device, IdmeAccount, Source
from mfa.oidc.responses import Tokens
from tests.factories import make_device
from tests.mfa.idme.provider import listed
from tests.prescriptions.factories import make_ready

pytestmark = pytest.mark.django_db
ERX_INFO = reverse("erx-info")


@pytest.fixture
def account(alice, idme):
    """Alice's account, whose list is a quarter of an hour old and can be refreshed."""
    account = alice.idme_accounts.get()
    account.subject = idme.subject
    account.set_refresh_token("refresh-1")
    account.refresh_token_expires_at = timezone.now() + timedelta(days=6)
    account.devices_refreshed_at = timezone.now() - timedelta(minutes=15)
    account.save()
    idme.refresh_tokens.add("refresh-1")
    return account


@pytest.fixture
def look(client, alice, django_capture_on_commit_callbacks):
    client.force_login(alice)

    def look(path=ERX_INFO):
        with django_capture_on_commit_callbacks(execute=True):
            return client.get(path).content.decode()

    return look


def work():
    """Do what a worker does with everything that waits."""
    for waiting in DBTaskResult.objects.filter(status="READY"):
        waiting.task.call(*waiting.args_kwargs["args"])
        waiting.delete()


def test_an_old_list_is_refreshed_behind_the_page(look, idme, account, client):
    idme.devices = [listed(name="OfficeiPad")]

    page = look()

    assert "Refreshing the list in the background" in page
    assert idme.calls == []
    state = reverse("erx-info-devices")
    assert client.get(state).status_code == 204
    work()
    assert client.get(state).headers["HX-Refresh"] == "true"
    page = look()
    assert "OfficeiPad" in page
    assert "Refreshing the list" not in page


def test_a_page_gives_up_after_a_minute_without_a_worker(look, account, client):
    """A page that loads itself anew for ever keeps an absent person signed in."""
    look()
    account.refresh_from_db()
    account.refresh_asked_at -= freshness.ASKED_APART
    account.save()

    response = client.get(reverse("erx-info-devices"))

    assert response.status_code == 286  # htmx: show this, and ask no more
    assert "HX-Refresh" not in response.headers
    assert "could not be refreshed yet. It is 15" in response.content.decode()
    assert DBTaskResult.objects.count() == 1


def test_the_signing_page_asks_too(look, alice, account):
    prescription = make_ready(alice.provider)

    look(reverse("prescription-sign", args=[prescription.public_id]))

    assert DBTaskResult.objects.count() == 1


def test_it_is_asked_for_once_a_minute(look, account):
    for _ in range(5):
        look()
    assert DBTaskResult.objects.count() == 1

    account.refresh_from_db()
    account.refresh_asked_at -= freshness.ASKED_APART
    account.save()
    look()

    assert DBTaskResult.objects.count() == 2


@pytest.mark.parametrize(
    "as_it_is",
    [
        {"devices_refreshed_at": timezone.now},
        {"devices_refreshed_at": lambda: None},
        {"sealed_refresh_token": lambda: ""},
        {"refresh_token_expires_at": timezone.now},
        {"unlinked_at": timezone.now, "sealed_refresh_token": lambda: ""},
    ],
    ids=["new", "never had one", "no token", "old token", "unlinked"],
)
def test_nothing_is_asked_in_vain(look, account, as_it_is):
    for name, value in as_it_is.items():
        setattr(account, name, value())
    account.save()

    look()

    assert not DBTaskResult.objects.exists()


def test_without_a_token_the_person_is_asked_to_sign_in(look, account):
    account.sealed_refresh_token = ""
    account.save()

    assert "ID.me tells nothing new without you" in look()


def test_a_failure_says_how_old_the_list_is_and_changes_nothing(
    look, idme, account, phone
):
    kept = make_device(account.user, source=Source.IDME, external_id="d1")
    idme.token = {"error": "temporarily_unavailable"}
    look()
    work()

    page = look()

    assert "The list could not be refreshed. It is 15" in page
    kept.refresh_from_db()
    assert kept.retired_at is None
    assert Event.objects.filter(act=Act.FEED_FAILED).count() == 1


def test_a_refused_token_is_not_tried_again(look, idme, account):
    idme.refresh_tokens.clear()
    look()
    work()

    account.refresh_from_db()
    assert account.sealed_refresh_token == ""
    assert "Sign in with ID.me to refresh it" in look()


def test_a_token_that_came_meanwhile_is_kept(look, idme, account, alice):
    """Adversarial: two refreshes at once, and ID.me takes each token only once."""
    idme.refresh_tokens.clear()
    look()
    idme.meanwhile["/oauth/token"] = lambda: link.store_refresh_token(
        IdmeAccount.objects.get(pk=account.pk),
        Tokens(access_token="", refresh_token="refresh-2"),
        at=timezone.now(),
    )
    work()

    account.refresh_from_db()
    assert link.usable_refresh_token(account) == "refresh-2"


def test_what_waited_for_the_worker_asks_idme_once(look, idme, account):
    idme.devices = []
    for _ in range(3):
        look()
        account.refresh_from_db()
        account.refresh_asked_at -= freshness.ASKED_APART
        account.save()
    assert DBTaskResult.objects.count() == 3

    work()

    assert idme.count("/oauth/token") == 1


def test_a_primary_that_vanished_stops_signing_while_the_page_is_open(
    look, idme, account, alice
):
    Device.objects.filter(user=alice).update(is_primary=False)
    make_device(
        alice, name="Gone", source=Source.IDME, external_id="gone", is_primary=True
    )
    idme.devices = []
    prescription = make_ready(alice.provider)
    signing = reverse("prescription-sign", args=[prescription.public_id])
    assert "Sign &amp; Send Prescription" in look(signing)

    work()

    page = look(signing)
    assert "Sign &amp; Send Prescription" not in page
    assert "“Gone”, your primary device, is no longer in your ID.me account" in page
