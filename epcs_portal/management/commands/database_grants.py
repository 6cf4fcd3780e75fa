from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from epcs_portal import database_grants


class Command(BaseCommand):
    help = "Give the portal's PostgreSQL role its rights; run it as the owner."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="the role that the portal runs as")
        parser.add_argument("--check", action="store_true", help="only compare them")

    def handle(self, *args: Any, role: str, check: bool, **options: Any) -> str:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL knows roles.")
        if not check:
            database_grants.apply(role)
        if differences := database_grants.differences(role):
            raise CommandError("\n".join(differences))
        return f"{role} has the rights of the portal, and no others."
