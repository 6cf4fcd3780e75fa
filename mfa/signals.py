"""What other apps may want to know of, in the transaction in which it happens."""

from django.dispatch import Signal

# Sent with `user` and `device`: somebody else than its owner knows a password.
compromised = Signal()

# Sent with `account`, by IdmeAccount: linked, or seen again with what ID.me says now.
identity_confirmed = Signal()
