from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django_tasks_db.apps import TasksAppConfig


class PortalConfig(AppConfig):
    name = "epcs_portal"
    verbose_name = "Accounts"

    def ready(self) -> None:
        # SQLite and WhiteNoise expect their folders to exist.
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        from epcs_portal import checks  # noqa: F401, PLC0415  registers
        from epcs_portal.sign_in import events  # noqa: F401, PLC0415  registers


class PortalAdminConfig(DjangoAdminConfig):
    default_site = "epcs_portal.sites.PortalAdminSite"


class BackgroundTasksConfig(TasksAppConfig):
    verbose_name = "Background tasks"
