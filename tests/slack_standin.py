"""Slack, as far as Callboard talks to it: a real HTTP server that checks what it gets as strictly as Slack does.

Faults are set by a test: ``down`` (the connection breaks before anything is done), ``lost`` (it is done, and the answer is
lost), ``slow`` (the answer takes long), ``limited`` (429), ``broken`` (500), or one of Slack's error codes. And ``close()``:
nobody listens any more.
"""

import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode

TOKEN = "xoxb-stand-in"
SECRET = "stand-in-signing-secret"
TEAM = "T0STANDIN"
CHANNEL = "C0APPROVALS"
_MAX = {"header": 150, "section": 3_000, "field": 2_000, "button": 75, "value": 2_000, "title": 24}


class SlackStandIn:
    """``with SlackStandIn() as slack``: ``slack.url`` is what SLACK_BASE_URL is set to."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.ephemerals: list[dict[str, Any]] = []
        self.forms: list[dict[str, Any]] = []
        self.calls: Counter[str] = Counter()
        self.faults: dict[str, str] = {}
        """Method: fault. ``*`` is for all of them."""
        self.once: dict[str, str] = {}
        """The same, for the next call only."""
        self.page_size = 2
        """Messages on a page of a channel's history: few, so that pages are turned."""
        self._numbers = count(1)
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stand_in._answer(self)

            def log_message(self, *args: Any) -> None: ...

        self._handler = Handler
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread: threading.Thread | None = None
        self._port = self._server.server_port
        self.url = f"http://127.0.0.1:{self._port}/api/"

    def open(self) -> None:
        """Listen, on the same port as before; nothing when it does."""
        if self._thread is None:
            if self._server.fileno() == -1:
                self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Nobody listens on its port any more; what it was told stays."""
        if self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> "SlackStandIn":
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def settings(self) -> dict[str, str]:
        """What the application's environment has to say to use it."""
        return {
            "SLACK_BASE_URL": self.url,
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_TEAM_ID": TEAM,
        }

    # ── What people do in Slack ──────────────────────────────────────────────────────────────────────────────────────

    def button(self, action_id: str, *, ts: str = "") -> dict[str, Any]:
        """The button of the message at ``ts``, or of the last one. Raises StopIteration when it has none."""
        message = self.messages[ts] if ts else list(self.messages.values())[-1]
        actions = next(block for block in message["blocks"] if block["type"] == "actions")
        return next(each for each in actions["elements"] if each["action_id"] == action_id)

    def press(self, slack_user_id: str, button: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The payload that Slack sends when somebody presses a button."""
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "stand-in"},
            "user": {"id": slack_user_id, "team_id": TEAM},
            "channel": {"id": CHANNEL, "name": "approvals"},
            "trigger_id": f"trigger-{next(self._numbers)}",
            "response_url": f"{self.url}response",
            "actions": [{"action_id": button["action_id"], "value": button["value"], "type": "button"}],
            **more,
        }

    def submit(self, slack_user_id: str, form: dict[str, Any], comment: str | None = None) -> dict[str, Any]:
        """The payload that Slack sends when somebody sends a form off."""
        block = next(block for block in form["view"]["blocks"] if block["type"] == "input")
        values = {block["block_id"]: {block["element"]["action_id"]: {"type": "plain_text_input", "value": comment}}}
        return {
            "type": "view_submission",
            "team": {"id": TEAM},
            "user": {"id": slack_user_id, "team_id": TEAM},
            "view": {**form["view"], "id": form["id"], "hash": "156772938.1827394", "state": {"values": values}},
        }

    # ── The server ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        method = handler.path.removeprefix("/api/")
        fault = self.once.pop(method, "") or self.faults.get(method, "") or self.faults.get("*", "")
        self.calls[method] += 1
        if fault == "down":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "limited":
            _send(handler, {"ok": False, "error": "ratelimited"}, status=429, retry_after="1")
            return
        if fault == "broken":
            _send(handler, {}, status=500)
            return
        if fault and fault not in ("lost", "slow"):
            _send(handler, {"ok": False, "error": fault})
            return
        answer = self._do(method, handler, body)
        if fault == "lost":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "slow":
            time.sleep(5)
        _send(handler, answer)

    def _do(self, method: str, handler: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
        if handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        is_json = "json" in handler.headers.get("Content-Type", "")
        asked = json.loads(body) if is_json else {name: each[0] for name, each in parse_qs(body.decode()).items()}
        with self._lock:
            match method:
                case "chat.postMessage":
                    return self._post(asked)
                case "chat.update":
                    return self._update(asked)
                case "chat.postEphemeral":
                    self.ephemerals.append(asked)
                    return {"ok": True, "message_ts": "1"}
                case "conversations.history" if not is_json:
                    return self._history(asked)
                case "views.open":
                    return self._open(asked)
        return {"ok": False, "error": "unknown_method"}

    def _post(self, asked: dict[str, Any]) -> dict[str, Any]:
        if problem := _problem_of_message(asked):
            return {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [problem]}}
        if asked["channel"] != CHANNEL and not asked["channel"].startswith("U"):
            return {"ok": False, "error": "channel_not_found"}
        ts = f"{time.time():.0f}.{next(self._numbers):06d}"
        self.messages[ts] = {**asked, "ts": ts}
        return {"ok": True, "channel": asked["channel"], "ts": ts}

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        if problem := _problem_of_message(asked):
            return {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [problem]}}
        if asked.get("ts") not in self.messages:
            return {"ok": False, "error": "message_not_found"}
        self.messages[asked["ts"]] = {**self.messages[asked["ts"]], **asked}
        return {"ok": True, "channel": asked["channel"], "ts": asked["ts"]}

    def _history(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Newest first, a page at a time."""
        with_metadata = asked.get("include_all_metadata") == "1"
        found = [
            each if with_metadata else {name: each[name] for name in each if name != "metadata"}
            for each in sorted(self.messages.values(), key=lambda each: each["ts"], reverse=True)
            if each["channel"] == asked["channel"] and float(each["ts"]) >= float(asked["oldest"])
        ]
        start = int(asked.get("cursor") or 0)
        end = start + self.page_size
        more = str(end) if len(found) > end else ""
        page = found[start:end]
        return {"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}

    def _open(self, asked: dict[str, Any]) -> dict[str, Any]:
        if problem := _problem_of_form(asked.get("view") or {}):
            return {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": [problem]}}
        if not asked.get("trigger_id"):
            return {"ok": False, "error": "invalid_trigger_id"}
        form = {"id": f"V{next(self._numbers):08d}", "view": asked["view"]}
        self.forms.append(form)
        return {"ok": True, "view": {**asked["view"], "id": form["id"]}}


def signed(payload: dict[str, Any], *, secret: str = SECRET, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a payload as Slack sends it."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def _problem_of_message(asked: dict[str, Any]) -> str:
    blocks = asked.get("blocks")
    if not asked.get("text") or not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        return "a message has a text and from 1 to 50 blocks"
    payload = (asked.get("metadata") or {}).get("event_payload")
    if not isinstance(payload, dict):
        return "the metadata have no payload"
    return next((problem for block in blocks if (problem := _problem_of_block(block))), "")


def _problem_of_form(view: dict[str, Any]) -> str:
    for name in ("title", "submit", "close"):
        if not 1 <= len(view.get(name, {}).get("text", "")) <= _MAX["title"]:
            return f"{name} has from 1 to {_MAX['title']} characters"
    if view.get("type") != "modal" or len(view.get("private_metadata", "")) > 3_000:
        return "no modal, or too long private metadata"
    return next((problem for block in view.get("blocks", []) if (problem := _problem_of_block(block))), "")


def _problem_of_block(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "header":
            return _too_long(block["text"], _MAX["header"], "plain_text")
        case "section" if "fields" in block:
            if not 1 <= len(block["fields"]) <= 10:
                return "a section has from 1 to 10 fields"
            return next((p for each in block["fields"] if (p := _too_long(each, _MAX["field"], "mrkdwn"))), "")
        case "section":
            return _too_long(block["text"], _MAX["section"], "mrkdwn")
        case "actions":
            return next((p for each in block["elements"] if (p := _problem_of_button(each))), "")
        case "input":
            return "" if block["element"]["max_length"] <= 3_000 else "too long an input"
    return f"no such block: {block.get('type')}"


def _problem_of_button(button: dict[str, Any]) -> str:
    if len(button.get("value", "")) > _MAX["value"] or button.get("style", "primary") not in ("primary", "danger"):
        return "a button's value or style"
    return _too_long(button["text"], _MAX["button"], "plain_text")


def _too_long(text: dict[str, Any], most: int, kind: str) -> str:
    if text.get("type") != kind or not 1 <= len(text["text"]) <= most:
        return f"{kind} has from 1 to {most} characters"
    return ""


def _send(handler: BaseHTTPRequestHandler, answer: dict[str, Any], *, status: int = 200, retry_after: str = "") -> None:
    body = json.dumps(answer).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json; charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    if retry_after:
        handler.send_header("Retry-After", retry_after)
    handler.end_headers()
    handler.wfile.write(body)
