"""Mail that nobody takes is given up after a while."""

from smtplib import SMTPServerDisconnected

import pytest
from django.core.mail import get_connection, send_mail


def test_a_silent_mail_server_is_left_after_a_while(silent_mail_server):
    connection = get_connection(timeout=0.1)

    with pytest.raises(SMTPServerDisconnected, match="timed out"):
        send_mail("Hello", "", None, ["alice@demo.example"], connection=connection)
