"""Callers and stored bytes for the tests of the API."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import MediaFile
from jobs.states import State
from tests.factories import make_file, make_job, make_key

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def api(owner: User) -> APIClient:
    """A program that holds a key of `owner`."""
    _, secret = make_key(owner)
    return APIClient(raise_request_exception=False, headers={"X-API-Key": secret})


@pytest.fixture
def stored(owner: User) -> Callable[..., MediaFile]:
    """Makes a completed job's file with its bytes in the storage."""

    def store(content: bytes = CONTENT, **fields: Any) -> MediaFile:
        job = fields.pop("job", None) or make_job(owner, State.COMPLETED)
        file = make_file(job, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), **fields)
        path = Path(settings.FILES_DIR) / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return file

    return store
