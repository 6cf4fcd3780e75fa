from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower


class User(AbstractUser):
    """Somebody who signs in; memberships and access grants say what they may do."""

    email = models.EmailField("e-mail address")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_unique_in_any_case",
                violation_error_message="There is an account with that user name.",
            ),
        ]
