from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Callboard"

    def ready(self) -> None:
        from dashboard import roles, signals  # noqa: F401 - their receivers connect on import
