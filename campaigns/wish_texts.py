"""What is set of somebody's wishes and their cap, in words for the history that we keep."""

from datetime import UTC, datetime

from campaigns.contract import FrequencyCapInput, PreferencesInput, QuietHours


def preferences_words(wish: PreferencesInput) -> str:
    """What is set, for the history."""
    parts = [f"zone {wish.time_zone}"] if wish.time_zone else []
    parts += [f"language {wish.locale}"] if wish.locale else []
    if wish.paused_until is None:
        parts.append("pause ended")
    elif isinstance(wish.paused_until, datetime):
        parts.append(f"paused until {wish.paused_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if wish.hours_between != "unchanged":
        hours = wish.hours_between
        parts.append("no gap of their own" if hours is None else f"{hours:g} h between two messages")
    if isinstance(wish.quiet_hours, QuietHours):
        parts.append(f"quiet from {wish.quiet_hours.start} to {wish.quiet_hours.end}")
    elif wish.quiet_hours is None:
        parts.append("no quiet hours of their own")
    for what, names in (("channels", wish.opted_out_channels), ("categories", wish.opted_out_categories)):
        if names is not None:
            parts.append(f"opted out of {what}: {', '.join(names) or 'none'}")
    return ", ".join(parts)


def cap_words(cap: FrequencyCapInput) -> str:
    if cap.cleared:
        return "taken away"
    parts = ["no limit a day" if cap.max_per_day is None else f"{cap.max_per_day} a day"]
    if cap.min_hours_between is not None:
        parts.append(f"{cap.min_hours_between:g} h apart")
    if cap.quiet_hours is not None:
        parts.append(f"quiet {cap.quiet_hours.start} to {cap.quiet_hours.end}")
    return ", ".join(parts)
