from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = "Providers and practices"

    def ready(self):
        from providers import identity, suspension  # noqa: F401  register receivers
