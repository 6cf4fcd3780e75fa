from django.db import models
from django.db.models import Q

from providers import identifiers
from providers.models import Schedule


class StateRuleQuerySet(models.QuerySet["StateRule"]):
    def in_force(self, state: str) -> "StateRuleQuerySet":
        return self.filter(state=state, is_active=True)


class StateRule(models.Model):
    """A State's limits beyond federal law; ignored until they are switched on."""

    state = models.CharField(max_length=2, validators=[identifiers.validate_state])
    schedule = models.CharField(max_length=3, choices=Schedule.choices)
    most_days_supply = models.PositiveSmallIntegerField(
        "most days’ supply",
        null=True,
        blank=True,
        help_text="Of one prescription. Empty: no limit.",
    )
    fill_within_days = models.PositiveSmallIntegerField(
        "days until the first filling",
        null=True,
        blank=True,
        help_text="After the issue. Empty: no limit but the federal one.",
    )
    series_allowed = models.BooleanField(
        "several prescriptions of one drug at once",
        default=True,
        help_text="Schedule II, up to 90 days in all (21 CFR 1306.12(b)).",
    )
    source = models.CharField(
        max_length=200,
        help_text="The law, as prescribers will read it: NY PHL 3332(3).",
    )
    checked_on = models.DateField(
        help_text="The day on which somebody last looked the law up."
    )
    remarks = models.TextField(max_length=1000, blank=True)
    is_active = models.BooleanField(
        "switched on",
        default=False,
        help_text="Check your State’s law first; what is here is an example.",
    )

    objects = StateRuleQuerySet.as_manager()

    class Meta:
        ordering = ["state", "schedule", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["state", "schedule"],
                condition=Q(is_active=True),
                name="state_rule_one_in_force_per_schedule",
                violation_error_message=(
                    "Another rule for this State and schedule is switched on. "
                    "Switch that one off first."
                ),
            ),
            models.CheckConstraint(
                name="state_rule_schedule_known",
                condition=Q(schedule__in=Schedule.values),
            ),
            models.CheckConstraint(
                name="state_rule_days_positive",
                condition=(Q(most_days_supply=None) | Q(most_days_supply__gt=0))
                & (Q(fill_within_days=None) | Q(fill_within_days__gt=0)),
                violation_error_message="A limit is at least one day, or empty.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state}, {self.get_schedule_display()}"
