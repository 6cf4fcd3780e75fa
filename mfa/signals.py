"""Signals for the apps above, sent in the transaction of the act."""

from django.dispatch import Signal

# Sent with `user` and `device`: somebody else knows this user's password.
compromised = Signal()

# Sent by IdmeAccount with `account`: linked, or updated by a sign-in at ID.me.
identity_confirmed = Signal()
