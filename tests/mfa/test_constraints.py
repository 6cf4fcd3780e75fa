"""What must never be false is a constraint; each test breaks exactly one."""

import ast
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from mfa.models import Device
from tests.factories import code_of, make_device, make_idme_account

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def refuses(constraint, act):
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        act()
    message = str(refusal.value)
    assert constraint in message or "UNIQUE constraint failed" in message


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.115(b)")
@pytest.mark.parametrize(
    "broken",
    [
        {"confirmed": False},
        {"retired_at": "2026-01-01T00:00Z", "retired_because": "removed"},
        {"disabled_at": "2026-01-01T00:00Z"},
        {"kind": "text"},
        {"kind": "email"},
    ],
)
def test_only_a_confirmed_kept_signing_device_is_primary(phone, broken):
    rows = Device.objects.filter(pk=phone.pk)

    refuses(
        "device_primary_is_confirmed_kept_and_may_sign", lambda: rows.update(**broken)
    )


def test_there_is_one_primary_per_user(alice, phone):
    refuses(
        "device_one_primary_per_user",
        lambda: make_device(alice, name="Second", is_primary=True),
    )


def test_a_nickname_is_unique_in_any_case(alice, phone):
    refuses(
        "device_nickname_unique_per_user", lambda: make_device(alice, name="MYIPHONE")
    )


def test_a_retired_device_frees_its_nickname(alice, phone):
    Device.objects.filter(pk=phone.pk).update(
        retired_at="2026-01-01T00:00Z", retired_because="removed", is_primary=False
    )

    assert make_device(alice, name="MyiPhone").pk


@pytest.mark.cfr("1311.102(a)")
def test_one_seed_is_on_one_device_only(phone, bob):
    refuses(
        "device_seed_on_one_device_only", lambda: make_device(bob, seed=phone.seed())
    )


def test_an_idme_account_is_linked_once(alice, mallory):
    refuses(
        "idme_account_linked_once",
        lambda: make_idme_account(
            mallory, subject=alice.idme_accounts.linked().get().subject
        ),
    )


@pytest.mark.parametrize(
    ("constraint", "broken"),
    [
        ("device_kind_known", {"kind": "magic", "is_primary": False}),
        ("device_source_known", {"source": "magic"}),
        ("device_retired_for_a_reason", {"retired_because": "removed"}),
        ("device_clock_offset_clamped", {"clock_offset": 3}),
        ("device_code_generator_has_a_seed", {"sealed_seed": ""}),
    ],
)
def test_a_device_is_what_it_says(phone, constraint, broken):
    rows = Device.objects.filter(pk=phone.pk)

    refuses(constraint, lambda: rows.update(**broken))


@pytest.mark.cfr("1311.115(a)")
def test_nothing_but_the_engine_verifies_codes():
    """Adversarial case B14: no other path to a verified code exists."""
    root = Path(__file__).parents[2]
    forbidden = {"verify_token", "match_token", "verify", "verify_and_get_timecode"}
    callers = set()
    for app in ["audit", "epcs_portal", "mfa", "prescriptions", "providers"]:
        for path in (root / app).rglob("*.py"):
            source = path.read_text()
            if "pyotp" not in source and "_token(" not in source:
                continue
            callers |= {
                f"{path.relative_to(root)}:{node.func.attr}"
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in forbidden
            }

    assert callers == set()


def test_a_device_verifies_no_token_by_itself(phone):
    assert phone.verify_token(code_of(phone)) is False
