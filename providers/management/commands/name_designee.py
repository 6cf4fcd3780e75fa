from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers import access_managers
from providers.access import first_managers
from providers.models import Practice


class Command(BaseCommand):
    help = (
        "Name one of the first two people who set access at a practice "
        "(21 CFR 1311.125(a)). Once there are two, they name further ones themselves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("practice", help="The name of the practice.")
        parser.add_argument("username")

    def handle(self, *, practice: str, username: str, **options: Any) -> str:
        user = get_user_model().objects.filter(username=username).first()
        place = Practice.objects.filter(name=practice).first()
        if user is None or place is None:
            raise CommandError("There is no such practice, or no such account.")
        try:
            first_managers.designate(user, practice=place, by=None)
        except first_managers.NotDesignated as refusal:
            raise CommandError(str(refusal)) from None
        return access_managers.shortage(place) or f"{place} has its designees."
