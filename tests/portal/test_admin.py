"""Section J of the adversarial cases: the administration site."""

import html

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.models import Device
from prescriptions.models import ReceivedMessage
from providers import access_managers
from tests.factories import (
    PASSWORD,
    code_of,
    make_agent,
    make_device,
    make_idme_account,
    make_provider,
    make_user,
)
from tests.prescriptions.factories import make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client):
    """A superuser with a code generator, who has passed the gate."""
    user = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(user, name="Root phone")
    client.force_login(user)
    enter(client, device)
    return user


def enter(client, device, **overrides):
    data = {"password": PASSWORD, "code": code_of(device)}
    return client.post(reverse("admin-verify"), data | overrides)


def test_password_and_code_open_the_admin(client, root):
    assert client.get(reverse("admin:index")).status_code == 200
    assert Event.objects.filter(act=Act.ADMIN_SIGNED_IN).count() == 1


@pytest.mark.parametrize("wrong", [{"code": "000000"}, {"password": "guess"}])
def test_one_factor_does_not(client, wrong):
    user = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(user)
    client.force_login(user)

    assert enter(client, device, **wrong).status_code == 422
    assert client.get(reverse("admin:index")).status_code == 302


def test_whoever_is_not_staff_is_turned_away(client, alice):
    client.force_login(alice)

    assert client.get(reverse("admin-verify")).status_code == 403


def test_a_retired_device_closes_the_admin(client, root):
    Device.objects.filter(user=root).update(confirmed=False)

    assert client.get(reverse("admin:index")).status_code == 302


@pytest.mark.parametrize(
    "ended",
    [
        {"retired_at": timezone.now(), "retired_because": "removed"},
        {"disabled_at": timezone.now()},
    ],
)
def test_a_device_that_ended_closes_the_admin_at_once(client, root, ended):
    Device.objects.filter(user=root).update(**ended)

    assert client.get(reverse("admin:index")).status_code == 302


def test_the_way_in_ends_at_the_page_that_was_wanted(client):
    user = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(user)
    wanted = reverse("admin:providers_practice_changelist")

    response = client.get(wanted, follow=True)
    signed_in = client.post(
        reverse("sign-in"),
        {
            "username": "root",
            "password": PASSWORD,
            "next": response.context["next"],
        },
        follow=True,
    )
    verify = signed_in.request["PATH_INFO"] + "?" + signed_in.request["QUERY_STRING"]
    entered = client.post(verify, {"password": PASSWORD, "code": code_of(device)})

    assert entered.url == wanted


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "\\\\evil", "foo"]
)
def test_the_way_in_leads_nowhere_else(client, target):
    user = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(user)
    client.force_login(user)
    data = {"password": PASSWORD, "code": code_of(device)}

    response = client.post(reverse("admin-verify", query={"next": target}), data)

    assert response.url == reverse("admin:index")


@pytest.mark.cfr("1311.150(a)(1)")
def test_a_refused_way_in_goes_on_record(client, alice):
    client.force_login(alice)
    client.get(reverse("admin-verify"))
    root = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(root)
    client.force_login(root)
    enter(client, device, code="000000")

    refused = Event.objects.filter(act=Act.ADMIN_SIGN_IN_FAILED).order_by("at")
    assert [(event.actor, event.detail["reason"]) for event in refused] == [
        ("alice", "not_administrator"),
        ("root", "not_proven"),
    ]


def test_staff_without_a_device_read_how_to_get_one(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))

    page = client.get(reverse("admin-verify")).content.decode()

    assert "You have no device yet" in page
    assert reverse("erx-info") in page


def test_the_session_changes_on_the_way_in(client):
    user = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(user)
    client.force_login(user)
    before = client.session.session_key

    enter(client, device)

    assert client.session.session_key != before


def test_a_password_that_an_administrator_sets_goes_on_record(client, root, alice):
    page = reverse("admin:auth_user_password_change", args=[alice.pk])
    new = "another long password 7"
    data = {"usable_password": "true", "password1": new, "password2": new}

    assert client.post(page, data).status_code == 302

    alice.refresh_from_db()
    assert alice.check_password(new)
    event = Event.objects.get(act=Act.USER_CHANGED)
    assert (event.actor, event.detail) == ("root", {"fields": ["password"]})


def test_the_admin_s_own_password_page_is_that_of_the_portal(client, root):
    response = client.get(reverse("admin:password_change"))

    assert response.url == reverse("password-change")


def test_losing_staff_closes_the_admin(client, root):
    root.is_staff = False
    root.save()

    assert client.get(reverse("admin:index")).status_code == 302


def test_no_page_of_the_admin_shows_a_secret(client, root, alice, phone):
    account = alice.idme_accounts.linked().get()
    account.set_refresh_token("refresh-me")
    account.save()
    secrets = [
        phone.sealed_seed,
        phone.seed_fingerprint,
        phone.seed().hex(),
        account.sealed_refresh_token,
        alice.password,
    ]

    for path in _admin_pages():
        page = client.get(path).content.decode()
        assert not [secret for secret in secrets if secret in page], path


