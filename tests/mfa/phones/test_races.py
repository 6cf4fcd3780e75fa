"""Phones at the same moment; run on the SQLite file and on PostgreSQL."""

import pytest

from audit.acts import Act
from audit.models import Event
from mfa.enrollment import binding
from mfa.models import Device, Push
from mfa.phones import pairing
from tests.factories import make_idme_account, make_user
from tests.mfa.phones.conftest import number_of, state_of
from tests.mfa.phones.handset import ANSWERS, Handset
from tests.threads import at_once

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]
PHONES = 6


def test_a_token_goes_to_one_phone(db):
    user = make_user("nora")
    account = make_idme_account(user)
    device = binding.begin(
        pairing.new_device(user),
        session_key="a-session-key",
        authenticated_at=account.authenticated_at,
    )
    token = pairing.address(device).partition("#pair=")[2]
    phones = [Handset() for _ in range(PHONES)]

    answers = at_once(lambda which: phones[which].claim(token), times=PHONES)

    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 5
    [winner] = [phone for phone in phones if phone.device]
    assert pairing.comparison_number(Device.objects.get()) == winner.number()


@pytest.mark.parametrize("attempt", range(3))
def test_one_of_parallel_answers_decides(asked, handset, attempt):
    [request] = handset.poll().json()["requests"]
    number = number_of(asked)
    decisions = ["approve", "decline"] * 3

    def answer(which):
        phone = Handset()
        phone.key, phone.device = handset.key, handset.device
        claims = handset.about(request, decisions[which], number=number)
        return phone.send(ANSWERS, claims)

    statuses = sorted(one.status_code for one in at_once(answer, times=PHONES))

    assert statuses == [200] + [410] * 5
    decided = Event.objects.filter(
        act__in=[Act.CHALLENGE_PASSED, Act.CHALLENGE_REFUSED]
    )
    assert decided.count() == 1
    state, _ = state_of(asked)
    assert (state == "passed") == (decided.get().act == Act.CHALLENGE_PASSED)


def test_parallel_wrong_numbers_are_all_counted(asked, handset):
    [request] = handset.poll().json()["requests"]
    wrong = f"{(int(number_of(asked)) + 1) % 100:02}"

    def answer(_):
        phone = Handset()
        phone.key, phone.device = handset.key, handset.device
        return phone.answer(request, number=wrong)

    statuses = sorted(one.status_code for one in at_once(answer, times=PHONES))

    assert statuses == [410] * 5 + [422]
    assert Push.objects.get().wrong_numbers == Push.MAX_WRONG_NUMBERS
