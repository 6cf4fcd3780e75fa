import json
from unittest.mock import patch

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from audit.models import Event
from mfa import challenges, devices
from mfa.idme import link
from mfa.models import Device, IdmeAccount
from prescriptions.models import Patient, Pharmacy, Prescription
from providers import standing
from providers.models import AccessGrant, Practice, Provider
from providers.readiness import blockers_to_signing
from sandbox.demo import folder as demo_folder

pytestmark = pytest.mark.django_db
TABLES = [
    AccessGrant,
    Device,
    Event,
    IdmeAccount,
    Patient,
    Pharmacy,
    Practice,
    Prescription,
    Provider,
    get_user_model(),
]


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("DEMO_WORLD", str(tmp_path / "world.json"))
    return demo_folder.world_of(tmp_path)


@pytest.fixture
def seeded(world):
    call_command("load_formulary", verbosity=0)
    call_command("seed_demo", verbosity=0)


def person(username):
    return get_user_model().objects.get(username=username)


def blockers_of(username):
    provider = person(username).provider
    practice = provider.user.memberships.get().practice
    return blockers_to_signing(standing.of(provider, practice=practice))


def test_riley_can_sign(seeded):
    assert blockers_of("riley.ready") == []
    assert devices.primary_of(person("riley.ready")).name == "MyiPhone"
    assert person("riley.ready").mfa_devices.usable().count() == 3


def test_nora_has_everything_before_her(seeded):
    nora = person("nora.new")

    assert len(blockers_of("nora.new")) == 3
    assert not nora.mfa_devices.exists()
    assert not IdmeAccount.objects.filter(user=nora).exists()


def test_sam_prepares_and_prescribes_nothing(seeded):
    sam = person("sam.staff")

    assert not hasattr(sam, "provider")
    assert not hasattr(sam, "idme_account")
    prepared = Prescription.objects.filter(prepared_by=sam)
    assert prepared.filter(drug__name__startswith="Oxycodone").count() >= 2


def test_alex_can_enter_the_admin_and_sign_nothing(seeded):
    alex = person("alex.admin")

    assert alex.is_staff
    assert alex.is_superuser
    assert devices.primary_of(alex)
    assert not hasattr(alex, "provider")


def test_the_practices_do_not_see_each_other(seeded):
    riley, wren = person("riley.ready"), person("wren.west")

    assert Patient.objects.visible_to(riley).count() == 5
    assert Patient.objects.visible_to(wren).count() == 3
    assert len({practice.time_zone for practice in Practice.objects.all()}) == 2


def test_every_row_is_valid_and_labelled_as_demo(seeded):
    for model in (Practice, Provider, Patient, Pharmacy, Prescription):
        for row in model.objects.all():
            row.full_clean()
    for place in (*Practice.objects.all(), *Pharmacy.objects.all()):
        assert "(Demo)" in place.name
    for user in get_user_model().objects.all():
        assert user.email.endswith("@demo.example")
    for provider in Provider.objects.all():
        provider.dea_registrations.get().full_clean()


def test_one_pharmacy_takes_no_controlled_substances_electronically(seeded):
    assert Pharmacy.objects.filter(accepts_epcs=False).count() == 1


def test_the_record_tells_how_it_came_about(seeded):
    acts = set(Event.objects.values_list("act", flat=True))

    assert acts >= {
        "access.granted",
        "challenge.passed",
        "device.added",
        "device.primary_selected",
        "idme.linked",
        "prescription.created",
        "user.added",
    }
    call_command("verify_audit", verbosity=0)


@pytest.mark.both_databases
def test_seeding_twice_changes_nothing(seeded):
    before = [model.objects.count() for model in TABLES]

    call_command("seed_demo", verbosity=0)

    assert [model.objects.count() for model in TABLES] == before


def test_what_somebody_changed_stays_changed(seeded):
    Device.objects.filter(user=person("riley.ready")).update(is_primary=False)
    draft = Prescription.objects.first()
    draft.directions = "Changed by a visitor."
    draft.save()

    call_command("seed_demo", verbosity=0)

    draft.refresh_from_db()
    assert draft.directions == "Changed by a visitor."
    assert devices.primary_of(person("riley.ready")) is None


def test_links_follow_the_stand_in_to_other_ports(seeded, world, settings):
    settings.IDME_ISSUER = "http://localhost:9001/oidc"

    call_command("seed_demo", verbosity=0)

    account = person("riley.ready").idme_accounts.linked().get()
    assert account.issuer == "http://localhost:9001/oidc"
    assert link.usable_refresh_token(account) == next(
        entry["refresh_token"]
        for entry in world["idme"]["accounts"]
        if entry["key"] == "ready"
    )


@pytest.mark.both_databases
def test_a_seeding_that_was_interrupted_is_finished(world):
    call_command("load_formulary", verbosity=0)
    with (
        patch.object(challenges, "prove", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        call_command("seed_demo", verbosity=0)

    call_command("seed_demo", verbosity=0)

    assert blockers_of("riley.ready") == []
    assert Device.objects.filter(user=person("alex.admin")).count() == 1


def test_it_refuses_anywhere_but_in_a_demonstration(world, settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="no demonstration"):
        call_command("seed_demo")

    assert not get_user_model().objects.exists()


def test_it_needs_a_world(monkeypatch):
    monkeypatch.delenv("DEMO_WORLD", raising=False)

    with pytest.raises(CommandError, match="DEMO_WORLD"):
        call_command("seed_demo")


def test_the_world_differs_between_installations(tmp_path):
    worlds = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        worlds.append(demo_folder.world_of(tmp_path / name))

    secrets = [
        {
            device["secret"]
            for person in world["idme"]["accounts"]
            for device in person["devices"]
            if "secret" in device
        }
        | {world["password"]}
        for world in worlds
    ]

    assert not secrets[0] & secrets[1]
    assert json.loads((tmp_path / "one" / "world.json").read_text()) == worlds[0]
