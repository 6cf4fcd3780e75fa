from datetime import timedelta

import pytest
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa import devices, totp
from mfa.idme import device_sync
from mfa.models import Device, Kind
from tests.factories import code_of, make_device
from tests.mfa.idme.lists import names_of
from tests.mfa.idme.provider import MISSING, listed
from tests.threads import at_once

SECRETS = ["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"]


def test_new_devices_are_listed_under_their_names(take, alice, mailoutbox):
    changes = take(
        listed(SECRETS[0], name="MyiPhone"), listed(SECRETS[1], name="OfficeiPad")
    )

    # Alice has a "MyiPhone" already, of the portal.
    assert names_of(alice) == ["MyiPhone (2)", "OfficeiPad"]
    assert str(changes) == "2 devices added."
    assert len(mailoutbox) == 2


def test_a_code_generator_of_idme_makes_the_right_codes(take, alice):
    take(listed(SECRETS[0], id="one"))

    device = alice.mfa_devices.get(external_id="one")
    assert device.kind == Kind.CODE_GENERATOR
    assert device.seed() == totp.from_base32(SECRETS[0])
    assert SECRETS[0] not in device.sealed_seed
    assert not device.is_primary


@pytest.mark.cfr("1311.115(a)")
def test_the_code_used_at_idme_is_worth_nothing_here(take, alice):
    take(listed(id="one"))

    device = alice.mfa_devices.get(external_id="one")
    assert device.last_step == totp.step_at(timezone.now().timestamp())
    assert code_of(device) == totp.code_at(device.seed(), device.last_step)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("push", Kind.PUSH),
        ("text", Kind.TEXT),
        ("phone", Kind.PHONE),
        ("email", Kind.EMAIL),
        ("carrier pigeon", Kind.OTHER),
    ],
)
def test_other_kinds_are_listed_as_what_they_are(take, alice, type_, kind):
    take(listed(id="one", type=type_, secret=MISSING))

    assert alice.mfa_devices.get(external_id="one").kind == kind


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.115(b)")
@pytest.mark.parametrize("type_", ["text", "phone", "email", "carrier pigeon"])
def test_what_the_law_does_not_accept_cannot_sign(take, alice, type_):
    take(listed(id="one", type=type_))

    device = alice.mfa_devices.get(external_id="one")
    assert not Device.objects.usable().filter(pk=device.pk).exists()
    assert device.sealed_seed == ""


def test_the_same_list_again_changes_nothing(take, alice):
    entry = listed(id="one")
    take(entry)
    before = alice.mfa_devices.get(external_id="one")

    assert not take(entry)
    assert alice.mfa_devices.get(external_id="one").last_step == before.last_step


def test_a_name_given_here_is_kept(take, alice):
    take(listed(id="one", name="OfficeiPad"))
    device = alice.mfa_devices.get(external_id="one")
    devices.rename(device, by=alice, nickname="The old one")

    take(listed(id="one", name="OfficeiPad"))

    assert names_of(alice) == ["The old one"]


def test_a_device_that_vanished_is_retired_at_once(take, alice):
    take(listed(id="one"), listed(SECRETS[1], id="two"))

    assert str(take(listed(id="one"))) == "1 device removed."

    assert alice.mfa_devices.get(external_id="two").retired_at is not None
    retired = Event.objects.get(act=Act.DEVICE_RETIRED)
    assert retired.detail["reason"] == "vanished"


@pytest.mark.cfr("1311.115(a)(3)")
def test_a_vanished_primary_stops_signing_and_nobody_takes_its_place(
    take, alice, phone, mailoutbox
):
    take(listed(id="one"), listed(SECRETS[1], id="two"))
    Device.objects.filter(pk=phone.pk).update(is_primary=False)
    alice.mfa_devices.filter(external_id="one").update(is_primary=True)
    mailoutbox.clear()

    take(listed(SECRETS[1], id="two"))

    assert devices.primary_of(alice) is None
    (mail,) = mailoutbox
    assert "signing has stopped" in mail.subject


def test_portal_devices_are_not_idmes_to_remove(take, phone):
    take()

    phone.refresh_from_db()
    assert phone.retired_at is None


def test_another_seed_under_the_same_id_is_another_device(take, alice):
    take(listed(SECRETS[0], id="one"))
    take(listed(SECRETS[1], id="one"))

    old, new = alice.mfa_devices.filter(external_id="one").order_by("pk")
    assert old.retired_at is not None
    assert new.retired_at is None
    assert new.seed() == totp.from_base32(SECRETS[1])


