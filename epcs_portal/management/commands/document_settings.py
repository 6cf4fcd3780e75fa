from typing import Any

from django.core.management.base import BaseCommand

from epcs_portal.environment import reference


class Command(BaseCommand):
    help = "Print docs/settings.md, made from the declared settings."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(reference.markdown(), ending="")
