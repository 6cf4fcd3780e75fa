"""What the database refuses, whoever writes to it."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from providers import access_managers
from providers.access import access_requests
from providers.models import AccessGrant, AccessKind, AccessRequest, Designee
from tests.factories import (
    make_consumed_challenge,
    make_designee,
    make_device,
    make_request,
)
from tests.providers.access.requests import executed, in_force

pytestmark = pytest.mark.django_db


def by_sql(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(2)(i)")
@pytest.mark.cfr("1311.120(b)(4)")
@pytest.mark.parametrize("request_of", ["nobody", "waiting", "other"])
def test_a_grant_without_an_executed_request_cannot_be_inserted(
    nora, alice, practice, entered, request_of
):
    requests = {
        "nobody": None,
        "waiting": entered,
        "other": in_force(alice.provider).get().request,
    }
    AccessGrant.objects.filter(provider=alice.provider)
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessGrant.objects.create(
            provider=nora,
            practice=practice,
            request=requests[request_of],
            granted_by=alice,
            granted_at=timezone.now(),
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(4)")
def test_a_provisional_grant_cannot_be_inserted_any_more(nora, alice):
    with (
        pytest.raises(IntegrityError, match="two people give"),
        transaction.atomic(),
    ):
        AccessGrant.objects.create(
            provider=nora,
            granted_by=alice,
            granted_at=timezone.now(),
            is_provisional=True,
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(4)")
def test_a_request_is_not_executed_by_who_entered_it(alice, manager, entered):
    challenge = make_consumed_challenge(alice, payload_digest=entered.digest)
    with pytest.raises(
        IntegrityError, match=r"second designee|access_request_executed_by_two"
    ):
        executed(entered, by=manager, challenge=challenge)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(3)")
def test_a_request_is_not_executed_without_a_dea_number(sam, practice, entered):
    make_designee(sam, practice=practice)
    make_device(sam)
    challenge = make_consumed_challenge(sam, payload_digest=entered.digest)
    with pytest.raises(IntegrityError, match="second designee"):
        executed(entered, by=sam, challenge=challenge)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.parametrize("wrong", ["none", "other content", "of another"])
def test_a_request_is_not_executed_without_both_factors(alice, bob, entered, wrong):
    challenges_of = {
        "none": lambda: None,
        "other content": lambda: make_consumed_challenge(
            alice, payload_digest="0" * 64
        ),
        "of another": lambda: make_consumed_challenge(
            bob, payload_digest=entered.digest
        ),
    }
    with pytest.raises(
        IntegrityError, match=r"second designee|access_request_executed_by_two"
    ):
        executed(entered, by=alice, challenge=challenges_of[wrong]())


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(c)")
def test_a_request_is_not_executed_for_oneself(nora, practice, entered):
    make_designee(nora.user, practice=practice)
    challenge = make_consumed_challenge(nora.user, payload_digest=entered.digest)
    with pytest.raises(IntegrityError, match="second designee"):
        executed(entered, by=nora.user, challenge=challenge)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(a)")
def test_a_request_of_a_stranger_cannot_be_inserted(nora, practice, mallory, alice):
    with pytest.raises(IntegrityError, match="a designee"), transaction.atomic():
        make_request(practice=practice, provider=nora, entered_by=mallory)


@pytest.mark.both_databases
def test_a_request_for_oneself_cannot_be_inserted(alice, practice):
    with pytest.raises(IntegrityError, match="themselves"), transaction.atomic():
        make_request(practice=practice, provider=alice.provider, entered_by=alice)


@pytest.mark.both_databases
def test_a_request_is_about_one_person(alice, nora, practice):
    with pytest.raises(IntegrityError, match="one person"), transaction.atomic():
        make_request(practice=practice, provider=nora, person=alice)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "column", ["kind", "reason", "digest", "entered_at", "person_id", "provider_id"]
)
def test_a_request_is_not_changed(nora, bob, entered, column):
    values = {
        "kind": AccessKind.REVOKE,
        "reason": "other",
        "digest": "0" * 64,
        "entered_at": timezone.now(),
        "person_id": bob.pk,
        "provider_id": bob.provider.pk,
    }
    with pytest.raises(IntegrityError, match="not changed"), transaction.atomic():
        AccessRequest.objects.filter(pk=entered.pk).update(**{column: values[column]})


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "table",
    ["accessrequest", "accessgrant", "verification", "designee"],
)
@pytest.mark.usefixtures("as_owner")
def test_nothing_of_it_is_deleted(alice, table):
    with pytest.raises(IntegrityError, match="is kept"):
        by_sql(f"DELETE FROM providers_{table}")


@pytest.mark.both_databases
@pytest.mark.usefixtures("as_owner")
def test_a_verification_is_not_changed(entered):
    with pytest.raises(IntegrityError, match="not changed"):
        by_sql("UPDATE providers_verification SET note = %s", "better")


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(c)")
def test_a_grant_is_not_ended_by_one_person(alice, manager):
    with pytest.raises(IntegrityError, match="two people end"), transaction.atomic():
        in_force(alice.provider).update(revoked_by=manager, revoked_at=timezone.now())


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(d)")
def test_an_ended_grant_never_comes_back(alice):
    access_requests.give_up(alice.provider, by=alice, reason="retiring")
    with pytest.raises(IntegrityError, match="not changed"), transaction.atomic():
        AccessGrant.objects.filter(provider=alice.provider).update(
            revoked_by=None, revoked_at=None
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(c)")
def test_who_was_a_designee_when_stays_on_file(alice, practice, sam):
    make_designee(sam, practice=practice)
    access_managers.resign(sam, practice=practice)
    for change in ({"until": None}, {"user": alice}, {"since": timezone.now()}):
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            Designee.objects.filter(user=sam).update(**change)