def test_a_device_removed_here_stays_removed(take, alice):
    take(listed(id="one"))
    alice.mfa_devices.filter(external_id="one").update(
        retired_at=timezone.now(), retired_because="removed"
    )

    assert not take(listed(id="one"))
    assert not take(listed(id="same seed, another id"))
    assert names_of(alice) == []


def test_a_device_without_a_seed_that_was_removed_here_stays_removed(take, alice):
    take(listed(id="one", type="push"))
    alice.mfa_devices.filter(external_id="one").update(
        retired_at=timezone.now(), retired_because="removed"
    )

    assert not take(listed(id="one", type="push"))
    assert names_of(alice) == []


def test_a_list_older_than_the_last_one_changes_nothing(take, alice):
    asked_first = timezone.now()
    take(listed(id="one"))

    assert not take(at=asked_first - timedelta(seconds=1))
    assert names_of(alice) == ["MyiPhone (2)"]


MALFORMED = {
    "not a list": {"id": "x"},
    "a string": "devices",
    "51 devices": [listed(type="push") for _ in range(51)],
    "an entry that is a string": ["x"],
    "no id": [listed(id=MISSING)],
    "an empty id": [listed(id="")],
    "a number for an id": [listed(id=7)],
    "an id of 101 characters": [listed(id="x" * 101)],
    "no type": [listed(type=MISSING)],
    "a list for a name": [listed(name=["x"])],
    "no secret": [listed(secret=MISSING)],
    "not base32": [listed("not base32 at all 0189 !!!!!!!!!")],
    "letters outside ASCII": [listed("é" * 32)],
    "a seed of 80 bits": [listed("JBSWY3DPEHPK3PXP")],
    "a seed of 10 kB": [listed("A" * 10_000)],
    "a number for a secret": [listed(secret=7)],
    "8 digits": [listed(digits=8)],
    "digits as text": [listed(digits="6")],
    "60 seconds": [listed(period=60)],
    "period true": [listed(period=True)],
    "SHA-256": [listed(algorithm="SHA256")],
    "algorithm null": [listed(algorithm=None)],
    "an id twice": [listed(id="x"), listed(SECRETS[1], id="x")],
    "a seed twice": [listed(), listed()],
}


@pytest.mark.parametrize("entries", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_list_is_refused_as_a_whole(take, account, alice, entries):
    take(listed(SECRETS[1], id="kept"))
    account.refresh_from_db()
    if isinstance(entries, list):
        entries = [listed("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", name="Fine"), *entries]

    with pytest.raises(device_sync.DeviceListRefused) as refusal:
        device_sync.apply_list(account, entries, by=alice, at=timezone.now())

    assert "tell your administrator" in str(refusal.value).lower()
    assert names_of(alice) == ["MyiPhone (2)"]
    before = account.devices_refreshed_at
    account.refresh_from_db()
    assert account.devices_refreshed_at == before


@pytest.mark.both_databases
@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.102(a)")
def test_a_seed_of_somebody_else_is_refused(take, alice, bob):
    make_device(bob, seed=totp.from_base32(SECRETS[0]))

    with pytest.raises(device_sync.DeviceListRefused):
        take(listed(SECRETS[1]), listed(SECRETS[0]))

    assert names_of(alice) == []


def test_names_are_one_clean_line(take, alice):
    take(
        listed(id="one", name="My\n\u202e phone\x00  "),
        listed(SECRETS[1], id="two", name="\u200b"),
    )

    assert names_of(alice) == ["Code generator", "My phone"]


@pytest.mark.both_databases
def test_names_that_collide_in_any_case_are_numbered(take, alice):
    name = "X" * 64
    take(
        listed(SECRETS[0], name=name),
        listed(SECRETS[1], name=name.lower()),
    )

    assert names_of(alice) == sorted([name, "x" * 60 + " (2)"])


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_list_applied_many_times_at_once_adds_each_device_once(account):
    entries = [listed(SECRETS[0], id="one"), listed(SECRETS[1], id="two")]

    results = at_once(
        lambda _: device_sync.apply_list(
            account, entries, by=account.user, at=timezone.now()
        ),
        times=6,
    )

    assert not [r for r in results if isinstance(r, Exception)], results
    assert sum(changes.added for changes in results) == 2
    assert len(names_of(account.user)) == 2


def test_a_device_that_idme_left_out_for_a_while_comes_back(take, alice):
    """An empty list by mistake at ID.me must not cost every provider a device."""
    known = listed(name="OfficeiPad")
    take(known)
    device = alice.mfa_devices.get(source="idme")
    take()

    take(known)

    device.refresh_from_db()
    assert (device.retired_at, device.retired_because) == (None, "")
    assert not device.is_primary
    assert names_of(alice) == ["OfficeiPad"]
