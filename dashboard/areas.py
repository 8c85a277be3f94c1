"""What the areas tell the shell about themselves: modules of one name each, found as Django finds ``admin.py``.

``orders/home.py`` is what the home page shows of the orders. A new business process is a folder in ``INSTALLED_APPS``; the
shell has it as soon as its files are there.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from django.apps import AppConfig, apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule


@cache
def modules(name: str) -> list[ModuleType]:
    """``<app>.<name>`` of each area that has one, in the order of ``INSTALLED_APPS``.

    Whatever goes wrong inside such a module is raised: an area that is broken must not look like one that says nothing.
    """
    return [
        import_module(f"{app.name}.{name}")
        for app in apps.get_app_configs()
        if _is_area(app) and app.module is not None and module_has_submodule(app.module, name)
    ]


def _is_area(app: AppConfig) -> bool:
    """Whether the app is ours and not the shell itself, whose own packages have the same names."""
    return app.name != "dashboard" and Path(app.path).parent == Path(settings.BASE_DIR)
