"""Whoever is erased is in no row any more, whichever table it is."""

import io
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from campaigns import suppression
from campaigns.channels import Message
from campaigns.channels.sandbox import SandboxProvider
from campaigns.contract import MARKETING, By, Door
from campaigns.imports.stages import read_rows
from campaigns.models import (
    AudienceImport,
    Contact,
    ImportProblem,
    PreferenceChange,
    SandboxMessage,
    SendLog,
    StagedContact,
)
from campaigns.models.words import Outcome
from campaigns.send_log import Grant, commit_intent, record_outcome
from tests.campaigns.contacts_of import contact

pytestmark = pytest.mark.django_db

PERSON = By("", Door.MAIL)
USER = "USER-001"
EMAIL, PHONE, TOKEN, NAME = "ana.quintero@example.com", "+491709876543", "push-token-of-ana", "Ana Quintero"
WRITTEN = (models.CharField, models.TextField, models.JSONField, models.FileField)


def found(*texts: str) -> set[str]:
    """Every column of every table in which one of them stands."""
    places = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if not isinstance(field, WRITTEN):
                continue
            rows = model._default_manager.annotate(written=Cast(field.name, TextField()))
            named = Q()
            for text in texts:
                named |= Q(written__icontains=text)
            if rows.filter(named).exists():
                places.add(f"{model.__name__}.{field.name}")
    return places


def upload(number: int, *lines: str) -> AudienceImport:
    row = AudienceImport.objects.create(import_id=f"IMP-{number}", idempotency_key=f"{number}")
    read_rows(row, io.BytesIO("\n".join(("user_id,name,email,phone,locale", *lines)).encode()))
    return row


@pytest.fixture
def everywhere() -> Contact:
    """In the contact's own row, in two imports, in the sandbox, and in what was written about them."""
    ana = contact(name=NAME, email=EMAIL, phone=PHONE, push_token=TOKEN)
    contact("USER-002", name="Bo Lind", email="bo@example.com")
    upload(1, f"{USER},{NAME},{EMAIL},{PHONE},en", "USER-002,Bo Lind,bo@example.com,,sv")
    upload(2, f"{USER},{NAME},<{EMAIL}>,{PHONE},en", f"{EMAIL},{NAME},{EMAIL},,en", "USER-002,Bo Lind,bo@,,sv")
    provider = SandboxProvider()
    provider.send(Message("g-1", "email", USER, EMAIL, f"For {NAME}", f"Dear {NAME}, at {PHONE}"))
    provider.send(Message("g-2", "email", "USER-002", "bo@example.com", "For Bo", "Dear Bo"))
    grant = Grant("g-1", USER, "email", MARKETING)
    commit_intent(grant)
    record_outcome(grant, Outcome.FAILED, code="refused", detail=f"550 <{EMAIL.upper()}>: no such user")
    suppression.suppress(USER, Contact.Suppressed.BOUNCED, by=PERSON, channel="email", text=f"{NAME} called: {PHONE}")
    return ana


class TestErase:
    def test_leaves_no_address_and_no_name_in_any_table(self, everywhere: Contact) -> None:
        before = found(EMAIL, PHONE, TOKEN, NAME)
        assert before >= {
            "Contact.email", "StagedContact.values", "ImportProblem.value", "SandboxMessage.address", "SandboxMessage.text",
            "SendLog.detail", "PreferenceChange.text",
        }  # fmt: skip
        assert suppression.erase(USER, by=PERSON)
        assert found(EMAIL, PHONE, TOKEN, NAME) == set()

    def test_rows_stay_so_that_all_adds_up(self, everywhere: Contact) -> None:
        tables: list[Any] = [StagedContact, ImportProblem, SandboxMessage, SendLog]
        before = [table.objects.count() for table in tables]
        suppression.erase(USER, by=PERSON)
        assert [table.objects.count() for table in tables] == before
        assert SendLog.objects.get().detail == "550 <(erased)>: no such user"
        assert PreferenceChange.objects.get(what="suppressed").text.endswith("(erased) called: (erased)")
        assert SandboxMessage.objects.get(grant_id="g-1").user_id == USER

    def test_others_keep_theirs(self, everywhere: Contact) -> None:
        suppression.erase(USER, by=PERSON)
        assert found("bo@example.com") == {"Contact.email", "StagedContact.values", "SandboxMessage.address"}
        assert ImportProblem.objects.get(user_id="USER-002").value == "bo@"

    def test_a_problem_of_before_is_found_by_what_it_shows(self, everywhere: Contact) -> None:
        ImportProblem.objects.update(user_id="")
        suppression.erase(USER, by=PERSON)
        assert found(EMAIL) == set()
        assert ImportProblem.objects.filter(value="bo@").exists()

    def test_somebody_without_any_address(self) -> None:
        contact(name="", email="", phone="", push_token="")
        SendLog.objects.create(grant_id="g", user_id=USER, channel="email", outcome="denied", detail="No address.")
        assert suppression.erase(USER, by=PERSON)
        assert SendLog.objects.get().detail == "No address."
