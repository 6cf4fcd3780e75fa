"""The types of users and requests, for every app."""

from typing import TYPE_CHECKING, TypeAlias

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

if TYPE_CHECKING:
    # The type checker's name for the class that settings.AUTH_USER_MODEL names.
    from django.contrib.auth.models import _User as User
else:
    from django.contrib.auth.base_user import AbstractBaseUser as User

Visitor: TypeAlias = User | AnonymousUser


class SignedInSession(SessionBase):
    """The session of somebody who signed in: it is stored, so it has a key."""

    session_key: str


class AuthenticatedRequest(HttpRequest):
    """A request behind LoginRequiredMiddleware: somebody is signed in."""

    user: User
    session: SignedInSession
