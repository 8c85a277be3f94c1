"""The API's documentation: a page of our own that says what the schema says, to whoever may read the schema."""

import re

import pytest
from django.test import Client

from dashboard.api import api
from dashboard.api_docs import kind_of, prose, reference_of
from tests.dashboard.everybody import _user

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> str:
    return Client().get("/api/docs").content.decode()


class TestApiDocs:
    def test_every_operation_is_there_with_all_that_it_takes_and_answers(self, page: str) -> None:
        schema = api.get_openapi_schema()
        for path, methods in schema["paths"].items():
            for operation in methods.values():
                part = page.partition(f'id="{operation["operationId"]}"')[2].partition("</details>")[0]
                assert part, operation["operationId"]
                assert f"<code>{path}</code>" in page
                for parameter in operation.get("parameters", ()):
                    assert f"<code>{parameter['name']}</code>" in part
                for status in operation["responses"]:
                    assert f">{status}</span>" in part

    def test_the_schema_is_made_once(self) -> None:
        """Strangers may ask for it too, and it takes half a second to make."""
        asked = [Client().get("/api/openapi.json").json() for _ in range(2)]
        assert asked[0] == asked[1]
        assert api.get_openapi_schema() is api.get_openapi_schema(path_prefix="/api/")

    def test_every_link_in_it_leads_somewhere(self, page: str) -> None:
        places = set(re.findall(r' id="([^"]+)"', page))
        links = set(re.findall(r'href="#([^"]+)"', page))
        assert len(links) > 50
        assert not links - places

    def test_no_two_parts_have_one_id(self, page: str) -> None:
        places = re.findall(r' id="([^"]+)"', page)
        assert len(places) == len(set(places))

    def test_it_needs_no_script_of_its_own_and_links_the_schema(self, page: str) -> None:
        assert "swagger" not in page.lower()
        assert 'href="/api/openapi.json"' in page

    def test_who_is_logged_in_has_the_products_navigation_around_it(self) -> None:
        browser = Client()
        browser.force_login(_user("reader"))
        answer = browser.get("/api/docs")
        assert 'aria-label="Main"' in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]

    def test_strangers_have_none(self, page: str) -> None:
        assert 'aria-label="Main"' not in page
        assert '<main id="main"' in page


class TestWords:
    def test_a_kind_says_what_it_leads_to(self) -> None:
        lines = kind_of({"type": "array", "items": {"$ref": "#/components/schemas/Line"}})
        assert (lines.words, lines.shape) == ("list of Line", "Line")
        assert kind_of({"anyOf": [{"type": "integer"}, {"type": "null"}]}).words == "whole number or null"

    def test_descriptions_are_words_and_never_markup(self) -> None:
        assert prose("One **b** `c`.\n\n<i>x</i>") == "<p>One <b>b</b> <code>c</code>.</p><p>&lt;i&gt;x&lt;/i&gt;</p>"

    def test_limits_and_defaults_are_said(self) -> None:
        orders = reference_of(api).groups["Orders"][0]
        limit = next(one for one in orders.parameters if one.name == "limit")
        assert limit.limits == "at least 1, at most 100, 25 when it is left out"
