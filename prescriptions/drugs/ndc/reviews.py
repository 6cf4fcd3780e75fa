"""Reviews of schedules: the stricter one applies until a person decides."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.reasons import Reason
from foundation.actors import User
from foundation.refusals import NotPermitted
from prescriptions import permissions
from prescriptions.drugs import schedules
from prescriptions.drugs.ndc import crosscheck
from prescriptions.drugs.ndc.products import EXEMPTED, Product
from prescriptions.models import (
    Decision,
    Drug,
    ImportRun,
    Prescription,
    ReviewTask,
    Status,
)
from prescriptions.permissions import Permission

UNDECIDED = "An administrator has to decide on its schedule first."
NOT_CONTROLLED = "It is not a controlled substance."
UNLISTED = "21 CFR 1308, as the portal knows it, does not list its substances."
VANISHED = "It is no longer in FDA's NDC directory."


class NotDecided(NotPermitted):
    """The review was not decided; the message says why."""


def follow(drug: Drug, product: Product, *, run: ImportRun) -> list[ReviewTask]:
    """Update a drug from a product; return the new tasks for a person to decide.

    A stricter schedule applies at once, a laxer one waits. The caller saves the drug.
    """
    if _is_waived(drug, product):
        return []
    tasks = [
        ReviewTask(
            drug=drug,
            run=run,
            product_ndc=product.product_ndc,
            labeler=product.labeler,
            old_schedule=old,
            new_schedule=new,
            reason=reason[:300],
        )
        for (old, new), reason in _questions(drug, product).items()
        if not _is_known(drug, product, old, new)
    ]
    change = (drug.schedule, product.schedule)
    asked = {(task.old_schedule, task.new_schedule) for task in tasks}
    if change in asked and schedules.strictest(change) == product.schedule:
        set_schedule(drug, product.schedule)
    return ReviewTask.objects.bulk_create(tasks)


def decide(task: ReviewTask, *, accept: bool, by: User) -> None:
    """Apply and record an administrator's decision; raise NotDecided."""
    if not permissions.may(by, Permission.DECIDE_SCHEDULE):
        raise NotDecided("Only administrators decide on schedules.")
    with transaction.atomic(durable=True):
        locked = ReviewTask.objects.select_for_update(no_key=True).get(pk=task.pk)
        if locked.decision != Decision.OPEN:
            raise NotDecided("Somebody has decided this already.")
        drug = Drug.objects.select_for_update(no_key=True).get(pk=locked.drug_id)
        locked.decision = Decision.ACCEPTED if accept else Decision.KEPT
        locked.decided_by, locked.decided_at = by, timezone.now()
        locked.save()
        schedule = locked.new_schedule if accept else locked.old_schedule
        set_schedule(drug, schedule)
        drug.save()
        unmark_prescriptions([drug])
        chain.record(
            Act.DRUG_REVIEW_DECIDED,
            by=by,
            of=drug,
            status=locked.decision,
            schedule=schedule or "not controlled",
        )


def set_schedule(drug: Drug, schedule: str) -> None:
    """Set a drug's schedule and what depends on it; the caller saves the drug.

    An empty schedule means not controlled: the drug cannot be prescribed.
    """
    if not schedule:
        if drug.unavailable in {"", UNDECIDED, VANISHED}:
            drug.unavailable = NOT_CONTROLLED
        return
    drug.schedule = schedule
    drug.dea_code, drug.narcotic = crosscheck.dea_facts(
        drug.substance.split("; "), schedule
    )
    if drug.unavailable in {UNDECIDED, NOT_CONTROLLED}:
        drug.unavailable = ""


def unmark_prescriptions(drugs: Iterable[Drug]) -> int:
    """Make ready prescriptions of changed drugs drafts again; return their number.

    21 CFR 1311.120(b)(10). In the caller's transaction; events come last.
    """
    marked = list(
        Prescription.objects.filter(drug__in=drugs, status=Status.READY)
        .select_for_update(of=["self"], no_key=True)
        .order_by("pk")
    )
    for prescription in marked:
        prescription.unmark()
        prescription.save()
    for prescription in marked:
        chain.record(
            Act.PRESCRIPTION_UNREADY,
            by=None,
            of=prescription,
            reason=Reason.DRUG_DATA_CHANGED,
        )
    return len(marked)


def _questions(drug: Drug, product: Product) -> dict[tuple[str, str], str]:
    """Return the changes of schedule to decide, (old, new), with their reasons."""
    questions = {}
    if not product.is_agreed:
        questions[product.listed, product.reported] = _disagreement(product)
    elif not product.listed and drug.unavailable == UNDECIDED:
        questions["", product.schedule] = UNLISTED
    if product.schedule != drug.schedule:
        change = (drug.schedule, product.schedule)
        questions.setdefault(change, _change(drug, product))
    return questions


def _is_waived(drug: Drug, product: Product) -> bool:
    """Return True if a person accepted the reported schedule for this drug."""
    if product.is_agreed:
        return False
    tasks = drug.review_tasks.filter(new_schedule=product.reported)
    last = tasks.exclude(decision=Decision.OPEN).order_by("-decided_at").first()
    return last is not None and last.decision == Decision.ACCEPTED


def _is_known(drug: Drug, product: Product, old: str, new: str) -> bool:
    """Return True if this question is open or was decided for this product."""
    same = drug.review_tasks.filter(old_schedule=old, new_schedule=new)
    decided = Q(decision=Decision.KEPT, product_ndc=product.product_ndc)
    return same.filter(Q(decision=Decision.OPEN) | decided).exists()


def _change(drug: Drug, product: Product) -> str:
    """Return the reason text of a task about a product in another schedule."""
    old, new = drug.schedule, product.schedule
    who = f"{product.labeler[:80]} ({product.product_ndc})"
    if schedules.strictest([old, new]) == old:
        return f"{who} is in C-{new}. The drug stays in C-{old} until this is decided."
    return (
        f"{who} is in C-{new}. That is in force; prescriptions that were ready are "
        "drafts again."
    )


def _disagreement(product: Product) -> str:
    """Return the reason text of a task about a report that 21 CFR 1308 contradicts."""
    reported = f"C-{product.reported}" if product.reported else "no schedule"
    names = ", ".join(product.names)[:100]
    text = (
        f"FDA was told {reported}; 21 CFR 1308 has {names} in C-{product.listed}. "
        "The stricter is in force."
    )
    return text if product.reported else f"{text} {EXEMPTED}"
