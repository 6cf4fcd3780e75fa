"""Sessions in the database, written when they change or their end gets old."""

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

RENEWED_APART = 60  # seconds; a session ends by so much earlier, never later


class SessionStore(db.SessionStore):
    """A session that knows when it ends as stored.

    Its class name is part of the signature of what is stored.
    """

    stored_end: datetime | None = None

    def _get_session_from_db(self) -> Session | None:
        stored = super()._get_session_from_db()  # type: ignore[misc]  # no stub
        self.stored_end = stored.expire_date if stored else None
        return stored

    @property
    def seconds_left(self) -> int:
        """Return how long it lasts without activity after this request."""
        if self.modified or self.stored_end is None:
            return self.get_expiry_age()
        return int((self.stored_end - timezone.now()).total_seconds())

    def renew(self) -> None:
        """Have it stored with a new end, unless it was within the last minute."""
        if self.seconds_left < self.get_expiry_age() - RENEWED_APART:
            self.modified = True
