"""The forms by which people act on a campaign. Each says in words what it does and sends itself through the gateway."""

from django import forms
from django.contrib.auth.models import User

from campaigns import gateway
from campaigns.contract import MAX_RATE, MAX_REASON, CampaignStatus, CampaignView, Door
from campaigns.presentation import CampaignPage, Trial, trial_of
from dashboard.keyed_forms import ActionForm, KeyedForm, TypedIdForm
from dashboard.phrases import counted

STOP_WORD = "stop"
"""What is typed before everything is stopped."""
_TYPE_STOP = f"Type {STOP_WORD}, so that nothing is stopped by a slip."

CampaignActionForm = ActionForm[CampaignPage, User, CampaignView]
"""What a person can do with a campaign."""


def _reason(help_text: str) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(label="Reason", max_length=MAX_REASON, required=False, help_text=help_text, widget=widget)


class PauseForm(CampaignActionForm):
    heading, submit, told = "Pause the campaign", "Pause", "Paused. Nothing is sent any more."
    intro = "No message begins after this. Those who have not got it wait until somebody resumes it."
    reason = _reason("Stands on the page, for whoever wonders.")

    def prepare(self, page: CampaignPage, user: User) -> None:
        if page.is_between_times:
            going_on = "A time that is under way goes on; pause it on its own page." if page.is_over else ""
            self.intro = f"None of its times begins anything after this, until somebody resumes it. {going_on}".strip()

    def send(self, campaign_id: str, user: User) -> CampaignView:
        reason = self.cleaned_data["reason"]
        view = gateway.pause(campaign_id, user=user, door=Door.WEB, reason=reason, key=self.key)
        if view.status != CampaignStatus.PAUSED:  # its times were; a later one that is under way goes on
            self.told = "Paused. None of its times begins anything any more."
        return view


class ResumeForm(CampaignActionForm):
    heading, submit, told = "Resume the campaign", "Resume", "Resumed."
    reason = _reason("Stands on the page, for whoever wonders.")

    def prepare(self, page: CampaignPage, user: User) -> None:
        if page.is_between_times:
            why = page.row.times_paused_why.rstrip(".")
            missed = "What was missed meanwhile is not made up for."
            self.intro = f"{f'Paused: {why}. ' if why else ''}Its times come again. {missed}"
            return
        left = page.view.counts["pending"] + page.view.counts["deferred"]
        why = page.view.reason.rstrip(".")
        self.intro = f"{f'Paused: {why}. ' if why else ''}It goes on with {counted(left, 'recipient')}, each once."
        if page.times_are_paused:
            self.intro += " Its further times come again."
        elif page.row.first is not None and page.row.first.times_paused_at is not None:
            self.intro += " The further times of its series stay paused: resume those on the page of its first time."

    def send(self, campaign_id: str, user: User) -> CampaignView:
        return gateway.resume(campaign_id, user=user, door=Door.WEB, reason=self.cleaned_data["reason"], key=self.key)


class CancelForm(TypedIdForm[CampaignPage, User, CampaignView]):
    """One that has begun to send has to be named once more."""

    heading, submit, told, danger = "Cancel the campaign", "Cancel it for good", "Cancelled.", True
    reason = _reason("Stands on the page, for whoever wonders.")

    def prepare(self, page: CampaignPage, user: User) -> None:
        self.ask_to_type(page.campaign_id, is_grave=_is_under_way(page.view))
        left = page.view.counts["pending"] + page.view.counts["deferred"]
        end = "No further time of it comes. " if page.row.recurs and page.row.first_id is None else ""
        if page.is_between_times and page.is_over:
            self.intro = f"{end}This cannot be undone."
        elif page.view.status in (CampaignStatus.SCHEDULED, CampaignStatus.AWAITING_APPROVAL) or not left:
            self.intro = f"{end}Nobody gets it. This cannot be undone."
        else:
            verb = "does" if left == 1 else "do"
            people = counted(left, "recipient who has", "recipients who have").capitalize()
            self.intro = f"{end}{people} not got it yet {verb} not get it any more. This cannot be undone."

    def send(self, campaign_id: str, user: User) -> CampaignView:
        if _is_under_way(gateway.read_campaign(campaign_id, user).view):
            self.check_typed(campaign_id)
        return gateway.cancel(campaign_id, user=user, door=Door.WEB, reason=self.cleaned_data["reason"], key=self.key)


