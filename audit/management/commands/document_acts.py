from typing import Any

from django.core.management.base import BaseCommand

from audit import auditable


class Command(BaseCommand):
    help = "Print docs/audit.md, made from the declared acts."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(auditable.markdown(), ending="")
