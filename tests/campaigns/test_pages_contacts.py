"""The pages of contacts and segments: found, walked, written, and who may."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from campaigns.models import Campaign, CapPolicy, Contact, OptOut, Segment
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import ADMINISTRATORS, CAMPAIGN_WRITERS, STAFF
from tests.campaigns.contacts_of import contact

pytestmark = pytest.mark.django_db

LIST = "/campaigns/contacts/"
SEGMENTS = "/campaigns/segments/"
GERMAN = {"match": "all", "filters": [{"field": "locale", "op": "is", "value": "de"}]}


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def person(name: str, role: str) -> Client:
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def writer(db: None) -> Client:
    return person("will", CAMPAIGN_WRITERS)


def ids_in(html: str) -> list[str]:
    return re.findall(r'href="/campaigns/users/([^/]+)/" data-walk-to', html)


def filters(*lines: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    fields, attributes, ops, values = zip(*lines, strict=True) if lines else ((), (), (), ())
    lists = {"filter-field": fields, "filter-attribute": attributes, "filter-op": ops, "filter-value": values}
    return {"name": "Some", "match": "all", **{name: list(value) for name, value in lists.items()}, **more}


class TestList:
    def test_walks_forth_and_back(self, writer: Client) -> None:
        Contact.objects.bulk_create(Contact(user_id=f"U-{n:03}") for n in range(120))
        first = writer.get(LIST).content.decode()
        assert ids_in(first) == [f"U-{n:03}" for n in range(50)]
        assert "120 contacts" in first
        second = writer.get(f"{LIST}?after=U-049").content.decode()
        assert ids_in(second) == [f"U-{n:03}" for n in range(50, 100)]
        third = writer.get(f"{LIST}?after=U-099").content.decode()
        assert ids_in(third) == [f"U-{n:03}" for n in range(100, 120)]
        assert 'rel="next"' not in third
        assert ids_in(writer.get(f"{LIST}?before=U-100").content.decode()) == ids_in(second)
        back = writer.get(f"{LIST}?before=U-050").content.decode()
        assert ids_in(back) == ids_in(first)
        assert 'rel="prev"' not in back

    def test_costs_the_same_for_more(self, writer: Client, django_assert_max_num_queries: Any) -> None:
        contact("U-1")
        writer.get(LIST)
        Contact.objects.bulk_create(Contact(user_id=f"V-{n:03}") for n in range(80))
        with django_assert_max_num_queries(20):
            writer.get(LIST)

    def test_finds_by_every_word(self, writer: Client) -> None:
        contact("U-1", name="Ann Lee", email="ann@example.com")
        contact("U-2", name="Ann Bo", email="bo@example.com", phone="+491709998877")
        for q, found in (
            ("ann", ["U-1", "U-2"]),
            ("Ann bo@", ["U-2"]),
            ("9998877", ["U-2"]),
            ("u-1", ["U-1"]),
            ("zed", []),
        ):
            assert ids_in(writer.get(LIST, {"q": q}).content.decode()) == found

    @pytest.mark.parametrize("q", ["\x00", "%", "'; --", "<script>", "x" * 5_000, "'\" a b c d e f g"])
    def test_takes_any_words(self, writer: Client, q: str) -> None:
        contact("U-1")
        answer = writer.get(LIST, {"q": q, "segment": q, "after": q})
        assert answer.status_code == 200
        assertNotContains(answer, "<script>\n", html=False)

    def test_of_a_segment(self, writer: Client) -> None:
        contact("U-1", locale="de")
        contact("U-2", locale="en")
        segment = Segment.objects.create(name="German", filters=GERMAN)
        assert ids_in(writer.get(LIST, {"segment": segment.pk}).content.decode()) == ["U-1"]
        Segment.objects.filter(pk=segment.pk).update(filters={"match": "nonsense"})
        assertContains(writer.get(LIST, {"segment": segment.pk}), "The segment cannot be used")

    def test_says_what_they_want(self, writer: Client) -> None:
        contact("U-1", name="<b>Ann</b>")
        OptOut.objects.create(user_id="U-1")
        answer = writer.get(LIST)
        assertContains(answer, "Nothing</span>")
        assertContains(answer, "&lt;b&gt;Ann&lt;/b&gt;")

    def test_empty(self, writer: Client) -> None:
        assertContains(writer.get(LIST), "No contact yet")

    def test_who_may(self, db: None) -> None:
        contact("U-1")
        segment = Segment.objects.create(name="German", filters=GERMAN)
        stranger, administrator = person("sten", STAFF), person("ada", ADMINISTRATORS)
        edits = (f"{LIST}new/", f"{LIST}U-1/edit/", f"{SEGMENTS}new/", f"{SEGMENTS}{segment.pk}/")
        for path in (LIST, SEGMENTS, f"{SEGMENTS}count/", *edits):
            assert stranger.get(path).status_code == 404
            assert Client().get(path).status_code == 302
        for path in edits:
            assert administrator.get(path).status_code == 403
            assert administrator.post(path, {"name": "x"}).status_code == 403
        assert administrator.get(LIST).status_code == 200
        assert administrator.post(f"{SEGMENTS}{segment.pk}/deletion/").status_code == 403


class TestOneContact:
    def sent(self, **changes: str) -> dict[str, str]:
        fields = {"user_id": "U-1", "name": "Ann", "email": "ann@example.com", "phone": "+49170123456"}
        return {**fields, "attributes": "plan: pro\nvisits: 3\nis_member: true", "change": "0", **changes}

    def test_is_entered_once(self, writer: Client) -> None:
        for _ in range(2):
            assert writer.post(f"{LIST}new/", self.sent(locale="de")).status_code == 302
        one = Contact.objects.get()
        assert one.attributes == {"plan": "pro", "visits": 3, "is_member": True}
        assert one.change > 0
        other = writer.post(f"{LIST}new/", self.sent(name="Other"))
        assert other.status_code == 409

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("user_id", "=1+1"),
            ("user_id", ""),
            ("name", "two\u2028lines"),
            ("email", "nonsense"),
            ("phone", "0170"),
            ("locale", "Deutsch"),
            ("time_zone", "Mars"),
            ("attributes", "no colon"),
            ("attributes", "__class__: x"),
            ("attributes", "a: 1\na: 2"),
            ("attributes", f"a: {'x' * 600}"),
        ],
    )
    def test_what_makes_no_sense_is_refused_beside_its_field(self, writer: Client, field: str, value: str) -> None:
        answer = writer.post(f"{LIST}new/", self.sent(**{field: value}))
        assert answer.status_code == 422
        assertContains(answer, f'id="f-{field}-error"', status_code=422)
        assert not Contact.objects.exists()

    def test_types_stay_as_they_were(self, writer: Client) -> None:
        one = contact("U-1", attributes={"code": "007", "plan": "3", "ok": True})
        html = writer.get(f"{LIST}U-1/edit/").content.decode()
        assert "code: 007" in html
        answer = writer.post(f"{LIST}U-1/edit/", self.sent(attributes="code: 007\nplan: 3\nok: true\nnew: 3"))
        assert answer.status_code == 302
        one.refresh_from_db()
        assert one.attributes == {"code": "007", "plan": "3", "ok": True, "new": 3}
        assert one.time_zone == "Europe/Berlin"

    def test_of_two_at_once_one_wins(self, writer: Client) -> None:
        contact("U-1")
        assert writer.post(f"{LIST}U-1/edit/", self.sent(name="First")).status_code == 302
        assert writer.post(f"{LIST}U-1/edit/", self.sent(name="Second")).status_code == 409
        assert Contact.objects.get().name == "First"

    def test_the_erased_stay_erased(self, writer: Client) -> None:
        contact("U-1").erase()
        assert writer.post(f"{LIST}U-1/edit/", self.sent()).status_code == 409
        assert Contact.objects.get().email == ""
        assert writer.get(f"{LIST}U-2/edit/").status_code == 404


class TestSegments:
    def test_made_changed_and_counted(self, writer: Client) -> None:
        contact("U-1", locale="de", attributes={"plan": "pro", "visits": 30})
        contact("U-2", locale="en", attributes={"plan": "free", "visits": 3})
        lines = filters(
            ("attribute", "plan", "in", 'pro, "a, b"'), ("attribute", "visits", "at_least", "20"), ("", "", "is", "")
        )
        assert writer.post(f"{SEGMENTS}new/", lines).status_code == 302
        assert writer.post(f"{SEGMENTS}new/", lines).status_code == 302
        segment = Segment.objects.get()
        assert segment.filters["filters"] == [
            {"field": "attributes.plan", "op": "in", "value": ["pro", "a, b"]},
            {"field": "attributes.visits", "op": "at_least", "value": 20},
        ]
        assertContains(writer.get(SEGMENTS), ">1</a>")
        page = writer.get(f"{SEGMENTS}{segment.pk}/")
        assertContains(page, "pro,&quot;a, b&quot;")
        assertContains(page, "<strong>1</strong> of 2")
        changed = filters(("locale", "", "is_set", ""), name="With language")
        assert writer.post(f"{SEGMENTS}{segment.pk}/", changed).status_code == 302
        segment.refresh_from_db()
        assert (segment.name, segment.filters["filters"]) == ("With language", [{"field": "locale", "op": "is_set"}])

    def test_the_count_is_of_what_is_typed(self, writer: Client) -> None:
        contact("U-1", locale="de")
        contact("U-2", locale="en")
        count = writer.get(f"{SEGMENTS}count/", filters(("locale", "", "is", "de")))
        assertContains(count, "<strong>1</strong> of 2")
        assertContains(count, "U-1")
        either = filters(("locale", "", "is", "de"), ("locale", "", "is", "en"), match="any")
        assertContains(writer.get(f"{SEGMENTS}count/", either), "<strong>2</strong> of 2")
        bad = writer.get(f"{SEGMENTS}count/", filters(("attribute", "a__b", "is", "x")))
        assertContains(bad, "field__error")

    @pytest.mark.parametrize(
        "line",
        [
            ("password", "", "is", "x"),
            ("attribute", "a__gt", "is", "x"),
            ("name", "", "at_least", "3"),
            ("name", "", "regex", "x"),
            ("name", "", "in", ""),
            ("name", "", "contains", "\x00"),
        ],
    )
    def test_a_filter_that_makes_no_sense(self, writer: Client, line: tuple[str, str, str, str]) -> None:
        answer = writer.post(f"{SEGMENTS}new/", filters(("name", "", "is_set", ""), line))
        assert answer.status_code == 422
        assertContains(answer, 'id="filter-1-error"', status_code=422)
        assert not Segment.objects.exists()

    def test_is_not_deleted_under_a_campaign(self, writer: Client) -> None:
        segment = Segment.objects.create(name="German", filters=GERMAN)
        row = Campaign.objects.create(
            campaign_id="CMP-1", idempotency_key="k", name="Spring", status="running", audience={"segment": "German"}
        )
        assertContains(writer.get(f"{SEGMENTS}{segment.pk}/"), "The campaign “Spring” is under way")
        refused = writer.post(f"{SEGMENTS}{segment.pk}/deletion/")
        assertContains(refused, "The campaign “Spring” is under way", status_code=409)
        renamed = writer.post(f"{SEGMENTS}{segment.pk}/", filters(name="Other"))
        assertContains(renamed, "knows it as", status_code=409)
        Campaign.objects.filter(pk=row.pk).update(status="completed")
        policy = CapPolicy.objects.create(name="Less", segment=segment, max_per_day=1)
        assertContains(writer.post(f"{SEGMENTS}{segment.pk}/deletion/"), "cap policy", status_code=409)
        policy.delete()
        assert writer.post(f"{SEGMENTS}{segment.pk}/deletion/").status_code == 302
        assert not Segment.objects.exists()
        assert writer.post(f"{SEGMENTS}{segment.pk}/deletion/").status_code == 404

    def test_a_name_is_there_once(self, writer: Client) -> None:
        Segment.objects.create(name="Some", filters=GERMAN)
        assert writer.post(f"{SEGMENTS}new/", filters()).status_code == 409
