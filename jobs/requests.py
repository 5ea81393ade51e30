"""What the engine is asked for, filled in with the rules and limits of this installation. Starts nothing."""

from pathlib import Path

from django.conf import settings

from jobs import queries
from jobs.engine.contract import EgressPolicy, Limits, Options, Request
from jobs.engine.domains import YOUTUBE


def request_for(*, work_id: str, url: str, options: Options, limits: Limits, work_dir: Path) -> Request:
    """A request that every kind of work begins with; what is particular to one kind is added with `replace`."""
    return Request(
        job_id=work_id,
        url=url,
        options=options,
        limits=limits,
        egress=EgressPolicy(allow_private=settings.ALLOW_PRIVATE_ADDRESSES, allow=tuple(settings.EGRESS_ALLOW)),
        tools=queries.tools(),
        work_dir=work_dir,
        default_format=settings.YTDLP_FORMAT,
        allowed_hosts=tuple(settings.ALLOWED_DOMAINS),
        refused_hosts=(*settings.BLOCKED_DOMAINS, *(() if settings.ALLOW_YT_DOWNLOADS else YOUTUBE)),
    )
