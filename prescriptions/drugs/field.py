"""The form field to search for a drug and choose it, with or without scripts."""

from dataclasses import dataclass, field
from typing import Any

from django import forms

from prescriptions.drugs import search
from prescriptions.models import Drug, DrugPackage

LONGEST_KEY = 18  # digits


@dataclass
class SearchResults:
    """What a search shows: the drug chosen before, then the hits."""

    query: str = ""
    chosen: Drug | None = None
    hits: list[Drug] = field(default_factory=list)

    @property
    def knows_ndcs(self) -> bool:
        """True if FDA's directory was imported; the formulary has no NDCs."""
        return DrugPackage.objects.filter(retired_at=None).exists()

    @property
    def offered(self) -> list[Drug]:
        others = [drug for drug in self.hits if drug != self.chosen]
        return [self.chosen, *others] if self.chosen else others

    @property
    def are_too_many(self) -> bool:
        return len(self.hits) == search.MOST_HITS


def search_results(query: str, chosen: object = None) -> SearchResults:
    """Return the hits of a query and the drug that was chosen before, if any."""
    hits = search.find(query) if query else []
    return SearchResults(
        query=query[: search.LONGEST_QUERY], chosen=_drug(chosen), hits=hits
    )


class DrugSearch(forms.Widget):
    """A search field and its hits, to choose a drug from."""

    template_name = "prescriptions/_drug_search.html"
    use_fieldset = True
    query = ""

    def use_required_attribute(self, initial: object) -> bool:
        return False  # of the search field, which may be empty

    def get_context(
        self, name: str, value: object, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        return super().get_context(name, value, attrs) | {
            "found": search_results(self.query, value)
        }


class DrugField(forms.ModelChoiceField):
    widget = DrugSearch
    default_error_messages = {
        "required": "Find the drug and choose it.",
        "invalid_choice": "This drug cannot be prescribed. Choose another.",
    }

    def offer(self, *, also: int | None, query: str) -> None:
        """Offer prescribable drugs and the drug already on the prescription."""
        offered = Drug.objects.prescribable()
        self.queryset = offered | Drug.objects.filter(pk__in=[also] if also else [])
        self.widget.query = query


def _drug(value: object) -> Drug | None:
    key = str(value)
    is_key = key.isascii() and key.isdigit() and len(key) <= LONGEST_KEY
    return Drug.objects.filter(pk=int(key)).first() if is_key else None
