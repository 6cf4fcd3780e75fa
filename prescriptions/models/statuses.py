"""The states of a prescription and the transitions between them."""

from django.db import models


class Status(models.TextChoices):
    DRAFT = "draft", "Draft"
    READY = "ready", "Ready to sign"
    SIGNED = "signed", "Signed"
    QUEUED = "queued", "Signed, on its way"
    TRANSMITTED = "transmitted", "Handed to the network"
    DELIVERED = "delivered", "Accepted by the pharmacy"
    FAILED = "failed", "Not delivered"
    DISCARDED = "discarded", "Discarded"
    CANCELLED = "cancelled", "Cancelled"
    PRINTED = "printed", "Printed on paper"


# A database trigger enforces the same table. No path leads from printed to queued
# (21 CFR 1311.170(d)).
TRANSITIONS: dict[Status, set[Status]] = {
    Status.DRAFT: {Status.READY, Status.DISCARDED, Status.PRINTED},
    Status.READY: {Status.DRAFT, Status.QUEUED, Status.DISCARDED, Status.PRINTED},
    # Left to rows of before signing and queueing were one step: nothing enters it.
    Status.SIGNED: {Status.QUEUED, Status.CANCELLED},
    Status.QUEUED: {Status.TRANSMITTED, Status.FAILED, Status.CANCELLED},
    Status.TRANSMITTED: {Status.DELIVERED, Status.FAILED, Status.CANCELLED},
    Status.FAILED: {Status.PRINTED},
    Status.DELIVERED: {Status.CANCELLED},
    Status.DISCARDED: set(),
    Status.CANCELLED: set(),
    Status.PRINTED: set(),
}
OPEN = [Status.DRAFT, Status.READY]
ON_ITS_WAY = [Status.SIGNED, Status.QUEUED, Status.TRANSMITTED]
SINCE_SIGNING = [*ON_ITS_WAY, Status.DELIVERED, Status.FAILED, Status.CANCELLED]
