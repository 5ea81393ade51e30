"""Every endpoint of the service, found by walking its addresses, so that a new one cannot be forgotten."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Model

from accounts.models import CookieJar, User
from accounts.urls import urlpatterns as account_pages
from accounts.vault import Sealed
from jobs import shares
from jobs.models import ArchiveEntry, Extraction
from jobs.states import BatchKind, DeliveryState, ExtractionKind, State
from jobs.urls import urlpatterns as pages
from media_api.urls import urlpatterns as calls
from media_api.views.base import ApiViewSet
from tests.factories import make_batch, make_delivery, make_endpoint, make_file, make_job, make_key

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
SAFE = ("get", "head", "options")


@dataclass(frozen=True)
class Endpoint:
    """One method of one address."""

    method: str
    route: str

    def path(self, **values: str) -> str:
        """The address with its parameters filled in."""
        return "/" + PARAMETER.sub(lambda found: values[found[1]], self.route)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def _methods(view: Any) -> list[str]:
    return list(getattr(view, "actions", None) or ["get"])


def _is_twin(route: str) -> bool:
    """Whether it is the same address with a slash at its end."""
    return route.endswith("/")


def is_keyed(view: Any) -> bool:
    """Whether calls need a key."""
    return issubclass(getattr(view, "cls", type), ApiViewSet)


ENDPOINTS = [
    Endpoint(method, str(pattern.pattern))
    for pattern in calls
    if is_keyed(pattern.callback) and not _is_twin(str(pattern.pattern))
    for method in _methods(pattern.callback)
]
OPEN = sorted({str(pattern.pattern).rstrip("/") for pattern in calls if not is_keyed(pattern.callback)})
WITH_ID = [endpoint for endpoint in ENDPOINTS if PARAMETER.search(endpoint.route)]
FILES = Endpoint("get", "files/<str:token>/<str:name>")
WRITING = [endpoint for endpoint in ENDPOINTS if endpoint.method not in SAFE]
# Whoever has the token of one of these may see what it is for: nobody can guess it, and it names no owner.
BY_TOKEN = ("s/<str:token>", "thumbnails/<str:token>")
PAGES_WITH_ID = [
    str(pattern.pattern)
    for pattern in pages
    if PARAMETER.search(str(pattern.pattern)) and str(pattern.pattern) not in BY_TOKEN
] + [f"accounts/{pattern.pattern}" for pattern in account_pages if PARAMETER.search(str(pattern.pattern))]


def _job(owner: User) -> tuple[Model, dict[str, str]]:
    job = make_job(owner, State.QUEUED)
    return job, {"public_id": job.public_id, "verb": "cancel", "step": "up"}


def _finished(owner: User) -> tuple[Model, dict[str, str]]:
    job = make_job(owner, State.COMPLETED)
    make_file(job)
    return job, {"public_id": job.public_id, "verb": "delete"}


def _share(owner: User) -> tuple[Model, dict[str, str]]:
    link = shares.issue(make_file(make_job(owner, State.COMPLETED)), timedelta(hours=1)).link
    return link, {"public_id": link.public_id}


def _look(owner: User) -> tuple[Model, dict[str, str]]:
    question = {"kind": ExtractionKind.VIDEO, "url": "https://media.example/v", "question": "q"}
    extraction = Extraction.objects.create(owner=owner, **question)
    return extraction, {"public_id": extraction.public_id}


def _batch(owner: User) -> tuple[Model, dict[str, str]]:
    batch = make_batch(owner)
    return batch, {"public_id": batch.public_id, "verb": "cancel"}


def _pages(owner: User) -> tuple[Model, dict[str, str]]:
    batch = make_batch(owner, kind=BatchKind.METADATA)
    return batch, {"public_id": batch.public_id}


def _jar(owner: User) -> tuple[Model, dict[str, str]]:
    jar = CookieJar.objects.create(owner=owner, name="default", content=Sealed.of("# Netscape HTTP Cookie File\n"))
    return jar, {"public_id": jar.public_id}


def _key(owner: User) -> tuple[Model, dict[str, str]]:
    key, _ = make_key(owner)
    return key, {"key_id": str(key.pk)}


def _endpoint(owner: User) -> tuple[Model, dict[str, str]]:
    endpoint = make_endpoint(owner)
    return endpoint, {"public_id": endpoint.public_id, "verb": "delete"}


def _delivery(owner: User) -> tuple[Model, dict[str, str]]:
    delivery = make_delivery(owner, state=DeliveryState.FAILED)
    return delivery, {"public_id": delivery.public_id}


def _entry(owner: User) -> tuple[Model, dict[str, str]]:
    entry = ArchiveEntry.objects.create(owner=owner, extractor="site", video_id="abc")
    return entry, {"extractor": "site", "video_id": "abc"}


def _file(owner: User) -> tuple[Model, dict[str, str]]:
    file = make_file(make_job(owner, State.COMPLETED))
    return file, {"token": file.public_id, "name": file.name}


# By the beginning of the route, the longest first. A new kind of object has to be added here, or its tests fail.
KINDS: dict[str, Callable[[User], tuple[Model, dict[str, str]]]] = {
    "api/v1/webhooks/deliveries/": _delivery,
    "api/v1/metadata/batch/": _pages,
    "api/v1/webhooks/": _endpoint,
    "api/v1/download/": _job,
    "api/v1/downloads/": _job,
    "api/v1/batch/": _batch,
    "api/v1/cookies/": _jar,
    "api/v1/auth/cookies/": _jar,
    "api/v1/archive/": _entry,
    "downloads/": _job,
    "files/": _file,
    "jobs/": _job,
    "look/": _look,
    "batches/": _batch,
    "library/shared/": _share,
    "library/": _finished,
    "accounts/cookies/": _jar,
    "accounts/keys/": _key,
    "accounts/webhooks/deliveries/": _delivery,
    "accounts/webhooks/": _endpoint,
}
UNKNOWN = {"public_id": "req_0000000000000000", "verb": "cancel", "extractor": "site", "video_id": "xyz"} | {
    "token": "file_0000000000000000",
    "name": "a.mp4",
    "step": "up",
    "key_id": "999999999",
}


def made(route: str, owner: User) -> tuple[Model, dict[str, str]]:
    """An object of the owner that the route is about, and the route's parameters for it."""
    kind = next((kind for beginning, kind in KINDS.items() if route.startswith(beginning)), None)
    assert kind is not None, f"add to KINDS what {route} is about"
    return kind(owner)
