"""What the admin's own pages ask for, since their views are Django's."""

from typing import Any

from django import template

from jobs import samples
from jobs.admin import charts
from jobs.overview import Overview, overview

register = template.Library()
MISSED = 3  # samples in a row: then the curve is broken


@register.simple_tag(takes_context=True)
def installation_now(context: template.Context) -> dict[str, Any]:
    """The figures and shapes of the index; nothing for those who may not look at jobs."""
    if not context["request"].user.has_perm("jobs.view_job"):
        return {}
    found = overview()
    bars, top = charts.columns(found.hours)
    line = charts.waiting(found.samples, found.at, now_seconds=found.oldest_queued_seconds, gap=MISSED * samples.EVERY)
    return {
        "found": found,
        "bars": bars,
        "bars_top": top,
        "line": line,
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
        "waits": waits_by_hour(found),
    }


@register.filter
def lasting(seconds: float | None) -> str:
    """`42 s`, `3 min`, `1 h 20 min`: to the minute from one minute on."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def waits_by_hour(found: Overview) -> list[tuple[Any, float | None]]:
    """For the table that says the curve in words: the longest wait of each hour; None where nobody looked."""
    longest: dict[Any, float] = {}
    for sample in found.samples:
        hour = sample.at.replace(minute=0, second=0, microsecond=0)
        longest[hour] = max(longest.get(hour, 0.0), sample.oldest_queued_seconds)
    return [(hour.begins_at, longest.get(hour.begins_at)) for hour in found.hours]
