"""What an attack is, what it proves and how it ends."""

from dataclasses import dataclass

import pytest

from tests.mfa.oidc.attacks.means import Attack

HOUR = 3600
YEAR = 365 * 24 * HOUR
POLICY_1 = "openid http://idmanagement.gov/ns/assurance/ial/1/aal/1"


@dataclass(frozen=True)
class Row:
    id: str
    proves: str
    attack: Attack
    ends: str | int = "bad_answer"  # the reason in the record, or a status
    leaves_others: bool = False  # a sign-in under way that it does not belong to
    is_slow: bool = False


def rows(proves: str, attacks: dict[str, Attack], **how) -> list[Row]:
    return [Row(id_, proves, attack, **how) for id_, attack in attacks.items()]


def parameters(table: list[Row]) -> list:
    return [
        pytest.param(row, id=row.id, marks=[pytest.mark.slow] if row.is_slow else [])
        for row in table
    ]
