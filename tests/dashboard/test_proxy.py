"""docs/deploy/nginx.conf: that it fits the settings, and in the soak a real nginx that has read it."""

import json
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from dashboard.processes import free_port
from tests.eventually import eventually

PROXY = (Path(settings.BASE_DIR) / "docs" / "deploy" / "nginx.conf").read_text(encoding="utf-8")


def test_the_proxy_lets_through_what_the_application_takes() -> None:
    [path] = settings.LARGER_REQUEST_BODIES
    assert f"location = {path} " in PROXY
    assert settings.MAX_REQUEST_BODY == 2 * 1024**2
    assert "client_max_body_size 2m;" in PROXY


class Behind(BaseHTTPRequestHandler):
    """A web process, as far as the proxy sees it: it answers with the headers that reached it."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def do_GET(self) -> None:
        text = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def certificate(directory: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "callboard.example.com")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    (directory / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.soak
class TestProxy:
    """Debian's nginx with the file of the guide: only its ports and its certificate are others."""

    @pytest.fixture
    def proxy(self, tmp_path: Path) -> Iterator[httpx.Client]:
        certificate(tmp_path)
        with served() as behind:
            port = free_port()
            text = PROXY.replace("listen 443", f"listen 127.0.0.1:{port}").replace("/etc/ssl/callboard", str(tmp_path))
            text = re.sub(r"127\.0\.0\.1:800[01]", f"127.0.0.1:{behind}", text)
            paths = "".join(
                f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            # Where root runs it, nginx would look for the test's folder as nobody; elsewhere it passes this over.
            whole = (
                f"user root root; pid {tmp_path}/pid; daemon off; events {{}} http {{ access_log off; {paths} {text} }}"
            )
            (tmp_path / "nginx.conf").write_text(whole)
            program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
            assert program, "There is no nginx: apt-get install nginx"
            command = [program, "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
            tested = subprocess.run([*command, "-t"], capture_output=True, text=True)
            assert tested.returncode == 0, tested.stderr
            running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            trusted = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
            trusted.check_hostname = False  # the certificate is the site's, and it is asked by its address
            url, host = f"https://127.0.0.1:{port}", {"Host": "callboard.example.com"}
            try:
                with httpx.Client(base_url=url, verify=trusted, headers=host, timeout=30) as client:
                    eventually(lambda: self._answers(client))
                    yield client
            finally:
                running.terminate()
                running.wait(10)

    @staticmethod
    def _answers(client: httpx.Client) -> bool:
        try:
            return client.get("/").status_code == 200
        except httpx.TransportError:
            return False

    def test_says_who_asks_and_how_and_believes_no_browser(self, proxy: httpx.Client) -> None:
        told = proxy.get("/orders/", headers={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"}).json()
        assert told["host"] == "callboard.example.com"
        assert told["x-forwarded-for"] == "127.0.0.1"
        assert told["x-forwarded-proto"] == "https"

    def test_hands_sockets_on(self, proxy: httpx.Client) -> None:
        told = proxy.get("/ws/shell/", headers={"Upgrade": "websocket", "Connection": "Upgrade"}).json()
        assert (told["upgrade"], told["connection"]) == ("websocket", "upgrade")

    def test_cuts_what_is_too_large(self, proxy: httpx.Client) -> None:
        [path] = settings.LARGER_REQUEST_BODIES
        assert proxy.post("/orders/", content=b"x" * settings.MAX_REQUEST_BODY).status_code == 200
        assert proxy.post("/orders/", content=b"x" * (settings.MAX_REQUEST_BODY + 1)).status_code == 413
        assert proxy.post(path, content=b"x" * (settings.MAX_REQUEST_BODY + 1)).status_code == 200

    def test_shows_nobody_outside_how_we_are(self, proxy: httpx.Client) -> None:
        assert [proxy.get(path).status_code for path in ("/healthz", "/readyz")] == [403, 403]
