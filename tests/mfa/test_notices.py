"""Mail is text: nothing in it is escaped as on a page."""

import pytest

from foundation import notices
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_name_stands_in_a_mail_as_its_owner_writes_it(
    mailoutbox, django_capture_on_commit_callbacks
):
    nora = make_user("nora", first_name="Nora", last_name="O'Brien & <Sons>")

    with django_capture_on_commit_callbacks(execute=True):
        notices.send(
            nora,
            subject="A device was added to your account",
            template="mfa/mail/device_added.txt",
            device='Nora\'s "phone"',
        )

    [mail] = mailoutbox
    assert mail.body.startswith("Hello Nora O'Brien & <Sons>,\n")
    assert 'Nora\'s "phone"' in mail.body
