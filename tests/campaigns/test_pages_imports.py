"""The pages of imports, on a real worker: the stages and their buttons, what is wrong with a file, who may, and how much."""

import csv
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from campaigns.models import AudienceImport, Contact, ImportProblem, OptOut
from dashboard import health_watch
from dashboard.bodies import BodyLimit
from dashboard.health_watch import Health, Sign
from dashboard.roles import CAMPAIGN_WRITERS, STAFF
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/campaigns/imports/new/"
GOOD = b"id,email,name,plan,consent\nU-1,u1@example.com,Ann,pro,yes\nU-2,u2@example.com,Bo,free,no\n"
HOSTILE = b"\n".join(
    [
        b"\xef\xbb\xbfid,email,name,note",
        b"U-1,u1@example.com,Ann,=HYPERLINK(1)",
        b"U-2,u2@example.com,\xff\xfe,bad bytes",
        b"U-3,u3@example.com,N\x00ul,nul",
        b'U-4,u4@example.com,"Eve\r\nBcc: all@example.com",crlf',
        b"=cmd|'/C calc'!A0,u6@example.com,Formula,id",
        b"U-8,u8@example.com,<script>alert(1)</script>{{ name }}{% include 'x' %},template",
    ]
)


@pytest.fixture(autouse=True)
def _around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    settings.MEDIA_ROOT = tmp_path


def person(name: str, role: str) -> Client:
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def writer(db: None) -> Client:
    return person("will", CAMPAIGN_WRITERS)


