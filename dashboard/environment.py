"""How the settings are read: from the environment, in one of three modes.

``DEMO`` turns on the demo log-ins, tokens and secrets; outside it they are refused even if their rows are still there.
``DEBUG`` is for development, ``TESTING`` says that the suite runs. ``LOCAL`` is any of the three: a machine that nobody
else reaches, where secrets may be missing and nothing needs HTTPS.
"""

import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environs import Env

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEMO = env.bool("DEMO", False)
DEBUG = env.bool("DEBUG", False)
TESTING = "pytest" in sys.modules
LOCAL = DEBUG or DEMO or TESTING


def secret(name: str, local: str) -> str:
    """The secret ``name`` of the environment; ``local``, which everybody knows, only where it may be missing.

    Raises ImproperlyConfigured where one is needed and there is none, or only the one that everybody knows.
    """
    value = env.str(name, "") or (local if LOCAL else "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. It is required unless DEBUG or DEMO is on.")
    if not LOCAL and local in [each.strip() for each in value.split(",")]:
        raise ImproperlyConfigured(f"{name} holds the one of development and the demo, which everybody knows.")
    return value
