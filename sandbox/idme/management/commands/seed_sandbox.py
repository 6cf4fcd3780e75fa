import json
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sandbox.idme import seeding


class Command(BaseCommand):
    help = "Make the accounts that the file in DEMO_WORLD describes. Safe to repeat."

    def handle(self, **options):
        if not settings.DEMO_WORLD:
            raise CommandError("Set DEMO_WORLD to the path of the world's JSON file.")
        world = json.loads(Path(settings.DEMO_WORLD).read_text())
        seeding.seed(world)
        return f"Seeded {len(world['idme']['accounts'])} ID.me accounts."
