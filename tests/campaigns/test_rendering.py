"""The marketers' texts: what they may say, and what neither they nor a contact's data can make of them."""

from typing import Any

import pytest
from django.utils.html import conditional_escape, escape

from campaigns.models import Contact
from campaigns.rendering import (
    MissingVariables,
    Text,
    UnusableValue,
    compile_message,
    contact_values,
    missing_variables,
)
from campaigns.rendering.html_places import check_places, check_runs_nothing
from temporal_worker.contract import InvalidField


def someone(**fields: Any) -> Contact:
    return Contact(**{"user_id": "USER-001", "name": "Amara Okafor", "email": "a@example.com", **fields})


def render(source: str, *, is_html: bool = False, one_line: bool = False, **values: str) -> str:
    return Text("body_text", source, most=10_000, is_html=is_html, one_line=one_line).render(values)


class TestText:
    def test_puts_values_in(self) -> None:
        values = contact_values(someone(attributes={"plan": "pro", "visits": 3, "score": 2.0, "is_member": True}))
        text = Text(
            "body_text",
            "{{ first_name }}, {{ attributes.plan|upper }}, {{ attributes.visits }}, {{ attributes.score }}, "
            "{{attributes.is_member}} {# nobody sees this #}",
            most=1000,
        )
        assert text.render(values) == "Amara, PRO, 3, 2, yes "
        assert text.variables == {
            "first_name",
            "attributes.plan",
            "attributes.visits",
            "attributes.score",
            "attributes.is_member",
        }

    def test_a_default_stands_in(self) -> None:
        text = Text("body_text", 'Your {{ attributes.plan|default:"free" }} plan', most=100)
        assert text.required == set()
        assert text.render({}) == "Your free plan"

    def test_says_all_that_is_missing(self) -> None:
        with pytest.raises(MissingVariables) as caught:
            render("{{ name }} {{ attributes.plan }} {{ email }}", email="a@example.com")
        assert caught.value.names == ["attributes.plan", "name"]

    @pytest.mark.parametrize(
        "source",
        [
            "{% load static %}",
            '{% include "admin/base.html" %}',
            "{% debug %}",
            '{% extends "base.html" %}',
            "{% for x in y %}{% endfor %}",
            "{% verbatim %}{{ x }}{% endverbatim %}",
            "{% comment %}{% endcomment %}",
            "{% now 'Y' %}",
            "{% %}",
            "{{ x.__class__ }}",
            "{{ name.__class__ }}",
            "{{ name.upper }}",
            "{{ name.0 }}",
            "{{ settings.SECRET_KEY }}",
            "{{ request }}",
            "{{ attributes }}",
            "{{ attributes.items }}{{ attributes.a.b }}",
            "{{ attributes.__class__ }}",
            "{{ attributes._x }}",
            "{{ attributes.a__b }}",
            "{{ _name }}",
            "{{ }}",
            "{{ name|safe }}",
            "{{ name|ljust:99999999 }}",
            "{{ name|default:settings.SECRET_KEY }}",
            "{{ name|default:email }}",
            '{{ "constant" }}',
            "{{ 12 }}",
            "{{ block.super }}",
            "{{ forloop }}",
            "{{ name }}\0",
            "bell \x07",
            "line \u2028 separator",
        ],
    )
    def test_refuses_what_is_no_variable(self, source: str) -> None:
        with pytest.raises(InvalidField) as caught:
            Text("body_text", source, most=10_000)
        assert caught.value.field == "body_text"

    def test_an_attribute_named_like_a_method_is_only_looked_up(self) -> None:
        assert render('{{ attributes.items|default:"none" }}') == "none"
        assert render("{{ attributes.keys }}", **{"attributes.keys": "two"}) == "two"

    def test_what_a_value_says_is_not_run(self) -> None:
        assert render("{{ name }}", name="{{ email }}{% load x %}") == "{{ email }}{% load x %}"

    def test_bounds_everything(self) -> None:
        for source in ("x" * 10_001, "{{ name }}" * 201):
            with pytest.raises(InvalidField):
                Text("body_text", source, most=10_000)
        with pytest.raises(UnusableValue):
            render("{{ name }}", name="x" * 1_001)

    @pytest.mark.parametrize(
        "name", ["A\r\nBcc: eve@example.com", "A\nB", "A\rB", "A\0B", "A\u2028B", "A\x85B", "A\x0bB"]
    )
    def test_no_value_breaks_a_subject(self, name: str) -> None:
        with pytest.raises(UnusableValue):
            render("Hello {{ name }}", one_line=True, name=name)

    def test_a_subject_is_one_line(self) -> None:
        for source in ("Hello\r\nBcc: eve@example.com", "Hello\n", "\tHello"):
            with pytest.raises(InvalidField):
                Text("subject", source, most=200, one_line=True)

    def test_html_is_escaped_and_text_is_not(self) -> None:
        name = "<script>alert('x')</script> & \"co\""
        assert render("{{ name }}", name=name) == name
        escaped = "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;co&quot;"
        assert render("<p>{{ name }}</p>", is_html=True, name=name) == f"<p>{escaped}</p>"
        assert "<b>" not in render("{{ name|title|upper|capfirst|truncatechars:90 }}", is_html=True, name="<b>x</b>")

    def test_a_page_escapes_the_text(self) -> None:
        """Django would hand over what a template made as safe HTML."""
        text = render("<svg onload=x> {{ name }}", name="<img src=x onerror=x>")
        assert escape(text) == "&lt;svg onload=x&gt; &lt;img src=x onerror=x&gt;"
        assert conditional_escape(text) == escape(text)


