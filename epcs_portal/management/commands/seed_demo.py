import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from epcs_portal.demo import seed


class Command(BaseCommand):
    help = "Make the invented people and data of the demonstration. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> str:
        if not settings.DEMO:
            raise CommandError("This is no demonstration: DEMO=1 is not set.")
        path = os.environ.get("DEMO_WORLD")
        if not path:
            raise CommandError("Set DEMO_WORLD to the path of the world's JSON file.")
        seed.seed(json.loads(Path(path).read_text()))
        return "The demonstration's data are there."
