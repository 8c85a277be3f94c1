"""``manage.py demo`` before it starts anything. That it runs, ends and goes on is a part of the soak."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from dashboard.demo import ProblemLines
from dashboard.processes import Child, free_port


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


def test_tells_the_terminal_what_goes_wrong_and_not_what_the_demo_is_there_to_show(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("[warning  ] of before\n")
    problems = ProblemLines(Child("worker", [sys.executable, "-c", ""], log=log, env={}))
    problems.skip()
    with log.open("a") as more:
        more.write("[info     ] activity_completed\n")
        more.write("[warning  ] activity_failed [interceptors] activity=charge_payment error='PaymentTransientError'\n")
        more.write("[warning  ] activity_failed [interceptors] activity=save_order error='OperationalError'\n")
        more.write("[warning  ] half a li")
    assert problems.new() == [
        "worker: [warning  ] activity_failed [interceptors] activity=save_order error='OperationalError'"
    ]
    assert problems.new() == []