class TestPlaces:
    @pytest.mark.parametrize(
        "html",
        [
            "<p>{{ name }}</p>",
            '<p class="x" title="{{ name }}">x</p>',
            "<p title='{{ name }}'>x</p>",
            '<a href="https://example.com/?u={{ user_id }}">x</a>',
            '<a href="{{ unsubscribe_url }}">x</a>',
            '<img src="https://example.com/{{ attributes.plan }}.png" alt="{{ name }}">',
            '<style>p { color: red }</style>{{ name|default:"a>b" }}',
            "plain {{ name }}",
        ],
    )
    def test_lets_variables_stand_in_texts_and_quoted_attributes(self, html: str) -> None:
        check_places("body_html", html)

    @pytest.mark.parametrize(
        "html",
        [
            "<p title={{ name }}>x</p>",
            "<p {{ name }}>x</p>",
            "<{{ name }}>x",
            "</{{ name }}>",
            '<p {{ name }}="x">x</p>',
            '<a href="{{ attributes.site }}">x</a>',
            '<a href=" {{ attributes.site }}">x</a>',
            '<a href="{{ attributes.site }}/x">x</a>',
            '<a href="https://{{ attributes.site }}/">x</a>',
            '<a href="java{{ attributes.site }}">x</a>',
            "<a onclick=\"f('{{ name }}')\">x</a>",
            '<p style="color: {{ attributes.colour }}">x</p>',
            "<style>p { color: {{ attributes.colour }} }</style>",
            "<script>var x = '{{ name }}'</script>",
            "<!-- {{ name }} -->",
            "<!DOCTYPE {{ name }}>",
            "<title>{{ name }}</title>",
        ],
    )
    def test_refuses_them_elsewhere(self, html: str) -> None:
        with pytest.raises(InvalidField) as caught:
            check_places("body_html", html)
        assert "{{ " in caught.value.problem


class TestRunsNothing:
    @pytest.mark.parametrize(
        "html",
        [
            "<p>{{ name }}</p>",
            '<p style="color: red" title="onload=1">x &lt;script&gt;</p>',
            '<a href="https://example.com/?q=javascript:x">javascript:</a>',
            '<img src="data:image/png;base64,AAAA" alt="one">',
            "<!-- <script>no browser sees this</script> -->",
        ],
    )
    def test_lets_a_letter_be_a_letter(self, html: str) -> None:
        check_runs_nothing("body_html", html)

    @pytest.mark.parametrize(
        ("html", "what"),
        [
            ("<SCRIPT src=x></SCRIPT>", "<script>"),
            ("<p>a<svg/onload=alert(1)>", "onload"),
            ("<img src=x OnError=alert(1)>", "onerror"),
            ('<a href="&#106;ava\tscript:alert(1)">x</a>', "javascript"),
            ('<a href=" JavaScript:alert(1)">x</a>', "javascript"),
            ('<a href="data:text/html,x">x</a>', "data:text/html"),
            ('<svg><a xlink:href="javascript:x">x</a></svg>', "javascript"),
            ('<iframe srcdoc="x"></iframe>', "<iframe>"),
            ('<meta http-equiv="Refresh" content="0;url=https://example.com/">', "by itself"),
            ('<base href="https://example.com/">', "<base>"),
        ],
    )
    def test_refuses_what_a_browser_would_run(self, html: str, what: str) -> None:
        with pytest.raises(InvalidField) as caught:
            check_runs_nothing("body_html", html)
        assert what in caught.value.problem


class TestMessage:
    def test_is_rendered_for_one_contact(self) -> None:
        message = compile_message(
            "email",
            "Hello {{ first_name }}",
            "Hello {{ name }}\n{{ unsubscribe_url }}",
            '<p>Hello {{ name }}</p><a href="{{ unsubscribe_url }}">no more</a>',
        )
        rendered = message.render(
            contact_values(someone(name="A & B"), {"unsubscribe_url": "https://x.example/u?a=1&b"})
        )
        assert rendered.subject == "Hello A"
        assert rendered.text == "Hello A & B\nhttps://x.example/u?a=1&b"
        assert rendered.html == '<p>Hello A &amp; B</p><a href="https://x.example/u?a=1&amp;b">no more</a>'

    @pytest.mark.parametrize(
        ("channel", "subject", "text", "html", "field"),
        [
            ("email", "", "x", "", "subject"),
            ("email", "x", " ", "", "body_text"),
            ("email", "x" * 201, "x", "", "subject"),
            ("email", "x", "x", "{% load x %}", "body_html"),
            ("email", "x", "x" * 100_001, "", "body_text"),
            ("email", "x", "x", "x" * 100_001, "body_html"),
            ("sms", "x", "x", "", "subject"),
            ("sms", "", "x" * 1_001, "", "body_text"),
            ("push", "", "x", "", "subject"),
            ("push", "x", "x", "<p>", "body_html"),
        ],
    )
    def test_refuses_what_the_channel_cannot_carry(
        self, channel: str, subject: str, text: str, html: str, field: str
    ) -> None:
        with pytest.raises(InvalidField) as caught:
            compile_message(channel, subject, text, html)
        assert caught.value.field == field

    def test_finds_what_contacts_have_not_before_a_launch(self) -> None:
        message = compile_message("email", "{{ first_name }}", "{{ attributes.plan }} {{ unsubscribe_url }}")
        contacts = [
            someone(user_id="USER-001", name=""),
            someone(user_id="USER-002", attributes={"plan": "pro"}),
            *(someone(user_id=f"USER-{number:03}") for number in range(3, 10)),
        ]
        plan, name = missing_variables(message, iter(contacts))
        assert (plan.name, plan.count, len(plan.examples)) == ("attributes.plan", 8, 5)
        assert (name.name, name.count, name.examples) == ("first_name", 1, ["USER-001"])
        assert missing_variables(compile_message("sms", "", "Hello"), iter(contacts)) == []
