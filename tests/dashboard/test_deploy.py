"""docs/deploy.md and the files beside it: they are read as systemd, compose and the SDK read them."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from temporalio.envconfig import ClientConfig

from dashboard.demo import worker_command
from tests.markdown import Document

DOCS = Path(settings.BASE_DIR) / "docs"
DEPLOY = DOCS / "deploy"


def variables_of(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def read_by_settings() -> set[str]:
    text = (Path(settings.BASE_DIR) / "dashboard" / "settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'(?:env\.\w+|_secret)\(\s*"([A-Z_]+)"', text))


def test_every_variable_of_the_environment_is_read_by_somebody() -> None:
    named = set(variables_of((DEPLOY / "callboard.env").read_text(encoding="utf-8")))
    assert named >= {"SECRET_KEY", "ALLOWED_HOSTS", "BASE_URL", "PAYMENT_WEBHOOK_SECRETS", "DATABASE_URL"}
    assert {name for name in named if not name.startswith("TEMPORAL_")} <= read_by_settings()


class TestUnits:
    @pytest.fixture(params=["callboard-web@.service", "callboard-worker.service"])
    def unit(self, request: pytest.FixtureRequest) -> ConfigParser:
        parser = ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(DEPLOY / request.param, encoding="utf-8")
        return parser

    def test_start_what_the_demo_starts(self, unit: ConfigParser) -> None:
        words = shlex.split(unit["Service"]["ExecStart"])
        if "runworker" in words:
            assert words[1:] == ["manage.py", *worker_command()[2:]]
            assert int(unit["Service"]["TimeoutStopSec"]) > 30  # STUCK_AFTER
        else:
            assert "--proxy-headers" in words
            assert words[-1] == settings.ASGI_APPLICATION.replace(".application", ":application")
        assert unit["Service"]["EnvironmentFile"] == "/etc/callboard/callboard.env"


class TestContainers:
    @pytest.fixture
    def compose(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
        return found

    def test_web_and_worker_wait_for_the_migration_and_share_their_files(self, compose: dict[str, Any]) -> None:
        services = compose["services"]
        for name in ("web", "worker"):
            assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
            assert services[name]["volumes"] == ["data:/srv/data"]
        assert {"data", "database"} == set(compose["volumes"])
        assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])
        assert (DEPLOY / services["web"]["build"]["context"]).resolve() == Path(settings.BASE_DIR)

    def test_the_image_takes_the_uv_of_the_makefile(self) -> None:
        version = re.search(r"UV_VERSION := (\S+)", (Path(settings.BASE_DIR) / "Makefile").read_text(encoding="utf-8"))
        assert version
        assert f"uv=={version[1]}" in (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def test_the_proxy_lets_through_what_the_application_takes() -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    [path] = settings.LARGER_REQUEST_BODIES
    assert f"location = {path} " in text
    assert settings.MAX_REQUEST_BODY == 2 * 1024**2
    assert "client_max_body_size 2m;" in text
    assert text.count("{") == text.count("}")


ENVIRONMENTS = [block for block in Document(DOCS / "deploy.md").blocks if block.language == "env"]


class TestWaysToTemporal:
    """Each environment of the guide, as the SDK loads it for our client."""

    @pytest.fixture
    def load(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
        def load(text: str) -> Any:
            for name, value in variables_of(text).items():
                if name.endswith("_PATH"):
                    path = tmp_path / Path(value).name
                    path.write_text(f"the content of {path.name}")
                    value = str(path)
                monkeypatch.setenv(name, value)
            return ClientConfig.load_client_connect_config()

        return load

    def test_a_cluster_without_tls(self, load: Any) -> None:
        assert load(ENVIRONMENTS[0].text) == {"target_host": "temporal.example.com:7233", "namespace": "callboard"}

    def test_the_cloud_with_a_key(self, load: Any) -> None:
        config = load(ENVIRONMENTS[1].text)
        assert (config["api_key"], config["tls"]) == ("change-me", True)

    def test_certificates_of_both_sides(self, load: Any) -> None:
        tls = load(ENVIRONMENTS[2].text)["tls"]
        assert tls.client_cert == b"the content of temporal.pem"
        assert tls.client_private_key == b"the content of temporal.key"
        assert tls.server_root_ca_cert == b"the content of temporal-ca.pem"
        assert tls.domain == "temporal.internal"
