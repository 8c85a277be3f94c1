"""The forms of a person's page. Each says in words what it does and sends itself through the gateway."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User

from campaigns import gateway
from campaigns.contract import MARKETING, MAX_NAME, Door, SendDecision
from campaigns.gateway.testing import TEXT, send_test
from campaigns.inspector.page import ActorPage
from campaigns.inspector.words import CHANNELS
from campaigns.models import Campaign
from campaigns.models.checks import check_category
from dashboard.keyed_forms import ActionForm, KeyedForm

MOST_CATEGORIES = 50
_CATEGORY = forms.TextInput(attrs={"autocomplete": "off", "list": "categories"})


def known_categories() -> list[str]:
    """What campaigns were about so far."""
    found = Campaign.objects.order_by("category").values_list("category", flat=True).distinct()[:MOST_CATEGORIES]
    return sorted({MARKETING, *found})


def _category() -> forms.CharField:
    return forms.CharField(max_length=MAX_NAME, initial=MARKETING, validators=[check_category], widget=_CATEGORY)


class AskForm(KeyedForm):
    """*Would this be allowed?* A question: it has no key, and is asked by GET."""

    channel = forms.ChoiceField(
        choices=list(CHANNELS.items()), error_messages={"invalid_choice": "There is no such channel."}
    )
    category = _category()
    transactional = forms.BooleanField(required=False)

    def asked(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("channel", "category", "transactional")}


class PersonForm(ActionForm[ActorPage, User, None]):
    """What can be done with one person. It is prepared before it is read too: what may be chosen depends on the person.

    ``ticks`` are fields of several boxes, ``tick`` those of one, ``clears`` the words of a second button.
    """

    right: ClassVar[str] = "campaigns.edit_preferences"
    ticks: ClassVar[tuple[str, ...]] = ()
    tick: ClassVar[tuple[str, ...]] = ()
    spans: ClassVar[dict[str, str]] = {}
    """Fields that share a line: ``of-2`` with one more, ``of-3`` with two."""
    clears = ""

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        for name, field in self.fields.items():
            field.span = self.spans.get(name, "")  # type: ignore[attr-defined]

    @property
    def datalist(self) -> list[str]:
        return known_categories()

    def retype(self, name: str, value: str) -> None:
        """Draw a field with something else than came in."""
        data: Any = self.data
        self.data = data = data.copy()
        data[name] = value


class NotAllowed(gateway.CampaignRefused):
    """The actor says no to a test."""

    def __init__(self, decision: SendDecision, when: str) -> None:
        later = f" The earliest is {when}." if when else ""
        super().__init__(decision.code, f"{decision.reason}{later} Nothing was sent, and nothing is used up.")


class TestForm(PersonForm):
    """A real message through the actor."""

    __test__ = False  # no test class, whatever its name

    heading, submit, told = "Send a test", "Send it", "The test was sent. It counts."
    right = "campaigns.send_campaign"
    spans = {"channel": "of-2", "category": "of-2"}
    channel = forms.ChoiceField(choices=list(CHANNELS.items()))
    category = forms.CharField(
        max_length=MAX_NAME,
        initial=MARKETING,
        validators=[check_category],
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "form-categories"}),
    )
    text = forms.CharField(label="What it says", max_length=500, initial=TEXT, widget=forms.Textarea(attrs={"rows": 3}))

    def prepare(self, page: ActorPage, user: User) -> None:
        self.clock = page.clock
        self.intro = (
            f"It goes to {page.name} themselves, through their actor, by every rule: it is refused when a message would be, "
            "and it counts like one. A campaign’s own test goes to you instead and counts for nobody: that is on the "
            "campaign’s page."
        )

    def send(self, user_id: str, user: User) -> None:
        asked = self.cleaned_data
        answer = send_test(
            user_id,
            user=user,
            channel=asked["channel"],
            category=asked["category"],
            text=asked["text"],
            key=self.key,
        )
        if isinstance(answer, SendDecision):
            raise NotAllowed(answer, self.clock.short(answer.next_allowed_at) if answer.next_allowed_at else "")


def words_of(text: str) -> list[str]:
    """Names parted by commas, spaces or lines, each once."""
    return list(dict.fromkeys(word for word in re.split(r"[\s,;]+", text.strip()) if word))


DOOR = Door.WEB