def _is_under_way(view: CampaignView) -> bool:
    return view.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED)


class RateForm(CampaignActionForm):
    heading, submit, told = "Messages a minute", "Set the rate", "The rate is set."
    intro = "The most that are sent in a minute. It holds at once."
    per_minute = forms.IntegerField(
        label="Messages a minute, at most",
        min_value=1,
        max_value=MAX_RATE,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def prepare(self, page: CampaignPage, user: User) -> None:
        self.fields["per_minute"].initial = page.view.rate_per_minute or None

    def send(self, campaign_id: str, user: User) -> CampaignView:
        per_minute: int = self.cleaned_data["per_minute"]
        return gateway.set_rate(campaign_id, user=user, door=Door.WEB, per_minute=per_minute, key=self.key)


class LaunchForm(CampaignActionForm):
    heading, submit, told = "Launch the campaign", "Launch", "Launched."
    trial: Trial | None = None
    """What a launch now would come to."""
    draft_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    asks_first = forms.BooleanField(
        label="Ask for an approval first",
        required=False,
        help_text="Nobody gets it before somebody else has said yes.",
        widget=forms.CheckboxInput(attrs={"class": "check"}),
    )

    def prepare(self, page: CampaignPage, user: User) -> None:
        # What is launched is what was looked at: a draft that has changed since is refused.
        self.fields["draft_version"].initial = page.row.draft_version
        run = gateway.dry_run(page.campaign_id, user=user)
        self.trial = trial_of(run)
        if run.needs_approval:  # it is asked for anyway
            self.fields["asks_first"].widget = forms.HiddenInput()
        self.intro = "It goes out as it stands now; its text and its audience are fixed then."

    def send(self, campaign_id: str, user: User) -> CampaignView:
        asked = self.cleaned_data
        return gateway.launch(
            campaign_id,
            user=user,
            door=Door.WEB,
            draft_version=asked["draft_version"],
            asks_first=asked["asks_first"],
            key=self.key,
        )


class SendTestForm(CampaignActionForm):
    """The message as one contact would get it, to whoever asks."""

    heading, submit = "Send a test", "Send it to me"
    intro = "It comes to your own address, marked as a test, and counts for nobody."
    user_id = forms.CharField(
        label="As this contact would get it",
        max_length=64,
        help_text="The contact’s id; their name and attributes are filled in.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def prepare(self, page: CampaignPage, user: User) -> None:
        self.fields["user_id"].initial = gateway.first_recipient(page.campaign_id, user=user)

    def send(self, campaign_id: str, user: User) -> CampaignView:
        user_id: str = self.cleaned_data["user_id"].strip()
        address = gateway.test_send(campaign_id, user=user, user_id=user_id, key=self.key)
        self.told = f"The test went to {address}."
        return gateway.read_campaign(campaign_id, user).view


class StopForm(KeyedForm):
    """Every campaign that runs, at once."""

    reason = _reason("Stands on each campaign’s page.")
    typed = forms.CharField(
        label=f"Type {STOP_WORD}",
        max_length=20,
        error_messages={"required": _TYPE_STOP},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed.strip().lower() != STOP_WORD:
            raise forms.ValidationError(_TYPE_STOP)
        return typed

    def send(self, user: User) -> str:
        """Returns the stop's id. Raises :class:`campaigns.gateway.CampaignProblem`."""
        return gateway.stop_everything(user=user, door=Door.WEB, reason=self.cleaned_data["reason"], key=self.key)


ACTION_FORMS: dict[str, type[CampaignActionForm]] = {
    "launch": LaunchForm,
    "test": SendTestForm,
    "pause": PauseForm,
    "resume": ResumeForm,
    "cancel": CancelForm,
    "rate": RateForm,
}
