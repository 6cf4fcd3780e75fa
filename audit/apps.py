from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit record"

    def ready(self) -> None:
        from audit import checks  # noqa: F401
