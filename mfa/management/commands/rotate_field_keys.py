from django.core.management.base import BaseCommand

from mfa import rekeying


class Command(BaseCommand):
    help = "Seal every secret with the first key of FIELD_KEYS. Safe to run again."

    def handle(self, **options):
        return f"Sealed {rekeying.reseal_all()} secrets with the current key."
