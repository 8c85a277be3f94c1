"""A NUL in an address is no error of ours: PostgreSQL refuses to be asked with one, and here nobody asks it so."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DataError, connection
from django.test import AsyncClient, Client

from campaigns.consumer_actor import StampedeConsumer
from campaigns.consumer_imports import ImportConsumer
from campaigns.consumers import CampaignConsumer
from dashboard import health_watch, views
from dashboard.consumers import query_of
from dashboard.health_watch import Health, Sign
from dashboard.home import machinery
from dashboard.home.machinery import Failing, Machinery
from tests.campaigns.pages import CID, draft
from tests.live_pages import FakeHealthWatch, Sockets, close_code
from tests.orders.orders_of import ORDER_ID, saved


def _as_postgresql(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """psycopg's refusal; SQLite would look for it."""
    if "\0" in repr(params) or "\\x00" in repr(params):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return execute(sql, params, many, context)


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[None]:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    monkeypatch.setattr(views, "check_all", dict)
    with connection.execute_wrapper(_as_postgresql):
        yield


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/technical/order-%00/",
        "/technical/campaign-%00/",
        f"/technical/order-{ORDER_ID}%00/live/",
        "/approvals/bulk/%00/",
        "/approvals/bulk/x%00/progress/",
        f"/campaigns/{CID}/preview/%00/",
        "/campaigns/stop/%00/",
        "/polls/campaigns/%00/?tab=aaaaaaaa",
        "/no-such-page%00",
        "/%00",
    ],
)
def test_in_a_path_it_is_no_page(root: Client, address: str) -> None:
    draft()
    page = root.get(address)
    assert page.status_code == 404
    assert "text/html" in page["Content-Type"]
    assert "Content-Security-Policy" in page


@pytest.mark.parametrize("what", ["replay", "resolution"])
def test_nor_is_anything_done_there(root: Client, what: str) -> None:
    assert root.post(f"/orders/unmatched/%00/{what}/", {"note": "x"}).status_code == 404


def test_who_is_not_logged_in_is_told_the_same() -> None:
    assert Client().get("/technical/order-%00/").status_code == 404


async def test_nor_is_anything_waited_for() -> None:
    assert (await AsyncClient().get("/polls/campaigns/%00/?tab=aaaaaaaa")).status_code == 404
    assert (await AsyncClient().get("/static/%00.css")).status_code == 404


@pytest.mark.parametrize("address", ["/api/users/%00/actor", "/api/approvals/%00", "/api/campaigns/%00"])
def test_programs_get_their_own_answer(address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is nothing at this address."})


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"/campaigns/{CID}/preview/?user_id=%00", 400),
        (f"/campaigns/{CID}/preview/?user_id=USER%00", 400),
        ("/campaigns/new/?like=%00", 400),
        ("/campaigns/new/", 200),
        ("/orders/?q=%00", 200),
        ("/orders/?%00=%00", 200),
        ("/campaigns/users/?q=%00", 200),
        (f"/campaigns/{CID}/log/?user_id=%00", 200),
        ("/approvals/?tab=all&q=%00", 200),
        ("/search/?q=%00", 200),
        ("/campaigns/imports/?page=%00", 200),
        ("/orders/?q=%2500", 200),
    ],
)
def test_in_a_query_it_is_a_blank_or_a_bad_request(root: Client, address: str, status: int) -> None:
    draft()
    saved()
    assert root.get(address).status_code == status


def test_a_program_is_told_that_its_query_is_wrong(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(*args: Any, **more: Any) -> Any:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr("orders.api.Listing.read", asks)
    assert root.get("/api/orders?q=%00").json() == {"detail": "The address must not contain a null character."}
    with pytest.raises(DataError):
        root.get("/api/orders?q=%2500")


def test_one_in_a_workflow_id_takes_no_page_down(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tuple(
        Failing(f"{kind}-\0", "marketing-campaign-queue") for kind in ("order", "campaign", "bulk-decision")
    )
    monkeypatch.setattr(machinery.watch, "current", lambda: Machinery((), temporal=True, failing=failing))
    assert root.get("/health/").status_code == 200


class TestSockets:
    @pytest.fixture
    async def sockets(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sockets]:
        monkeypatch.setattr(health_watch, "listen", FakeHealthWatch().listen)
        opened = Sockets()
        yield opened
        await opened.close()

    @pytest.mark.parametrize("path", ["%00/", "imports/%00/", "users/%00/stampede/", f"{CID}%00/"])
    async def test_no_page_listens_there(self, sockets: Sockets, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        asked: list[str] = []

        async def connect(consumer: Any) -> None:
            asked.append(consumer.scope["path"])
            await consumer.accept()
            await consumer.close(1013)

        for consumer in (CampaignConsumer, ImportConsumer, StampedeConsumer):
            monkeypatch.setattr(consumer, "connect", connect)
        socket = await sockets(f"/ws/campaigns/{path}")
        assert (await socket.connect())[0]
        assert await close_code(socket) == 4404
        assert asked == []

    def test_a_query_has_none(self) -> None:
        assert query_of({"query_string": b"after=3&show=%00,CMP-1"}) == "after=3&show=%20,CMP-1"
