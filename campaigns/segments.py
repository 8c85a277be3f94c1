"""What a segment's filters are, and which contacts fit them.

``{"match": "all", "filters": [{"field": "attributes.plan", "op": "is", "value": "pro"}]}``; ``match`` is ``all`` or ``any``.
Fields are the columns below and ``attributes.<name>``. Attributes keep their type: ``3`` is no ``"3"``.
"""

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.db.models.fields.json import KeyTransform

from campaigns.rendering.values import ATTRIBUTES, is_attribute_name
from temporal_worker.contract import InvalidField, check_text

COLUMNS = frozenset({"user_id", "name", "email", "phone", "push_token", "locale", "time_zone"})
OPERATIONS = {
    "is": "exact",
    "is_not": "exact",
    "in": "in",
    "contains": "icontains",
    "starts_with": "istartswith",
    "at_least": "",
    "at_most": "",
    "is_set": "",
    "is_not_set": "",
}
MAX_FILTERS = 20
MAX_VALUES = 500
MAX_NUMBER = 10**15

AnyModel = TypeVar("AnyModel", bound=Model)


def check_filters(filters: Any) -> None:
    """Raises InvalidField with the path to what is wrong, as ``filters.0.value``."""
    if not isinstance(filters, dict) or set(filters) - {"match", "filters"}:
        raise InvalidField("filters", "must be an object with match and filters")
    if filters.get("match", "all") not in ("all", "any"):
        raise InvalidField("match", "must be all or any")
    listed = filters.get("filters", [])
    if not isinstance(listed, list) or len(listed) > MAX_FILTERS:
        raise InvalidField("filters", f"must be a list of {MAX_FILTERS} at most")
    for number, one in enumerate(listed):
        _check_filter(f"filters.{number}", one)


def _check_filter(path: str, one: Any) -> None:
    if not isinstance(one, dict) or set(one) - {"field", "op", "value"}:
        raise InvalidField(path, "must be an object with field, op and value")
    field, op = one.get("field"), one.get("op")
    is_attribute = isinstance(field, str) and _attribute_of(field) is not None
    if not isinstance(field, str) or (field not in COLUMNS and not is_attribute):
        raise InvalidField(f"{path}.field", f"must be one of {', '.join(sorted(COLUMNS))} or attributes.<name>")
    if not isinstance(op, str) or op not in OPERATIONS:
        raise InvalidField(f"{path}.op", f"must be one of {', '.join(OPERATIONS)}")
    value = one.get("value")
    match op:
        case "is_set" | "is_not_set":
            if value is not None:
                raise InvalidField(f"{path}.value", "must be left out")
        case "at_least" | "at_most":
            if not is_attribute or not _is_number(value):
                raise InvalidField(path, "must compare an attribute with a number")
        case "contains" | "starts_with":
            if not isinstance(value, str):
                raise InvalidField(f"{path}.value", "must be a text")
            check_text(f"{path}.value", value, most=200, required=True)
        case "in":
            if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
                raise InvalidField(f"{path}.value", f"must be a list of 1 to {MAX_VALUES} values")
            for each in value:
                _check_value(f"{path}.value", each, is_attribute=is_attribute)
        case _:
            _check_value(f"{path}.value", value, is_attribute=is_attribute)


def _check_value(path: str, value: Any, *, is_attribute: bool) -> None:
    if isinstance(value, str):
        check_text(path, value)
    elif not is_attribute or not (isinstance(value, bool) or _is_number(value)):
        raise InvalidField(path, "must be a text, a number, true or false" if is_attribute else "must be a text")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER


def _attribute_of(field: str) -> str | None:
    first, _, name = field.partition(".")
    return name if first == ATTRIBUTES and is_attribute_name(name) else None


def filtered(contacts: QuerySet[AnyModel], filters: dict[str, Any]) -> QuerySet[AnyModel]:
    """Those contacts that fit. Filters that are empty fit everybody.

    Raises:
        InvalidField: the filters are none
    """
    check_filters(filters)
    listed = filters.get("filters", [])
    conditions = []
    for number, one in enumerate(listed):
        attribute = _attribute_of(one["field"])
        path = one["field"]
        if attribute is not None:
            # By an expression and not by ``attributes__<name>``, where a name could be one of Django's look-ups.
            path = f"_filter_{number}"
            contacts = contacts.alias(**{path: KeyTransform(attribute, ATTRIBUTES)})
        conditions.append(_condition(path, one["op"], one.get("value"), is_attribute=attribute is not None))
    if not conditions:
        return contacts
    joined = conditions[0]
    for condition in conditions[1:]:
        joined = joined & condition if filters.get("match", "all") == "all" else joined | condition
    return contacts.filter(joined)


def _condition(path: str, op: str, value: Any, *, is_attribute: bool) -> Q:
    # What an attribute is compared with has to be there: neither "is not" nor "is" fits who has none.
    is_set = Q(**{f"{path}__isnull": False}) if is_attribute else ~Q(**{path: ""})
    match op:
        case "is_set":
            return is_set
        case "is_not_set":
            return ~is_set
        case "is_not":
            return is_set & ~Q(**{path: value})
        case "in":
            found = Q()
            for each in value:
                found |= Q(**{path: each})
            return found
        case "at_least" | "at_most":
            # Both bounds: SQLite orders texts above all numbers and PostgreSQL below them, and no text shall fit.
            least, most = (value, MAX_NUMBER) if op == "at_least" else (-MAX_NUMBER, value)
            return Q(**{f"{path}__gte": least, f"{path}__lte": most})
    return is_set & Q(**{f"{path}__{OPERATIONS[op]}": value})
