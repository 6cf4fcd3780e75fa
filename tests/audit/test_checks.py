import pytest
from django.test import override_settings

from audit.checks import check_audit_keys

A, B = b"a" * 32, b"b" * 32


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ([], "audit.E001"),
        ([("a1", b"short")], "audit.E002"),
        ([("a1", A), ("a1", B)], "audit.E003"),
        ([("a1", A), ("a2", A)], "audit.E004"),
        ([("", A)], "audit.E005"),
        ([("a" * 41, A)], "audit.E005"),
    ],
)
def test_keys_that_protect_nothing_stop_the_start(keys, error):
    with override_settings(AUDIT_KEYS=keys):
        assert [found.id for found in check_audit_keys()] == [error]


@override_settings(AUDIT_KEYS=[("a1", A), ("a2", B)])
def test_a_ring_of_good_keys_is_silent():
    assert check_audit_keys() == []