@pytest.mark.cfr("1311.120(b)(26)")
def test_nothing_regulated_can_be_added_changed_or_deleted(client, root, phone):
    for label in ["mfa_device", "mfa_challenge", "mfa_idmeaccount", "audit_event"]:
        assert client.get(reverse(f"admin:{label}_add")).status_code == 403
    change = reverse("admin:mfa_device_change", args=[phone.pk])
    assert client.post(change, {"name": "mine"}).status_code == 403
    delete = reverse("admin:mfa_device_delete", args=[phone.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


def test_a_user_who_did_something_cannot_be_deleted(client, root, alice):
    delete = reverse("admin:epcs_portal_user_delete", args=[alice.pk])

    assert client.post(delete, {"post": "yes"}).status_code == 403


@pytest.mark.cfr("1311.120(b)(2)(ii)")
@pytest.mark.cfr("1311.120(b)(4)")
@pytest.mark.parametrize(
    "label", ["accessgrant", "accessrequest", "suspension", "designee"]
)
def test_the_admin_shows_who_may_sign_and_changes_nothing(client, root, alice, label):
    row = apps.get_model("providers", label).objects.first()
    pk = row.pk if row else 1
    if label != "designee":
        assert client.get(reverse(f"admin:providers_{label}_add")).status_code == 403
    change = reverse(f"admin:providers_{label}_change", args=[pk])
    assert client.post(change, {"state": "executed"}).status_code in (302, 403)
    delete = reverse(f"admin:providers_{label}_delete", args=[pk])
    assert client.post(delete, {"post": "yes"}).status_code in (302, 403)
    with pytest.raises(NoReverseMatch):
        reverse("admin:providers_provider_approve", args=[alice.provider.pk])


@pytest.mark.cfr("1311.125(a)")
def test_the_admin_names_the_first_designees_and_no_more(client, root, practice, sam):
    nina = make_provider("nina", practice=practice)
    make_agent("olaf", practice=practice)
    add = reverse("admin:providers_designee_add")

    for user in (sam, nina.user):
        client.post(add, {"user": user.pk, "practice": practice.pk})
    refused = client.post(
        add,
        {"user": practice.memberships.last().user_id, "practice": practice.pk},
    )

    assert set(access_managers.of(practice)) == {sam, nina.user}
    assert "has its designees" in refused.content.decode()
    assert Event.objects.filter(act=Act.DESIGNEE_NAMED, actor="root").count() == 2


@pytest.mark.cfr("1311.125(c)")
@pytest.mark.parametrize(
    ("label", "row", "owner"),
    [
        ("provider", lambda alice: alice.provider, "user"),
        ("dearegistration", lambda a: a.provider.dea_registrations.get(), "provider"),
        ("statelicense", lambda a: a.provider.state_licenses.get(), "provider"),
        ("membership", lambda alice: alice.memberships.get(), "user"),
    ],
)
def test_nobody_takes_over_what_is_another_s(
    client, root, alice, bob, label, row, owner
):
    row = row(alice)
    other = {"user": root.pk, "provider": bob.provider.pk}[owner]
    page = reverse(f"admin:providers_{label}_change", args=[row.pk])
    form = client.get(page).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}

    response = client.post(page, data | {owner: other})

    assert owner not in form.fields
    assert response.status_code == 302
    kept = type(row).objects.get(pk=row.pk)
    assert getattr(kept, owner) == getattr(row, owner)


def test_what_pharmacies_sent_is_read_to_the_byte(client, root):
    message = ReceivedMessage.objects.create(
        sender="9900001",
        message_id="one",
        kind="RxRenewalRequest",
        digest="0" * 64,
        content=b"<Message>Renew \xc3\xa9 & more</Message>",
        answer=b"<Status>010</Status>",
    )
    window = reverse("admin:prescriptions_receivedmessage_change", args=[message.pk])

    page = html.unescape(client.get(window).content.decode())

    assert "<Message>Renew é & more</Message>" in page
    assert "<Status>010</Status>" in page


def test_no_patient_is_searched_for_in_an_address(client, root, practice):
    make_patient(practice, last_name="Wanted")
    make_patient(practice, last_name="Other")

    page = client.get(
        reverse("admin:prescriptions_patient_changelist"), {"q": "Wanted"}
    ).content.decode()

    assert 'name="q"' not in page
    assert "Other" in page


def test_the_front_of_the_admin_is_written_for_people(client, root):
    page = client.get(reverse("admin:index")).content.decode()

    assert "Background tasks" in page
    assert "Tasks Database Backend" not in page
    assert "Audit record" in page


def test_a_list_of_providers_costs_the_same_however_long(client, root, alice, practice):
    listing = reverse("admin:providers_provider_changelist")
    with CaptureQueriesContext(connection) as short:
        client.get(listing)
    for number in range(4):
        make_provider(f"provider-{number}", practice=practice)
    with CaptureQueriesContext(connection) as long:
        client.get(listing)

    assert len(long) == len(short)


def test_the_page_of_a_provider_shows_approval_and_identity(
    client, root, alice, practice
):
    nina = make_provider("nina", practice=practice)
    make_idme_account(nina.user)

    def text_of(provider):
        page = reverse("admin:providers_provider_change", args=[provider.pk])
        return client.get(page).content.decode()

    assert "executed by alice" in text_of(alice.provider)
    assert "verified with ID.me as Nina Example" in text_of(nina)
    assert "Not given." in text_of(nina)


def test_a_change_of_facts_goes_on_record(client, root, practice):
    page = reverse("admin:providers_practice_change", args=[practice.pk])
    form = client.get(page).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}

    response = client.post(page, data | {"phone": "5185550199"})

    assert response.status_code == 302
    event = Event.objects.get(act=Act.ADMIN_CHANGED)
    assert event.detail["fields"] == ["phone"]


def _admin_pages():
    for model in apps.get_models():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        try:
            listing = reverse(f"admin:{label}_changelist")
        except NoReverseMatch:
            continue
        yield listing
        for row in model.objects.all()[:5]:
            yield reverse(f"admin:{label}_change", args=[row.pk])
            yield reverse(f"admin:{label}_history", args=[row.pk])
