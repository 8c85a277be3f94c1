"""Pages go out compressed to who can read that; answers to programs, and exports, as they are."""

import gzip

import pytest
from django.conf import settings
from django.test import Client

from tests.dashboard.everybody import _user

pytestmark = pytest.mark.django_db
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def reader() -> Client:
    browser = Client(headers=GZIP)
    browser.force_login(_user("reader", ["Operations"]))
    return browser


class TestCompressedPages:
    def test_a_page_is_compressed(self, reader: Client) -> None:
        answer = reader.get("/orders/")
        assert answer["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer["Vary"]
        assert b"<h1>Orders</h1>" in gzip.decompress(answer.content)

    def test_its_length_tells_nothing_exact(self, reader: Client) -> None:
        assert len({len(reader.get("/orders/").content) for _ in range(8)}) > 1

    def test_the_secret_in_a_form_is_another_one_each_time(self, reader: Client) -> None:
        tokens = {
            gzip.decompress(reader.get("/orders/new/").content).split(b"csrfmiddlewaretoken")[1][:90] for _ in "12"
        }
        assert len(tokens) == 2

    def test_another_site_cannot_fetch_it_with_the_session(self) -> None:
        assert settings.SESSION_COOKIE_SAMESITE == "Lax"

    def test_programs_and_exports_get_theirs_as_it_is(self, reader: Client) -> None:
        for path in ("/orders/export/", "/api/openapi.json"):
            assert "Content-Encoding" not in reader.get(path).headers, path

    def test_who_does_not_read_gzip_gets_it_plain(self, reader: Client) -> None:
        assert b"<h1>Orders</h1>" in reader.get("/orders/", headers={"Accept-Encoding": "identity"}).content
