from typing import Any

import pytest

from campaigns.models import Contact, Segment
from campaigns.segments import check_filters, filtered
from temporal_worker.contract import InvalidField
from tests.campaigns.contacts_of import contact


def ids(*filters: dict[str, Any], match: str = "all") -> list[str]:
    found = filtered(Contact.objects.all(), {"match": match, "filters": list(filters)})
    return [user_id.removeprefix("USER-") for user_id in found.values_list("user_id", flat=True)]


def attribute(name: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": f"attributes.{name}", "op": op, "value": value}


@pytest.fixture
def _contacts(db: None) -> None:
    contact("USER-001", locale="de", attributes={"plan": "pro", "visits": 3, "is_member": True, "contains": "x"})
    contact("USER-002", locale="en", attributes={"plan": "free", "visits": 12.5, "is_member": False})
    contact("USER-003", locale="de-AT", attributes={"plan": "Professional", "visits": "7"}, phone="")
    contact("USER-004", locale="fr", attributes={})


@pytest.mark.usefixtures("_contacts")
class TestFiltered:
    def test_no_filter_is_everybody(self) -> None:
        assert ids() == ["001", "002", "003", "004"]
        assert filtered(Contact.objects.all(), {}).count() == 4

    def test_by_columns(self) -> None:
        assert ids({"field": "locale", "op": "starts_with", "value": "de"}) == ["001", "003"]
        assert ids({"field": "locale", "op": "in", "value": ["fr", "en"]}) == ["002", "004"]
        assert ids({"field": "locale", "op": "is_not", "value": "de"}) == ["002", "003", "004"]
        assert ids({"field": "phone", "op": "is_not_set"}) == ["003"]
        assert ids({"field": "phone", "op": "is_set"}) == ["001", "002", "004"]

    def test_by_attributes_with_their_types(self) -> None:
        assert ids(attribute("plan", "is", "pro")) == ["001"]
        assert ids(attribute("plan", "is_not", "pro")) == ["002", "003"]
        assert ids(attribute("plan", "contains", "PRO")) == ["001", "003"]
        assert ids(attribute("plan", "in", ["pro", "free"])) == ["001", "002"]
        assert ids(attribute("is_member", "is", True)) == ["001"]
        assert ids(attribute("is_member", "is", False)) == ["002"]
        assert ids(attribute("visits", "is", 3)) == ["001"]
        assert ids(attribute("visits", "at_least", 3)) == ["001", "002"]
        assert ids(attribute("visits", "at_most", 3)) == ["001"]
        assert ids(attribute("visits", "at_most", 1000)) == ["001", "002"]
        assert ids(attribute("visits", "is_set")) == ["001", "002", "003"]
        assert ids(attribute("visits", "is_not_set")) == ["004"]

    def test_all_and_any(self) -> None:
        german, free = {"field": "locale", "op": "is", "value": "de"}, attribute("plan", "is", "free")
        assert ids(german, free) == []
        assert ids(german, free, match="any") == ["001", "002"]

    def test_an_attribute_may_be_named_like_a_look_up(self) -> None:
        assert ids(attribute("contains", "is", "x")) == ["001"]
        assert ids(attribute("isnull", "is", "x")) == []
        assert ids(attribute("plan", "contains", "%")) == []

    def test_a_segment_counts(self) -> None:
        segment = Segment(name="German", filters={"filters": [{"field": "locale", "op": "starts_with", "value": "de"}]})
        segment.full_clean()
        assert segment.contacts(Contact.objects.all()).count() == 2


class TestCheckFilters:
    @pytest.mark.parametrize(
        ("filters", "field"),
        [
            ([], "filters"),
            ({"filters": {}}, "filters"),
            ({"match": "some"}, "match"),
            ({"extra": 1}, "filters"),
            ({"filters": [{"field": "locale", "op": "is", "value": "de"}] * 21}, "filters"),
            ({"filters": ["x"]}, "filters.0"),
            ({"filters": [{"field": "password", "op": "is", "value": "x"}]}, "filters.0.field"),
            ({"filters": [{"field": "suppressed_reason", "op": "is", "value": "x"}]}, "filters.0.field"),
            ({"filters": [{"field": "attributes.a__gt", "op": "is", "value": "x"}]}, "filters.0.field"),
            ({"filters": [{"field": ["locale"], "op": "is", "value": "x"}]}, "filters.0.field"),
            ({"filters": [{"field": {}, "op": "is", "value": "x"}]}, "filters.0.field"),
            ({"filters": [{"field": "locale", "op": "regex", "value": "x"}]}, "filters.0.op"),
            ({"filters": [{"field": "locale", "op": ["is"], "value": "x"}]}, "filters.0.op"),
            ({"filters": [{"field": "locale", "op": "is", "value": 1}]}, "filters.0.value"),
            ({"filters": [{"field": "locale", "op": "is", "value": "a\0b"}]}, "filters.0.value"),
            ({"filters": [{"field": "locale", "op": "is"}]}, "filters.0.value"),
            ({"filters": [{"field": "locale", "op": "at_least", "value": 1}]}, "filters.0"),
            ({"filters": [attribute("x", "at_least", True)]}, "filters.0"),
            ({"filters": [attribute("x", "at_least", float("nan"))]}, "filters.0"),
            ({"filters": [attribute("x", "in", [])]}, "filters.0.value"),
            ({"filters": [attribute("x", "in", ["a"] * 501)]}, "filters.0.value"),
            ({"filters": [attribute("x", "is", {"a": 1})]}, "filters.0.value"),
            ({"filters": [attribute("x", "contains", "")]}, "filters.0.value"),
            ({"filters": [attribute("x", "is_set", "y")]}, "filters.0.value"),
        ],
    )
    def test_says_where_it_is_wrong(self, filters: Any, field: str) -> None:
        with pytest.raises(InvalidField) as caught:
            check_filters(filters)
        assert caught.value.field == field
