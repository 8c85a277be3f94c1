"""What callers of the API send, and what they get besides a campaign or an actor. Types are strict: ``"12"`` is no number.

Campaigns, actors and decisions themselves, and the limits that hold at every door, are in :mod:`campaigns.contract`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from campaigns.contract import (
    MAX_CAP,
    MAX_GAP_HOURS,
    MAX_ID,
    MAX_NAME,
    MAX_RATE,
    MAX_REASON,
    CampaignView,
    Channel,
    SendDecision,
    WindowKind,
)
from campaigns.models import Campaign
from campaigns.rendering.message import MAX_BODY, MAX_SUBJECT
from campaigns.sending.audience import MAX_NAMED


def _read_moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a text like 2027-01-12T17:00:00Z")  # noqa: TRY004 - what Pydantic takes for a "no"
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("must carry a time zone, as in 2027-01-12T17:00:00Z")
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error
    if not 1971 <= moment.year <= 9000:
        raise ValueError("is out of range")
    return moment


Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2027-01-12T17:00:00Z"]}),
]
Yes = Annotated[bool, Field(strict=True)]
Caps = dict[Annotated[str, Field(max_length=MAX_NAME)], Annotated[int, Field(strict=True, ge=0, le=MAX_CAP)] | None]

# Read by the gateway, as at every other door: of three shapes Pydantic would complain about each.
Audience = Annotated[
    Any,
    WithJsonSchema(
        {
            "description": f"Up to {MAX_NAMED:,} contacts by their ids, a segment by its name, or everybody.",
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "user_ids": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_NAMED}
                    },
                    "required": ["user_ids"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"segment": {"type": "string"}},
                    "required": ["segment"],
                    "additionalProperties": False,
                },
                {"type": "string", "const": "all"},
            ],
            "examples": [{"segment": "Members"}, {"user_ids": ["USER-001", "USER-002"]}, "all"],
        }
    ),
]


class Texts(BaseModel):
    """The message, in Django's template language cut down to variables: `{{ first_name }}`, `{{ attributes.plan }}`."""

    subject: str = Field(
        default="", max_length=MAX_SUBJECT, description="Not for `sms`: it has none, and this is left out there."
    )
    body: str = Field(min_length=1, max_length=MAX_BODY, examples=["Dear {{ first_name }}, spring is here."])
    body_html: str = Field(default="", max_length=MAX_BODY, description="Only for `email`.")


class NewCampaign(BaseModel):
    name: str = Field(min_length=1, max_length=200, examples=["Spring letter"])
    channel: Channel = Field(examples=["email"])
    category: str = Field(
        default="",
        max_length=MAX_NAME,
        description="Of what contacts can opt out. Left out: `marketing`, or `transactional` of what is that. None is both.",
    )
    audience: Audience
    template: Texts
    transactional: Yes = Field(
        default=False, description="Passes caps, quiet hours and an opt-out of marketing. It needs a right of its own."
    )
    rate_per_minute: int | None = Field(
        default=None, strict=True, ge=1, le=MAX_RATE, description="Messages a minute; left out: the settings'."
    )
    starts_at: Moment | None = Field(default=None, description="Left out: as soon as it is launched.")
    ends_at: Moment | None = Field(default=None, description="Until when who was not allowed is tried again.")
    defers: Yes = Field(default=True, description="Who is not allowed now gets it later.")
    recurs: str = Field(default="", max_length=100, description="A cron expression in `time_zone`; left out: once.")
    time_zone: str = Field(default="UTC", max_length=64)
    missed_runs: Campaign.Missed = Campaign.Missed.SKIP
    late_minutes: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=10_080,
        description="With `starts_at`, without `recurs`: so much later it is left out; null: it begins however late it is.",
    )


class Launch(BaseModel):
    """Nothing has to be said for a launch."""


class Why(BaseModel):
    reason: str | None = Field(default=None, max_length=MAX_REASON, examples=["The price is wrong."])


class QuietTimes(BaseModel):
    start: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["21:00"])
    end: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["08:00"])


class OwnCap(BaseModel):
    """A contact's own cap. It takes the place of every policy, whole: null, or what is left out, is no rule; 0 is none."""

    max_per_day: int | None = Field(default=None, strict=True, ge=0, le=MAX_CAP, examples=[2])
    min_hours_between: Annotated[float, Field(strict=True, ge=0, le=MAX_GAP_HOURS)] | None = Field(
        default=None, examples=[4]
    )
    window: WindowKind = Field(default=WindowKind.ROLLING, description="A day: the last 24 hours, or a calendar day.")
    per_channel: Caps | None = Field(default=None, max_length=50, examples=[{"sms": 1}])
    per_category: Caps | None = Field(default=None, max_length=50)
    quiet_hours: QuietTimes | None = Field(default=None, description="On the contact's own clock.")
    count_transactional: Yes = False
    time_zone: str = Field(default="UTC", max_length=64, description="Of a contact whose own is not known.")
    cleared: Yes = Field(default=False, description="Takes their own cap away: the policies hold for them again.")

    @model_validator(mode="after")
    def says_something(self) -> Self:
        # An empty object would lift every rule, which nobody means by saying nothing.
        if not self.model_fields_set:
            raise ValueError("name max_per_day, min_hours_between, or say cleared; null is no rule")
        return self


class SendAsk(BaseModel):
    channel: str = Field(min_length=1, max_length=MAX_NAME, examples=["email"])
    category: str = Field(
        default="", max_length=MAX_NAME, description="Left out: `marketing`, or `transactional` of what is that."
    )
    grant_id: str = Field(
        min_length=1,
        max_length=MAX_ID,
        examples=["invoice-4711"],
        description="Your own name for the message to this contact. Asked again under it, the first grant answers.",
    )
    transactional: Yes = Field(
        default=False, description="Passes caps, quiet hours and an opt-out of marketing. It needs a right of its own."
    )


class SendAnswer(BaseModel):
    """You may send it now, once. It counts from now on."""

    allowed: bool = True
    grant_id: str = Field(examples=["invoice-4711"])
    granted_at: datetime
    policy_version: int
    run_id: str = Field(default="", description="The actor's run whose history has the grant, as an update.")


@dataclass(frozen=True)
class SendRefusal(SendDecision):
    """You may not: the decision, with its reason also as `detail`."""

    detail: str = ""


class NewOptOut(BaseModel):
    channel: Channel = Field(examples=["sms"])
    category: str = Field(default="", max_length=MAX_NAME, description="Only this category of the channel.")


class CampaignPage(BaseModel):
    items: list[CampaignView]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")
