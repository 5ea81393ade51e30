"""What people are told of sites: why a download waits for one, and from which ones downloads fail."""

from typing import cast

from django import template

from jobs import canaries, circuit
from jobs.canaries import Trouble
from jobs.circuit import Spared, Wait
from jobs.models import Job

register = template.Library()
MOST_TOLD = 3
_SPARED = "spared_sites"  # on the request: read once a page, not once a row


@register.simple_tag(takes_context=True)
def site_wait(context: template.Context, job: Job) -> Wait | None:
    """Until when, and why, a queued job waits because its site is spared; None when it does not."""
    request = context.get("request")
    spared = getattr(request, _SPARED, None)
    if spared is None:
        spared = circuit.spared()
        if request is not None:
            setattr(request, _SPARED, spared)
    wait = circuit.wait_of(job, cast(Spared, spared))
    return wait if wait is not None and wait.is_for_site else None


@register.simple_tag
def failing_sites() -> list[Trouble]:
    """Those whose trouble has lasted longest."""
    return canaries.failing()[:MOST_TOLD]
