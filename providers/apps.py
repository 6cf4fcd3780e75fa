from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = "Providers and practices"

    def ready(self) -> None:
        from providers import identity  # noqa: F401  registers receivers
        from providers.access import suspension  # noqa: F401  registers receivers
