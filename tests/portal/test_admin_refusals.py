"""What the administration site does not take, and how it says so."""

import pytest
from django.core import mail
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from providers.institutions import roster
from providers.models import Membership, Role
from tests.factories import (
    PASSWORD,
    code_of,
    make_designee,
    make_device,
    make_institution,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client):
    """A superuser with a code generator, who has passed the gate."""
    user = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(user)
    client.force_login(user)
    data = {"password": PASSWORD, "code": code_of(device)}
    client.post(reverse("admin-verify"), data)
    return user


@pytest.fixture
def hospital(db):
    return make_institution()


def post(client, row, **changes):
    """Save the form of a row with something changed in it."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    page = reverse(name, args=[row.pk])
    form = client.get(page).context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in shown.items() if value not in (None, False)}
    return client.post(page, data | changes, follow=True)


def test_what_the_database_refuses_is_said(client, root, alice, hospital):
    row = alice.provider.dea_registrations.get()

    page = post(client, row, institution=hospital.pk, internal_code="A1")

    assert "Nothing was changed: the DEA number is not" in page.content.decode()
    row.refresh_from_db()
    assert row.institution is None
    assert not Event.objects.filter(act=Act.ADMIN_CHANGED).exists()


def test_a_practice_whose_offices_would_mix_does_not_join(
    client, root, sam, practice, hospital
):
    ward = Membership.objects.create(user=root, practice=practice, role=Role.AGENT)
    roster.appoint_officer(ward.user, institution=hospital, by=None)
    make_designee(ward.user, practice=practice)

    page = post(client, practice, institution=hospital.pk)

    assert "Nothing was changed: those who proof" in page.content.decode()


def test_a_user_name_stays_with_whom_the_record_means(client, root, alice):
    post(client, alice, username="someone", first_name="Alicia")

    alice.refresh_from_db()
    assert (alice.username, alice.first_name) == ("alice", "Alicia")


def set_password(client, pk, new):
    page = reverse("admin:auth_user_password_change", args=[pk])
    data = {"usable_password": "true", "password1": new, "password2": new}
    return client.post(page, data)


@pytest.mark.parametrize("written", ["{}", "0{}", " {} "])
def test_the_own_password_is_changed_by_who_knows_it(client, root, written):
    response = set_password(client, written.format(root.pk), "another password 7")

    assert response.url == reverse("password-change")
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_who_gets_another_password_is_told(client, root, mallory):
    set_password(client, mallory.pk, "another password 7")

    [told] = mail.outbox
    assert told.to == ["mallory@demo.example"]
    assert "another password 7" not in told.body


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_former_address_is_told_that_it_was_changed(client, root, mallory):
    post(client, mallory, email="elsewhere@demo.example")

    assert [told.to for told in mail.outbox] == [["mallory@demo.example"]]
    mallory.refresh_from_db()
    assert mallory.email == "elsewhere@demo.example"
