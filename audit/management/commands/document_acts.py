from typing import Any

from django.core.management.base import BaseCommand

from audit import reference


class Command(BaseCommand):
    help = "Print docs/audit.md, made from the declared acts."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(reference.markdown(), ending="")
