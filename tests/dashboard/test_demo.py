"""``manage.py demo`` before it starts anything. That it runs, ends and goes on is a part of the soak."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from dashboard.processes import free_port


def demo_environment(data_dir: Path, **more: str) -> dict[str, str]:
    foreign = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    ports = {name: str(free_port()) for name in ("WEB_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT")}
    return inherited | ports | {"DATA_DIR": str(data_dir)} | more


def test_names_the_variable_of_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"],
            env=demo_environment(tmp_path / "data", WEB_PORT=str(port)),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert "WEB_PORT=" in done.stderr
    assert not (tmp_path / "data" / "callboard.sqlite3").exists()
