"""Every component in both themes, side by side, made of the partials that the pages are made of."""

from datetime import timedelta
from types import SimpleNamespace

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import logged_in
from dashboard.health_watch import Health, Sign
from dashboard.phrases import strong, text, when
from dashboard.styleguide.parts import parts

STATUSES = (
    ("idle", "Waiting for payment"),
    ("move", "Being sent"),
    ("ok", "Delivered"),
    ("warn", "Paid, late"),
    ("bad", "Payment stopped"),
    ("ended", "Cancelled"),
)
STEPS = (
    ("done", "Placed", "09:12"),
    ("done", "Stock held", "09:12"),
    ("now", "Payment", "3 h left"),
    ("", "Shipped", ""),
)
TOKENS = ("surface", "surface-raised", "surface-sunken", "text", "text-muted", "text-faint", "line", "line-strong",
          "accent", "accent-soft", "ok", "warn", "warn-soft", "bad", "bad-soft")  # fmt: skip


class Sample(forms.Form):
    """Fields as forms have them: with a hint, chosen from a list, long, and with a mistake."""

    name = forms.CharField(help_text="As it is to be read by everybody.", initial="Spring letter")
    kind = forms.ChoiceField(choices=[("", "Choose a kind"), ("leave", "Leave"), ("expense", "Expense")])
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), initial="Three more months.")
    email = forms.EmailField(label="E-mail")

    def __init__(self, theme: str) -> None:
        data = {"name": "Spring letter", "kind": "leave", "reason": "Three more months.", "email": "no address"}
        super().__init__(data, label_suffix="", auto_id=f"{theme}-%s")
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
        self.fields["name"].widget.attrs["aria-describedby"] = f"{theme}-name-hint"
        self.fields["email"].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"{theme}-email-error"}


@require_safe
@never_cache
@logged_in
def styleguide(request: HttpRequest) -> HttpResponse:
    if not request.user.is_staff:
        raise Http404
    now = timezone.now()
    lede = [
        strong("Five requests wait for you."),
        text(" The next is due "),
        when(now + timedelta(hours=3), "until"),
        text("."),
    ]
    context = {
        "nav": "styleguide",
        "themes": [
            (theme, words, Sample(theme), _timer(theme), parts(theme, now))
            for theme, words in (("light", "Light"), ("dark", "Dark"))
        ],
        "statuses": STATUSES,
        "steps": STEPS,
        "tokens": TOKENS,
        "lede": lede,
        "now": now,
        "health": Health((Sign("ok", "Temporal"), Sign("bad", "Workers 0 of 3"))),
    }
    return render(request, "styleguide/styleguide.html", context)


def _timer(theme: str) -> SimpleNamespace:
    now = timezone.now()
    return SimpleNamespace(
        id=f"{theme}-timer",
        icon="clock",
        label="Payment window",
        started_at=now - timedelta(hours=5),
        ends_at=now + timedelta(hours=19),
        length="24 h",
        left=79,
        lead="Then it cancels itself",
        then=" and the stock goes back.",
    )
