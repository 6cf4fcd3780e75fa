"""Rows of many tables, read by one statement, are what the ORM reads one by one."""

import pytest
from django.db.models import F
from pytest_django import DjangoAssertNumQueries

from audit.models import ChainHead, Event
from foundation.statements import Prepared, PreparedCounts, fetch, update_returning
from mfa.models import Device, IdmeAccount, UserThrottle
from prescriptions.models import (
    ClockMeasurement,
    Drug,
    Prescription,
    SignedRecord,
    SigningKey,
    Transmission,
)
from providers.models import AccessGrant, DeaRegistration, Practice, StateLicense
from tests.prescriptions.factories import make_draft, make_ready

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MODELS = [
    AccessGrant,
    ChainHead,
    ClockMeasurement,
    DeaRegistration,
    Device,
    Drug,
    Event,
    IdmeAccount,
    Practice,
    Prescription,
    SigningKey,
    StateLicense,
    UserThrottle,
]


def test_every_column_is_as_the_orm_reads_it(
    alice, django_assert_num_queries: DjangoAssertNumQueries
):
    make_draft(alice.provider, quantity="0.5")
    make_ready(alice.provider)
    querysets = [model.objects.all() for model in MODELS]

    with django_assert_num_queries(1):
        results = fetch(*querysets)

    for queryset, rows in zip(querysets, results, strict=True):
        assert {row.pk: _columns(row) for row in rows} == {
            row.pk: _columns(row) for row in queryset
        }
    assert {Device, Event, Prescription} <= {type(rows[0]) for rows in results if rows}


def test_nothing_found_is_an_empty_list(alice, mallory):
    assert fetch(
        Device.objects.filter(user=mallory), Device.objects.filter(user=alice)
    ) == [[], [alice.mfa_devices.get()]]


def test_what_json_does_not_keep_is_refused(db):
    with pytest.raises(TypeError, match="xml of Transmission"):
        fetch(Transmission.objects.all(), SignedRecord.objects.all())


def _columns(row):
    return [getattr(row, field.attname) for field in row._meta.concrete_fields]


def test_a_changed_row_is_read_back_by_the_same_statement(
    phone, django_assert_num_queries: DjangoAssertNumQueries
):
    row = Device.objects.filter(pk=phone.pk, failures_since_success=0)

    with django_assert_num_queries(1):
        (changed,) = update_returning(
            row, failures_since_success=F("failures_since_success") + 1
        )

    phone.refresh_from_db()
    assert _columns(changed) == _columns(phone)
    assert changed.failures_since_success == 1
    assert update_returning(row, last_step=7) == []


def _devices_named(*, user, name):
    own = Device.objects.filter(user=user)
    return {"all": own, "named": own.filter(name=name)}


def test_a_prepared_statement_answers_as_fetch_does(
    alice, bob, django_assert_num_queries: DjangoAssertNumQueries
):
    prepared = Prepared(_devices_named)
    for user, name in [(alice, "MyiPhone"), (bob, "MyiPhone"), (bob, "Another")]:
        expected = fetch(*_devices_named(user=user.pk, name=name).values())
        with django_assert_num_queries(1):
            answers = prepared.fetch(user=user.pk, name=name)

        assert [*answers] == ["all", "named"]
        assert [*answers.values()] == expected


def test_a_prepared_statement_builds_its_sql_once(alice):
    built = []

    def build(*, user):
        built.append(user)
        return {"own": Device.objects.filter(user=user)}

    prepared = Prepared(build)
    for _ in range(3):
        assert prepared.fetch(user=alice.pk)["own"] == [alice.mfa_devices.get()]

    assert len(built) == 1
    assert built != [alice.pk]


def test_a_value_that_no_filter_is_about_is_a_mistake(alice):
    prepared = Prepared(lambda *, user, name: {"own": Device.objects.filter(user=user)})

    with pytest.raises(TypeError, match="the name asked for"):
        prepared.fetch(user=alice.pk, name="MyiPhone")


def test_rows_of_several_querysets_are_counted_at_once(
    alice, django_assert_num_queries: DjangoAssertNumQueries
):
    counts = PreparedCounts(_devices_named)

    with django_assert_num_queries(1):
        counted = counts.count(user=alice.pk, name="Another")

    assert counted == {"all": 1, "named": 0}
