import pytest
from django.core.management import call_command

from audit.acts import Act
from audit.models import Event
from mfa import vault
from mfa.refusals import CodeRefused
from tests.factories import code_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_rotation_reseals_every_secret_and_can_be_run_again(alice, phone, settings):
    seed = phone.seed()
    account = alice.idme_accounts.linked().get()
    account.set_refresh_token("token")
    account.save()
    settings.FIELD_KEYS = [("f2", b"n" * 32), *settings.FIELD_KEYS]

    first = call_command("rotate_field_keys")
    second = call_command("rotate_field_keys")

    assert (first[:8], second[:8]) == ("Sealed 2", "Sealed 0")
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    phone.refresh_from_db()
    account.refresh_from_db()
    assert phone.seed() == seed
    assert account.refresh_token() == "token"
    assert Event.objects.filter(act=Act.KEY_ROTATED).count() == 1


def test_a_lost_key_is_said_and_changes_nothing(phone, settings):
    settings.FIELD_KEYS = [("f2", b"n" * 32)]

    with pytest.raises(vault.CannotUnseal, match="f1"):
        call_command("rotate_field_keys")


def test_codes_from_before_a_restored_backup_are_refused(prove, phone):
    """Adversarial case B11."""
    code = code_of(phone)

    call_command("burn_codes")

    with pytest.raises(CodeRefused, match="used already"):
        prove(code=code)
