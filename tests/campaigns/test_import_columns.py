"""What the columns of a file mean: guessed, shown with the first rows, said otherwise, kept with the import."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from campaigns.gateway import imports, uploads
from campaigns.models import AudienceImport
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import CAMPAIGN_WRITERS
from tests.campaigns.test_pages_imports import hand_in, person, said_of

pytestmark = pytest.mark.django_db(transaction=True)

FOREIGN = (
    "Kundennummer;Mail;Tarif;Größe;2024\n"
    "K-1;k1@example.com;pro;L;7\n"
    "K-2;nonsense;free;;\n"
    ";k3@example.com;<b>;M;9\n"
)  # fmt: skip


@pytest.fixture(autouse=True)
def _around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The imports whose workflows were started: nobody is asked to."""
    ids: list[str] = []
    monkeypatch.setattr(uploads, "start_workflow_of", lambda row: ids.append(row.import_id))
    return ids


@pytest.fixture
def writer(db: None) -> Client:
    return person("will", CAMPAIGN_WRITERS)


def columns_of(client: Client, content: str = FOREIGN) -> tuple[str, str, dict[str, str]]:
    """The page of the columns, its HTML, and what it says when nothing is changed."""
    path = hand_in(client, content.encode()).url
    assert path.endswith("/columns/")
    html = client.get(path).content.decode()
    return path, html, said_of(html)


class TestColumns:
    def test_guessed_from_the_headings(self, writer: Client) -> None:
        _, html, said = columns_of(writer)
        assert said["meaning-1"] == "email"
        assert (said["meaning-2"], said["attribute-2"]) == ("attribute", "tarif")
        assert (said["meaning-3"], said["attribute-3"]) == ("attribute", "gr_e")
        assert said["meaning-4"] == ""  # no name can be made of it: left out until somebody says otherwise
        assert "No column is for the contact" in html
        assert "k1@example.com" in html

    def test_what_is_said_is_previewed_and_kept(self, writer: Client, started: list[str]) -> None:
        path, _, said = columns_of(writer)
        refused = writer.post(path, said)
        assert refused.status_code == 422
        assert "No column is for the contact" in refused.content.decode()
        assert started == []
        said |= {"meaning-0": "user_id", "meaning-3": "attribute", "attribute-3": "size", "unattended": "on"}
        preview = writer.post(f"{path}preview/", said).content.decode()
        assert "<b>K-1</b>" in preview
        assert "Mail must be" in preview or "Mail enter a valid email" in preview
        assert "is empty: it says whose row this is" in preview
        assert "<b></b>" not in preview
        assert "<html" not in preview
        answer = writer.post(path, said)
        assert answer.status_code == 302
        row = AudienceImport.objects.get()
        assert started == [row.import_id]
        assert row.start_input["mapping"] == {"Kundennummer": "user_id", "Größe": "attributes.size", "2024": ""}
        assert row.start_input["unattended"] is True
        page = writer.get(f"/campaigns/imports/{row.import_id}/").content.decode()
        assert re.search(r"“Kundennummer” <svg.*?</svg> Id of the contact", page)

    def test_pressed_again_is_the_same_and_another_word_is_too_late(self, writer: Client, started: list[str]) -> None:
        path, _, said = columns_of(writer)
        said |= {"meaning-0": "user_id"}
        writer.post(path, said)
        row = AudienceImport.objects.get()
        assert row.status == AudienceImport.Status.STARTING
        assert writer.post(path, {**said, "meaning-2": ""}).status_code == 302
        assert writer.get(path).status_code == 302
        assert writer.post(f"{path}preview/", said).status_code == 409
        row.refresh_from_db()
        assert "Tarif" not in row.start_input["mapping"]
        assert len(started) == 1

    def test_a_name_that_is_none_and_headings_of_one_name(self, writer: Client, started: list[str]) -> None:
        path, _, said = columns_of(writer, "id,plan,plan\nU-1,a,b\n")
        twice = writer.post(path, said)
        assert "Two columns are for attributes.plan" in twice.content.decode()
        answer = writer.post(path, {**said, "attribute-1": "__class__", "meaning-2": ""})
        assert answer.status_code == 422
        html = answer.content.decode()
        assert "An attribute begins with a letter" in html
        assert "Another column has this heading" in html
        assert writer.post(path, {**said, "meaning-1": "", "meaning-2": ""}).status_code == 302
        assert len(started) == 1

    def test_hostile_headings_are_text(self, writer: Client, started: list[str]) -> None:
        content = b"id,<script>alert(1)</script>,\xff\xfe,a\x00b," + b"x" * 600 + b"\nU-1,1,2,3,4\n"
        path = hand_in(writer, content).url
        html = writer.get(path).content.decode()
        assert "<script>alert" not in html
        assert writer.post(f"{path}preview/", said_of(html)).status_code == 200
        assert writer.post(path, {**said_of(html), "meaning-1": "../../etc"}).status_code == 422


class TestUploadsThatWait:
    def test_discarded_nothing_is_kept(self, writer: Client, started: list[str]) -> None:
        columns_of(writer)
        row = AudienceImport.objects.get()
        assert row.status == "uploaded"
        assert default_storage.exists(row.file.name)
        page = f"/campaigns/imports/{row.import_id}/"
        assert "Say what they mean" in writer.get(page).content.decode()
        assert writer.post(f"{page}cancellation/", {"reason": "Wrong file"}).status_code == 302
        assert "Wrong file" in writer.get(page).content.decode()
        assert not default_storage.exists(row.file.name)
        assert writer.get(f"{page}columns/").status_code == 302
        assert started == []

    def test_forgotten_after_a_week_and_never_started_unasked(
        self, writer: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        columns_of(writer)
        begun: list[str] = []
        monkeypatch.setattr(imports, "start_workflow_of", lambda row: begun.append(row.import_id))
        AudienceImport.objects.update(created_at=timezone.now() - timedelta(days=6))
        imports.finish_starting_imports()
        uploads.forget_old_uploads()
        assert AudienceImport.objects.get().status == "uploaded"
        uploads.forget_old_uploads(timezone.now() + timedelta(days=2))
        row = AudienceImport.objects.get()
        assert (row.status, row.file.name, begun) == ("cancelled", "", [])
        assert "Nobody said" in imports.read_import(row.import_id, User.objects.get()).problem
