"""Mail to a person, sent once the transaction of the act commits.

For one, NIST SP 800-63B 6.1: a second channel announces a change of authenticators.
"""

import logging
import smtplib
from functools import partial

from django.core.mail import send_mail
from django.db import transaction

from foundation import plain_text
from foundation.actors import User

logger = logging.getLogger(__name__)


def send(user: User, *, subject: str, template: str, **context: object) -> None:
    """Send a notice once the open transaction is committed; never fail the act."""
    if user.email:
        body = plain_text.render(template, user=user, **context)
        transaction.on_commit(partial(_deliver, user.email, subject, body))


def _deliver(address: str, subject: str, body: str) -> None:
    try:
        send_mail(subject, body, None, [address])
    except (OSError, smtplib.SMTPException):
        logger.exception("A notice could not be sent.")
