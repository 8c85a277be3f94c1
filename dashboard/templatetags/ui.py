"""What every screen is made of: icons, moments that the browser localises, sentences with strong words."""

from datetime import UTC, datetime

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.phrases import Part

register = template.Library()

# What stands there until the browser has put the viewer's own zone in, and for who has no script.
_FALLBACK = {
    "ago": "%d %b, %H:%M UTC",
    "clock": "%H:%M UTC",
    "seconds": "%H:%M:%S",
    "day": "%a %d %b",
    "soon": "on %a %d %b",
    "until": "at %H:%M UTC",
    "left": "%d %b, %H:%M UTC",
    "at": "at %H:%M UTC",
    "full": "%d %b %Y, %H:%M UTC",
}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing of the sprite; its meaning is always said by the words beside it."""
    classes = f"icon {extra}".strip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("icons.svg"), name
    )


@register.filter
def moment(at: datetime | None, show: str = "full") -> SafeString | str:
    """A ``<time>`` with the exact UTC in its tooltip; ``show`` names the wording that times.js gives it: ``ago`` within a
    sentence, ``Ago`` with a capital, at its beginning or that of a cell. So of each.
    """
    if at is None:
        return ""
    utc = at.astimezone(UTC)
    words = utc.strftime(_FALLBACK[show.lower()])
    return format_html(
        '<time datetime="{}" title="{}" data-show="{}">{}</time>',
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        show,
        words if show.islower() else words[:1].upper() + words[1:],
    )


@register.filter
def iso(at: datetime | None) -> str:
    """The moment as an attribute that scripts read."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""


def _part(part: Part) -> SafeString | str:
    content: SafeString | str = moment(part.at, part.show) if part.at else part.text
    if part.person:
        content = format_html('<span data-person="{}">{}</span>', part.person, part.text)
    if part.code:
        content = format_html("<code>{}</code>", content)
    return format_html("<strong>{}</strong>", content) if part.strong else format_html("{}", content)


@register.filter
def phrase(parts: list[Part]) -> SafeString:
    """A sentence of :class:`dashboard.phrases.Part`."""
    return format_html_join("", "{}", ((_part(part),) for part in parts))


@register.filter
def browser(agent: str) -> str:
    """``Firefox on Linux``, of what a browser says about itself."""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
    )
    name = next((word for sign, word in names if sign in agent), "A browser")
    system = next((word for sign, word in (*systems, ("Linux", "Linux")) if sign in agent), "")
    return f"{name} on {system}" if system else name


@register.filter
def initials(name: str) -> str:
    """``Olga Pratt`` and ``olga.pratt`` are both OP; a single word gives its first two letters."""
    words = [word for word in name.replace(".", " ").replace("_", " ").replace("-", " ").split() if word]
    if not words:
        return "?"
    return (words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2]).upper()