def key_in(html: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', html)
    assert found
    return found[1]


def hand_in(client: Client, content: bytes = GOOD, name: str = "people.csv") -> Any:
    key = key_in(client.get(NEW).content.decode())
    return client.post(NEW, {"idempotency_key": key, "file": SimpleUploadedFile(name, content)})


def said_of(html: str) -> dict[str, str]:
    """What the form of the columns says when nothing is changed in it."""
    said = {}
    for name, options in re.findall(r'<select name="(meaning-\d+)".*?>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        said[name] = chosen[1] if chosen else ""
    said |= dict(re.findall(r'<input type="text" name="(attribute-\d+)" value="([^"]*)"', html))
    return said


def upload(client: Client, content: bytes = GOOD, name: str = "people.csv", **more: Any) -> Any:
    """Handed in, and begun with what the headings say."""
    answer = hand_in(client, content, name)
    if answer.status_code != 302:
        return answer
    return client.post(answer.url, {**said_of(client.get(answer.url).content.decode()), **more})


def until(client: Client, page: str, words: str) -> str:
    def look() -> str | None:
        html = client.get(page).content.decode()
        return html if words in html else None

    return eventually(look)


@pytest.mark.usefixtures("worker")
class TestStages:
    def test_each_waits_for_its_button(self, writer: Client) -> None:
        contact("U-2", name="Old", email="old@example.com")
        answer = upload(writer)
        assert answer.status_code == 302
        page = answer.url
        html = until(writer, page, "Compare with the contacts?")
        assert "can be taken" in html
        early = writer.post(f"{page}transformation/", follow=True)
        assert "has not done its work" in early.content.decode()
        for _ in range(2):
            assert writer.post(f"{page}validation/").status_code == 302
        html = until(writer, page, "Write the contacts?")
        assert "1 new, 1 changed, 0 unchanged, 0 rejected" in html
        assert "<del>Old</del>" in html
        assert "<ins>Bo</ins>" in html
        assert not Contact.objects.filter(user_id="U-1").exists()
        for _ in range(2):
            writer.post(f"{page}transformation/")
        html = until(writer, page, "status--ok status--pill")
        assert "/ws/campaigns/imports/" not in html  # nothing more will come
        assert Contact.objects.get(user_id="U-1").attributes == {"plan": "pro"}
        assert list(OptOut.objects.values_list("user_id", flat=True)) == ["U-2"]
        assert "people.csv" in writer.get("/campaigns/imports/").content.decode()

    def test_what_is_only_this_viewers_comes_apart(self, writer: Client) -> None:
        page = upload(writer).url
        until(writer, page, "Compare with the contacts?")
        html = writer.get(f"{page}actions/").content.decode()
        assert 'id="go-on"' in html
        assert 'id="import-rows" hx-swap-oob="true"' in html
        assert "import-head" not in html

    def test_cancelled_with_a_reason_nothing_is_kept(self, writer: Client) -> None:
        page = upload(writer, HOSTILE).url
        until(writer, page, "Compare with the contacts?")
        answer = writer.post(f"{page}cancellation/", {"reason": "The wrong <file>"})
        assert answer.status_code == 302
        html = until(writer, page, "The wrong &lt;file&gt;")
        assert "No contact was changed" in html
        eventually(lambda: not ImportProblem.objects.exists())
        again = writer.post(f"{page}cancellation/", {"reason": "Again"})
        assert again.status_code == 409
        assert not Contact.objects.exists()

    def test_pressed_twice_is_one_import(self, writer: Client) -> None:
        key = key_in(writer.get(NEW).content.decode())
        sent = [writer.post(NEW, {"idempotency_key": key, "file": SimpleUploadedFile("a.csv", GOOD)}) for _ in range(2)]
        assert sent[0].url == sent[1].url
        said = {**said_of(writer.get(sent[0].url).content.decode()), "unattended": "on"}
        page, _ = (writer.post(sent[0].url, said).url for _ in range(2))
        assert AudienceImport.objects.count() == 1
        until(writer, page, "status--ok status--pill")
        other = writer.post(NEW, {"idempotency_key": key, "file": SimpleUploadedFile("a.csv", GOOD + b"U-3,,,,\n")})
        assert other.status_code == 409

    def test_a_hostile_file_is_told_of_row_by_row(self, writer: Client) -> None:
        page = upload(writer, HOSTILE, "=evil\r\n<b>.csv", unattended="on").url
        html = until(writer, page, "status--ok status--pill")
        for words in ("is not UTF-8", "has a null character", "one line of text"):
            assert words in html
        assert "<script>alert" not in html
        assert sorted(Contact.objects.values_list("user_id", flat=True)) == ["U-1", "U-8"]
        answer = writer.get(f"{page}problems.csv")
        lines = list(csv.reader(StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
        assert lines[0] == ["row", "column", "problem", "value"]
        assert [line[0] for line in lines[1:]] == ["3", "4", "5", "6"]
        assert lines[-1][-1].startswith("'=cmd|")
        assert not any(cell.startswith(("=", "+", "@", "\t")) for line in lines for cell in line)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"id,email\nU-1,nonsense\n", "None of the file"),
            (GOOD + b"U-3," + b"x" * 200_000, "longer than"),
        ],
    )
    def test_an_unusable_file_changes_nothing(self, writer: Client, content: bytes, words: str) -> None:
        html = until(writer, upload(writer, content, unattended="on").url, "status--bad status--pill")
        assert words in html
        assert not Contact.objects.exists()

    def test_many_problems_come_in_pages(self, writer: Client) -> None:
        rows = b"".join(b"U-%d,nonsense\n" % n for n in range(120)) + b"U-900,good@example.com\n"
        page = upload(writer, b"id,email\n" + rows, unattended="on").url
        html = until(writer, page, "status--ok status--pill")
        assert "of 120" in html
        second = writer.get(f"{page}?page=2").content.decode()
        assert 'data-label="Row" class="num">52<' in second
        assert writer.get(f"{page}?page=nonsense").status_code == 200


class TestFormAndRights:
    def test_what_is_no_file(self, writer: Client) -> None:
        answer = writer.post(NEW, {})
        assert answer.status_code == 422
        assert "Choose a file." in answer.content.decode()
        answer = upload(writer, b"")
        assert answer.status_code == 422
        assert "The file is empty." in answer.content.decode()
        answer = upload(writer, b"\xff\xfei\x00d\x00\n\x00")
        assert answer.status_code == 422
        assert "UTF-16" in answer.content.decode()
        assert not AudienceImport.objects.exists()

    def test_temporal_away_keeps_the_file_and_the_key(self, writer: Client) -> None:
        columns = hand_in(writer).url
        said = {**said_of(writer.get(columns).content.decode()), "idempotency_key": "a-key-of-mine"}
        answer = writer.post(columns, said)
        assert answer.status_code == 503
        assert "starts by itself" in answer.content.decode()
        assert key_in(answer.content.decode()) == "a-key-of-mine"
        row = AudienceImport.objects.get()
        assert row.status == "starting"
        html = writer.get(f"/campaigns/imports/{row.import_id}/").content.decode()
        assert "Starting" in html

    def test_who_may_not(self, db: None) -> None:
        AudienceImport.objects.create(import_id="IMP-1", idempotency_key="k")
        paths = [
            "/campaigns/imports/",
            NEW,
            "/campaigns/imports/IMP-1/",
            "/campaigns/imports/IMP-1/live/",
            "/campaigns/imports/IMP-1/actions/",
            "/campaigns/imports/IMP-1/columns/",
            "/campaigns/imports/IMP-1/problems.csv",
            "/campaigns/imports/IMP-1/cancellation/",
        ]
        stranger = person("sten", STAFF)
        for path in paths:
            assert stranger.get(path).status_code == 404
            assert Client().get(path).status_code == 302
        for path in ("columns/preview", "validation", "transformation", "cancellation"):
            assert stranger.post(f"/campaigns/imports/IMP-1/{path}/").status_code == 404
        looks = User.objects.create_user("looks")
        looks.user_permissions.add(Permission.objects.get(codename="view_audienceimport"))
        client = Client()
        client.force_login(looks)
        assert client.get("/campaigns/imports/").status_code == 200
        assert client.get("/campaigns/imports/IMP-1/").status_code == 200
        assert client.get(NEW).status_code == 403
        assert client.post("/campaigns/imports/IMP-1/validation/").status_code == 403

    def test_no_such_import(self, writer: Client) -> None:
        for path in ("", "live/", "actions/", "columns/", "problems.csv", "cancellation/"):
            assert writer.get(f"/campaigns/imports/IMP-gone/{path}").status_code == 404
        assert writer.post("/campaigns/imports/IMP-gone/validation/").status_code == 404


class TestBodyLimit:
    """Only this page takes more, and only from who may; nobody else's body is looked at."""

    def ask(self, path: str, size: int, session: str = "", *, declared: bool = True) -> tuple[int, int]:
        """The status, and how many bytes the application took."""
        headers = [(b"content-length", str(size).encode())] if declared else []
        if session:
            headers.append((b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={session}".encode()))
        taken = 0
        statuses: list[int] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            nonlocal taken
            while (message := await receive())["more_body"]:
                taken += len(message["body"])
            await send({"type": "http.response.start", "status": 200, "headers": []})

        left = [size]

        async def receive() -> dict[str, Any]:
            piece = min(50, left[0])
            left[0] -= piece
            return {"type": "http.request", "body": b"x" * piece, "more_body": piece > 0}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        limited = BodyLimit(application, 100, {NEW: (1_000, "campaigns.edit_campaign")})
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        async_to_sync(limited)(scope, receive, send)
        return statuses[0], taken

    def session_of(self, role: str) -> str:
        user = User.objects.create_user(role.lower().replace(" ", "."))
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client.session.session_key or ""

    def test_more_from_who_may_import(self, db: None) -> None:
        writer = self.session_of(CAMPAIGN_WRITERS)
        assert self.ask(NEW, 900, writer) == (200, 900)
        assert self.ask(NEW, 1_100, writer) == (413, 0)
        assert self.ask("/campaigns/imports/", 900, writer) == (413, 0)

    def test_nothing_of_a_stranger(self, db: None) -> None:
        for session in ("", "nonsense", self.session_of(STAFF), SessionStore().session_key or "x" * 32):
            assert self.ask(NEW, 900, session) == (413, 0)
            assert self.ask(NEW, 90, session) == (200, 90)

    def test_what_is_not_declared_is_counted(self, db: None) -> None:
        status, taken = self.ask(NEW, 900, declared=False)
        assert status == 413
        assert taken <= 100
