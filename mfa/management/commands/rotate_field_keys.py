from django.core.management.base import BaseCommand

from mfa.management import key_rotation


class Command(BaseCommand):
    help = "Seal every secret with the first key of FIELD_KEYS. Safe to run again."

    def handle(self, **options: object) -> str:
        return f"Sealed {key_rotation.reseal_all()} secrets with the current key."
