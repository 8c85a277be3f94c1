"""docs/deploy.md and the files beside it: they are read as systemd, compose and the SDK read them.

No image is built here. Of the Containerfile each command is read by the parser of the program that it starts.
"""

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from temporalio.envconfig import ClientConfig

from dashboard.demo import worker_command
from tests.dashboard.commands import Refused, check, check_words
from tests.markdown import Document, variables

DOCS = Path(settings.BASE_DIR) / "docs"
DEPLOY = DOCS / "deploy"


def variables_of(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


ENVIRONMENT = (DEPLOY / "callboard.env").read_text(encoding="utf-8")


def test_every_variable_of_the_environment_is_read_by_somebody() -> None:
    named = set(variables_of(ENVIRONMENT))
    assert named >= {"SECRET_KEY", "ALLOWED_HOSTS", "BASE_URL", "PAYMENT_WEBHOOK_SECRETS", "DATABASE_URL"}
    assert {name for name in named if not name.startswith("TEMPORAL_")} <= variables()


@pytest.mark.soak
def test_production_starts_with_the_environment_once_it_is_filled_in(tmp_path: Path) -> None:
    """Read by a shell, as the guide has it, which takes more for its own than systemd does."""
    text = re.sub(r"change-me\S*", lambda _: secrets.token_urlsafe(64), ENVIRONMENT)
    file = tmp_path / "callboard.env"
    file.write_text(re.sub(r"(?m)^DATA_DIR=.*", f"DATA_DIR={tmp_path}", text))
    script = f"set -a; . {file}; set +a; {sys.executable} manage.py check --deploy --fail-level WARNING"
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


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
        check(unit["Service"]["ExecStart"])
        assert unit["Service"]["EnvironmentFile"] == "/etc/callboard/callboard.env"
        assert f"/var/lib/{unit['Service']['StateDirectory']}" == variables_of(ENVIRONMENT)["DATA_DIR"]


OF_OTHERS = {"PATH", "PYTHONUNBUFFERED", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON_DOWNLOADS"}
"""What an image sets that our settings do not read."""


def check_containerfile(text: str) -> None:
    """Raises Refused for an instruction that would fail for what it names of ours."""
    for line in text.replace("\\\n", " ").splitlines():
        instruction, _, rest = line.partition(" ")
        match instruction:
            case "RUN":
                check(rest)
            case "CMD":
                check_words(json.loads(rest))
            case "COPY":
                for source in rest.split()[:-1]:
                    if not (Path(settings.BASE_DIR) / source).exists():
                        raise Refused(f"{source} is not there")
            case "ENV":
                for each in rest.split():
                    if (name := each.partition("=")[0]) not in variables() | OF_OTHERS:
                        raise Refused(f"nothing reads {name}")
            case "" | "#" | "FROM" | "WORKDIR" | "USER" | "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise Refused(f"no instruction {instruction}")


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

    def test_services_start_what_there_is(self, compose: dict[str, Any]) -> None:
        for service in compose["services"].values():
            for words in (service.get("command", []), service.get("healthcheck", {}).get("test", [])[1:]):
                check_words(words)
            for name in service.get("environment", {}):
                assert name in variables() or name.startswith("POSTGRES_"), name
            if "env_file" in service:
                assert (DEPLOY / service["env_file"]).exists()
                assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()

    def test_the_image_is_made_by_commands_that_are_taken(self) -> None:
        check_containerfile((DEPLOY / "Containerfile").read_text(encoding="utf-8"))

    def test_the_image_holds_no_environment_no_data_and_no_secret(self) -> None:
        """What lies beside the sources here would be laid over what the image has made."""
        root = Path(settings.BASE_DIR)
        left_out = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
        for line in (root / ".gitignore").read_text(encoding="utf-8").split():
            assert f"**/{line.rstrip('/')}" in left_out
        assert {".git", "docs/deploy/callboard.env"} <= set(left_out)

    @pytest.mark.parametrize(
        "line",
        [
            "RUN uv sync --frozen --extra oracle",
            "COPY requirements.txt ./",
            'CMD ["daphne", "--no-such", "dashboard.asgi:application"]',
            "ENV NOBODY_READS_IT=1",
            "MAINTAINER somebody",
        ],
    )
    def test_a_mistake_in_it_would_be_seen(self, line: str) -> None:
        with pytest.raises(Refused):
            check_containerfile(line)

    def test_the_image_takes_the_uv_of_the_makefile(self) -> None:
        version = re.search(r"UV_VERSION := (\S+)", (Path(settings.BASE_DIR) / "Makefile").read_text(encoding="utf-8"))
        assert version
        assert f"uv=={version[1]}" in (DEPLOY / "Containerfile").read_text(encoding="utf-8")


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
