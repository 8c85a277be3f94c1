"""The API's documentation as a page of our own, drawn from its OpenAPI schema: nothing of it needs a script."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

Schema = dict[str, Any]
_MARKS = re.compile(r"(\*\*.+?\*\*|`{1,2}.+?`{1,2})")
_SIZES = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "like {}",
}


@dataclass(frozen=True)
class Kind:
    """What a value may be. ``shape`` names what it is made of, which is described by itself."""

    words: str
    shape: str = ""


@dataclass(frozen=True)
class Field:
    """``place``: where a parameter stands; empty in a body. ``limits``: its default and what else holds, in words."""

    name: str
    kind: Kind
    is_needed: bool
    text: SafeString
    limits: str
    place: str = ""


@dataclass(frozen=True)
class Shape:
    name: str
    text: SafeString
    fields: list[Field]
    values: list[str]


@dataclass(frozen=True)
class Answer:
    status: str
    words: str
    kind: Kind | None
    is_good: bool


@dataclass(frozen=True)
class Operation:
    key: str
    method: str
    path: str
    summary: str
    text: SafeString
    parameters: list[Field]
    body: Shape | None
    answers: list[Answer]


@dataclass(frozen=True)
class Reference:
    title: str
    text: SafeString
    tokens: SafeString
    groups: dict[str, list[Operation]]
    shapes: list[Shape]


class OwnPage(DocsBase):
    """For whoever may read ``openapi.json``, which is everybody."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        reference, openapi_url = reference_of(api), self.get_openapi_url(api, kwargs)
        context = {"reference": reference, "openapi_url": openapi_url, "origin": origin_of(request), "nav": "api"}
        response = render(request, "api_docs.html", context)
        add_never_cache_headers(response)  # who is logged in stands in its shell
        return response


def origin_of(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


@lru_cache(maxsize=1)
def reference_of(api: NinjaAPI) -> Reference:
    """Made once: what the API offers does not change while it runs."""
    schema: Schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    parts = schema["components"]
    groups: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            made = _operation(method, path, operation, parts["schemas"])
            groups.setdefault(capfirst(operation["tags"][0]), []).append(made)
    shapes = [_shape(name, shape) for name, shape in sorted(parts["schemas"].items())]
    tokens = " ".join(way.get("description", "") for way in parts["securitySchemes"].values())
    return Reference(schema["info"]["title"], prose(schema["info"]["description"]), prose(tokens), groups, shapes)


def _operation(method: str, path: str, operation: Schema, shapes: Schema) -> Operation:
    body = _content(operation.get("requestBody", {}))
    shape = _shape_of(body, shapes) if body else None
    return Operation(
        key=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=capfirst(operation["summary"].lower()),
        text=prose(operation.get("description", "")),
        parameters=[
            _field(one["name"], one["schema"], is_needed=one.get("required", False), place=one["in"])
            for one in operation.get("parameters", ())
        ],
        body=shape,
        answers=list(_answers(operation["responses"])),
    )


def _answers(responses: Schema) -> Iterator[Answer]:
    for status, response in sorted(responses.items()):
        schema = _content(response)
        words = HTTPStatus(int(status)).phrase
        yield Answer(status, words, kind_of(schema) if schema else None, status.startswith("2"))


def _content(holder: Schema) -> Schema:
    found: Schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _shape_of(schema: Schema, shapes: Schema) -> Shape:
    name = kind_of(schema).shape
    return _shape(name, shapes[name]) if name else _shape("", schema)


def _shape(name: str, schema: Schema) -> Shape:
    needed = schema.get("required", ())
    fields = [_field(key, one, is_needed=key in needed) for key, one in schema.get("properties", {}).items()]
    return Shape(name, prose(schema.get("description", "")), fields, [str(one) for one in schema.get("enum", ())])


def _field(name: str, schema: Schema, *, is_needed: bool, place: str = "") -> Field:
    inner: Schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), {})
    limits = [
        words.format(both[key]) for both in ({**inner, **schema},) for key, words in _SIZES.items() if key in both
    ]
    if schema.get("default") not in (None, ""):
        limits.append(f"{json.dumps(schema['default'])} when it is left out")
    return Field(name, kind_of(schema), is_needed, prose(schema.get("description", "")), ", ".join(limits), place)


def kind_of(schema: Schema) -> Kind:
    """In words, with the shape that it leads to: ``list of OrderLine``, ``text or null``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Kind(name, name)
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        kinds = [kind_of(one) for one in choices]
        return Kind(" or ".join(one.words for one in kinds), next((one.shape for one in kinds if one.shape), ""))
    if "enum" in schema or "const" in schema:
        return Kind(" or ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")])))
    match schema.get("type"):
        case "array":
            inner = kind_of(schema.get("items", {}))
            return Kind(f"list of {inner.words}", inner.shape)
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            inner = kind_of(schema["additionalProperties"])
            return Kind(f"by name: {inner.words}", inner.shape)
        case "string":
            return Kind({"date-time": "time", "date": "date", "uuid": "UUID"}.get(schema.get("format", ""), "text"))
        case "integer":
            return Kind("whole number")
        case "boolean":
            return Kind("true or false")
        case str(other):
            return Kind(other)
    return Kind("anything")


def prose(text: str) -> SafeString:
    """Paragraphs with **strong** words and ``code``, which is all that our descriptions use."""
    return format_html_join("", "<p>{}</p>", ((_marked(one),) for one in text.split("\n\n") if one.strip()))


def _marked(text: str) -> SafeString:
    return format_html_join("", "{}", ((_part(part),) for part in _MARKS.split(text.strip())))


def _part(part: str) -> SafeString | str:
    if not _MARKS.fullmatch(part):
        return part
    return format_html("<b>{}</b>" if part.startswith("*") else "<code>{}</code>", part.strip("*`"))
