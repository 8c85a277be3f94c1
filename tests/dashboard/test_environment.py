"""What the settings refuse to start with. Each in a process of its own: the suite's has the leave of a test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

PRODUCTION = {
    "SECRET_KEY": "a key that nobody knows",
    "PAYMENT_WEBHOOK_SECRETS": "new, old",
    "ALLOWED_HOSTS": "callboard.example.com",
}
READ = "import dashboard.settings as s; print(s.DEMO, s.HTTPS, s.PAYMENT_WEBHOOK_SECRETS, s.SECRET_KEY)"


OIDC = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "callboard", "OIDC_CLIENT_SECRET": "not told"}


def start(tmp_path: Path, code: str = READ, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "DATA_DIR": str(tmp_path), **variables}
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_production_starts_with_secrets_of_its_own(tmp_path: Path) -> None:
    assert start(tmp_path, **PRODUCTION).stdout == "False True ['new', 'old'] a key that nobody knows\n"


@pytest.mark.parametrize("name", PRODUCTION)
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    told = start(tmp_path, **{each: value for each, value in PRODUCTION.items() if each != name})
    assert told.returncode
    assert f"ImproperlyConfigured: {name} is not set." in told.stderr


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("SECRET_KEY", "only-for-development-and-the-demo"),
        ("PAYMENT_WEBHOOK_SECRETS", "new, demo-webhook-secret"),
    ],
)
def test_a_secret_that_everybody_knows_is_refused_in_production(tmp_path: Path, name: str, known: str) -> None:
    told = start(tmp_path, **{**PRODUCTION, name: known})
    assert told.returncode
    assert f"ImproperlyConfigured: {name} holds the one" in told.stderr


@pytest.mark.parametrize("mode", ["DEBUG", "DEMO"])
def test_development_and_the_demo_do_without(tmp_path: Path, mode: str) -> None:
    told = start(tmp_path, **{mode: "1"})
    assert told.stdout == f"{mode == 'DEMO'} False ['demo-webhook-secret'] only-for-development-and-the-demo\n"


def test_openid_connect_needs_its_library(tmp_path: Path) -> None:
    assert start(tmp_path, **PRODUCTION, **OIDC).returncode == 0
    not_there = "import sys; sys.modules['mozilla_django_oidc'] = None; "
    told = start(tmp_path, not_there + READ, **PRODUCTION, **OIDC)
    assert told.returncode
    assert "ImproperlyConfigured: OIDC_ISSUER is set, but its library is not installed." in told.stderr
    assert "uv sync --extra postgres --extra oidc" in told.stderr
