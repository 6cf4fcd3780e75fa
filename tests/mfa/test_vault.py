import pytest

from mfa import vault

PLACE = {"table": "mfa_device", "column": "sealed_seed", "row": "1:a"}


def test_what_was_sealed_opens_in_its_place():
    assert vault.unseal(vault.seal(b"seed", **PLACE), **PLACE) == b"seed"


@pytest.mark.parametrize("moved", ["table", "column", "row"])
def test_a_sealed_value_opens_nowhere_else(moved):
    sealed = vault.seal(b"seed", **PLACE)

    with pytest.raises(vault.CannotUnseal):
        vault.unseal(sealed, **PLACE | {moved: "elsewhere"})


@pytest.mark.parametrize("broken", ["", "f1.", "f1.AAAA", "f1.not base64", "gone.AAAA"])
def test_broken_values_and_unknown_keys_are_refused(broken):
    with pytest.raises(vault.CannotUnseal):
        vault.unseal(broken, **PLACE)


def test_the_same_secret_never_looks_the_same():
    assert len({vault.seal(b"seed", **PLACE) for _ in range(10_000)}) == 10_000


def test_older_keys_still_open(settings):
    sealed = vault.seal(b"seed", **PLACE)
    settings.FIELD_KEYS = [("f2", b"n" * 32), *settings.FIELD_KEYS]

    assert vault.unseal(sealed, **PLACE) == b"seed"
    assert not vault.is_sealed_with_current_key(sealed)
