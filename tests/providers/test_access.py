"""21 CFR 1311.125: the right to sign is given by others, and ends at once."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import Event
from providers import access
from providers.models import AccessGrant
from tests.factories import make_provider, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def nora(practice):
    """A provider who is not approved yet."""
    return make_provider("nora", practice=practice)


@pytest.fixture
def root(db):
    return make_user("root", is_staff=True)


def in_force(provider):
    return AccessGrant.objects.filter(provider=provider, revoked_at=None)


@pytest.mark.cfr("1311.125(c)")
def test_an_administrator_gives_a_provisional_right(nora, root):
    given = access.grant(nora, by=root)

    assert (given.granted_by, given.is_provisional) == (root, True)
    event = Event.objects.get(act=Act.ACCESS_GRANTED)
    assert (event.actor, event.subject) == (
        "root",
        f"providers.provider:{nora.public_id}",
    )


def test_a_second_approval_changes_nothing(nora, root):
    access.grant(nora, by=root)

    with pytest.raises(access.NotAllowed, match="already"):
        access.grant(nora, by=root)
    assert Event.objects.filter(act=Act.ACCESS_GRANTED).count() == 1


def test_nobody_gives_it_to_themselves(nora):
    nora.user.is_staff = nora.user.is_superuser = True
    nora.user.save()

    with pytest.raises(access.NotAllowed, match="themselves"):
        access.grant(nora, by=nora.user)
    assert not in_force(nora).exists()
    refused = Event.objects.get(act=Act.PERMISSION_DENIED)
    assert (refused.outcome, refused.detail) == (Outcome.FAILURE, {"reason": "self"})


@pytest.mark.parametrize(
    "lacking", [{"is_staff": False}, {"is_staff": True, "is_active": False}]
)
def test_only_active_administrators_give_it(nora, lacking):
    somebody = make_user("somebody", **lacking)

    with pytest.raises(access.NotAllowed, match="administrator"):
        access.grant(nora, by=somebody)
    assert not in_force(nora).exists()


@pytest.mark.cfr("1311.125(d)")
def test_it_ends_with_a_reason_and_can_be_given_again(nora, root):
    access.grant(nora, by=root)

    access.revoke(nora, by=root, reason="left the practice")

    assert not in_force(nora).exists()
    event = Event.objects.get(act=Act.ACCESS_REVOKED)
    assert event.detail == {"reason": "left the practice"}
    access.grant(nora, by=root)
    assert nora.access_grants.count() == 2


def test_one_may_give_it_up_oneself_but_not_end_another_s(nora, root, alice):
    access.grant(nora, by=root)

    with pytest.raises(access.NotAllowed):
        access.revoke(nora, by=alice, reason="envy")
    access.revoke(nora, by=nora.user, reason="my phone was stolen")
    assert not in_force(nora).exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_ending_it_without_a_reason_is_refused(nora, root, reason):
    access.grant(nora, by=root)

    with pytest.raises(access.NotAllowed, match="why"):
        access.revoke(nora, by=root, reason=reason)
    assert in_force(nora).exists()


def test_what_was_never_given_cannot_end(nora, root):
    with pytest.raises(access.NotAllowed, match="no right"):
        access.revoke(nora, by=root, reason="tidying")
    assert not Event.objects.filter(act=Act.ACCESS_REVOKED).exists()


def test_no_right_without_its_event(nora, root, monkeypatch):
    monkeypatch.setattr("audit.seals.seal", _broken)

    with pytest.raises(RuntimeError):
        access.grant(nora, by=root)
    assert not in_force(nora).exists()


def test_the_database_holds_one_right_at_a_time(nora, root):
    access.grant(nora, by=root)

    with (
        pytest.raises(IntegrityError, match=r"access_grant|provider_id"),
        transaction.atomic(),
    ):
        AccessGrant.objects.create(
            provider=nora, granted_by=root, granted_at=timezone.now()
        )


def _broken(*args, **kwargs):
    raise RuntimeError("the record cannot be written")
