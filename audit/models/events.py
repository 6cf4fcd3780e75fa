import uuid
from collections.abc import Collection
from functools import reduce
from operator import or_

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from audit import reasons
from audit.acts import Act, Outcome, act_choices
from foundation.actors import User

SIGN_INS = "sign-in"  # the stream of all failed sign-ins
HASH_LENGTH = 64  # hexadecimal digits of SHA-256


def subject_of(model: models.Model) -> str:
    return f"{model._meta.label_lower}:{getattr(model, 'public_id', None) or model.pk}"


def user_stream(user: AbstractBaseUser | AnonymousUser) -> str:
    return f"user:{user.pk}"


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, user: User) -> "EventQuerySet":
        """Filter by the acts of a user and failed sign-ins with their name."""
        tried = Q(stream=SIGN_INS, subject=subject_of(user))
        return self.filter(Q(stream=user_stream(user)) | tried)

    def about(self, model: models.Model) -> "EventQuerySet":
        return self.filter(subject=subject_of(model))

    def of_nouns(self, nouns: Collection[str]) -> "EventQuerySet":
        """Filter by the nouns of acts, such as device in device.renamed."""
        return self.filter(
            reduce(or_, (Q(act__startswith=f"{noun}.") for noun in nouns))
        )


class Event(models.Model):
    """One thing that happened; the database refuses to change or delete it.

    Actor and subject are plain text, with no foreign key, so that no change elsewhere
    can alter it: a renamed or deleted account leaves its history as it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stream = models.CharField(max_length=100)
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150)
    act = models.CharField(max_length=60, choices=act_choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    subject = models.CharField(max_length=150, blank=True, db_index=True)
    detail = models.JSONField(default=dict, blank=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    key_id = models.CharField(max_length=40)
    previous_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    hash = models.CharField(max_length=HASH_LENGTH)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream", "sequence"], name="event_sequence_unique_in_stream"
            ),
            models.CheckConstraint(
                name="event_outcome_known", condition=Q(outcome__in=Outcome.values)
            ),
            models.CheckConstraint(
                name="event_says_who_did_what",
                condition=~Q(stream="") & ~Q(actor="") & ~Q(act=""),
            ),
            models.CheckConstraint(
                name="event_sealed", condition=~Q(hash="") & ~Q(key_id="")
            ),
            # Only the first event of a stream has nothing before it.
            models.CheckConstraint(
                name="event_follows_another_but_the_first",
                condition=Q(sequence=1, previous_hash="")
                | (Q(sequence__gt=1) & ~Q(previous_hash="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} UTC {self.actor}: {self.label}"

    @property
    def subject_kind(self) -> str:
        """The model of its subject, as app.model; empty without a subject."""
        return self.subject.partition(":")[0]

    @property
    def subject_id(self) -> str:
        return self.subject.partition(":")[2]

    @property
    def label(self) -> str:
        """The act in words; its stored name if this release no longer has it."""
        return Act(self.act).label if self.act in Act.values else self.act

    @property
    def reason(self) -> str:
        """Why, in words; empty when the event gives no reason."""
        return reasons.in_words(str(self.detail.get("reason") or ""))


class ChainHead(models.Model):
    """The last event of a stream; locked while the next one is written."""

    stream = models.CharField(max_length=100, primary_key=True)
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=HASH_LENGTH, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="chainhead_hash_from_first_event_on",
                condition=Q(sequence=0, hash="") | (Q(sequence__gte=1) & ~Q(hash="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} at {self.sequence}"


class Checkpoint(models.Model):
    """All heads at one moment, sealed, so that a cut tail or a lost chain shows."""

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    heads = models.JSONField()  # [[stream, sequence, hash], …] by stream
    streams = models.PositiveBigIntegerField()
    events = models.PositiveBigIntegerField()
    key_id = models.CharField(max_length=40)
    previous_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    hash = models.CharField(max_length=HASH_LENGTH)

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.CheckConstraint(
                name="checkpoint_sealed", condition=~Q(hash="") & ~Q(key_id="")
            ),
            models.CheckConstraint(
                name="checkpoint_follows_another_but_the_first",
                condition=Q(sequence=1, previous_hash="")
                | (Q(sequence__gt=1) & ~Q(previous_hash="")),
            ),
        ]

    def __str__(self) -> str:
        return f"Checkpoint {self.sequence} of {self.events} events"
