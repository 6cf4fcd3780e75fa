from typing import Any

from django.core.management.base import BaseCommand, CommandError

from epcs_portal.operations import jobs


class Command(BaseCommand):
    help = "Run every scheduled job once, for sites where no worker runs."

    def handle(self, *args: Any, **options: Any) -> str:
        if failed := jobs.run_all():
            raise CommandError(f"Failed, see the log: {', '.join(failed)}.")
        return f"{len(jobs.JOBS)} jobs ran."
