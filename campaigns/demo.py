"""The campaign area's demo data: five hundred contacts, how often they may be written to, segments and texts."""

from typing import Any

from django.db import transaction

from campaigns.models import CampaignSettings, CapPolicy, Contact, Segment, Template
from campaigns.preferences import CONTACTS_COUNTER
from temporal_worker.models import ChangeCounter

CONTACTS = 500

# (first name, language, time zone, city)
FIRST = (
    ("Amara", "en", "Europe/London", "Bristol"),
    ("Jonas", "de", "Europe/Berlin", "Leipzig"),
    ("Mei", "en", "Asia/Tokyo", "Tokyo"),
    ("Lucía", "es", "Europe/Madrid", "Madrid"),
    ("Samuel", "en", "America/New_York", "Portland"),
    ("Ingrid", "de", "Europe/Berlin", "Köln"),
    ("Noor", "fr", "Europe/Brussels", "Bruxelles"),
    ("Chiara", "it", "Europe/Rome", "Bologna"),
    ("Pieter", "nl", "Europe/Amsterdam", "Utrecht"),
    ("Beatriz", "pt", "Europe/Lisbon", "Porto"),
    ("Rafael", "pt", "America/Sao_Paulo", "Recife"),
    ("Aroha", "en", "Pacific/Auckland", "Wellington"),
    ("Kiritea", "en", "Pacific/Kiritimati", "London"),
    ("Anjali", "en", "Asia/Kolkata", "Pune"),
    ("Émile", "fr", "Europe/Paris", "Lyon"),
    ("Zofia", "de", "Europe/Vienna", "Graz"),
    ("Mateo", "es", "America/Mexico_City", "Puebla"),
    ("Hana", "en", "Asia/Kathmandu", "Patan"),
    ("Leila", "fr", "Africa/Casablanca", "Rabat"),
    ("Oskar", "de", "Europe/Zurich", "Bern"),
    ("Grace", "en", "America/Los_Angeles", "Oakland"),
    ("Tariq", "en", "Asia/Dubai", "Sharjah"),
    ("Sina", "en", "Pacific/Pago_Pago", "Fagatogo"),
    ("Marta", "es", "Atlantic/Canary", "Arrecife"),
    ("Bram", "nl", "Europe/Brussels", "Gent"),
)
LAST = (
    "Okafor",
    "Lindqvist",
    "Tanaka",
    "Fernández",
    "Osei",
    "Weber",
    "Haddad",
    "Conti",
    "de Vries",
    "Almeida",
    "Novak",
    "O’Brien",
    "Rahman",
    "Sørensen",
    "Laurent",
    "Kowalska",
    "García",
    "Iyer",
    "Petrov",
    "Müller",
)
PLANS = ("free", "free", "plus", "free", "pro")


def demo_contact(number: int) -> Contact:
    """``USER-<number>``, the same each time, unsaved. All can be reached on every channel, and nobody has opted out."""
    first, locale, zone, city = FIRST[(number - 1) % len(FIRST)]
    last = LAST[(number - 1) // len(FIRST) % len(LAST)]
    attributes: dict[str, Any] = {
        "plan": PLANS[number % len(PLANS)],
        "city": city,
        "visits": number * 7 % 40,
        "is_member": number % 3 == 0,
    }
    return Contact(
        user_id=f"USER-{number:03}",
        name=f"{first} {last}",
        email=f"user-{number:03}@example.com",
        phone=f"+4915211100{number:03}",
        push_token=f"demo-device-{number:03}",
        locale=locale,
        time_zone=zone,
        attributes=attributes,
    )


def _is(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"match": "all", "filters": [{"field": field, "op": op, "value": value}]}


SEGMENTS = (
    ("Members", "Who has joined the club", _is("attributes.is_member", "is", True)),
    ("German speaking", "In every country", _is("locale", "starts_with", "de")),
    ("Frequent visitors", "Twenty visits or more", _is("attributes.visits", "at_least", 20)),
    ("Paying", "On the plus or the pro plan", _is("attributes.plan", "in", ["plus", "pro"])),
)

_FOOT = "\n\nYou get this because you agreed to it. {{ preferences_url }}\nNo more of it: {{ unsubscribe_url }}\n"
_HTML_FOOT = (
    '<p><small>You get this because you agreed to it. <a href="{{ preferences_url }}">What you want to hear of</a> · '
    '<a href="{{ unsubscribe_url }}">No more of this</a></small></p>'
)
TEMPLATES: tuple[dict[str, str], ...] = (
    {
        "name": "Spring letter",
        "channel": "email",
        "subject": "{{ first_name }}, spring is in the shop",
        "body_text": "Hello {{ first_name }},\n\nnew keyboards have come in, and the old ones are a fifth off until Sunday."
        + _FOOT,
        "body_html": "<p>Hello {{ first_name }},</p><p>new keyboards and mice have come in, and the old ones are a fifth off "
        "until Sunday.</p>" + _HTML_FOOT,
    },
    {
        "name": "Plan news",
        "channel": "email",
        "subject": "What is new on the {{ attributes.plan }} plan",
        "body_text": 'Hello {{ first_name }},\n\nthree things have changed on the {{ attributes.plan|default:"free" }} plan.'
        + _FOOT,
        "body_html": "",
    },
    {
        "name": "Flash sale",
        "channel": "sms",
        "subject": "",
        "body_text": "{{ first_name }}, until midnight: a fifth off all headsets. No more of these: {{ unsubscribe_url }}",
        "body_html": "",
    },
    {
        "name": "Back in stock",
        "channel": "push",
        "subject": "Back in stock",
        "body_text": "{{ first_name }}, the numbered keycaps are here again. Ten of them.",
        "body_html": "",
    },
)


@transaction.atomic
def load_demo_audience() -> None:
    """Contacts, cap policies, segments and texts, once: where some of a kind are, somebody has the say already."""
    CampaignSettings.current()
    if not Contact.objects.exists():
        change = ChangeCounter.bump(CONTACTS_COUNTER)
        contacts = [demo_contact(number) for number in range(1, CONTACTS + 1)]
        for contact in contacts:
            contact.change = change
        Contact.objects.bulk_create(contacts)
    if not Segment.objects.exists():
        for name, description, filters in SEGMENTS:
            Segment.objects.create(name=name, description=description, filters=filters)
    if not CapPolicy.objects.exists():
        CapPolicy.objects.create(name="Everybody", is_default=True, max_per_day=3)
        # For nobody yet: an administrator gives it to a segment or a person.
        CapPolicy.objects.create(name="Two hours between", max_per_day=3, min_hours_between=2)
    if not Template.objects.exists():
        for fields in TEMPLATES:
            Template.objects.create(**fields)
