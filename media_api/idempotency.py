"""The same POST, sent twice with one `Idempotency-Key`, is done once. What is done is the view's business."""

import hashlib
import math
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.models import User
from media_api.errors import ApiError, Code
from media_api.models import IdempotentCall
from media_api.retention import KEPT
from media_api.throttling import counted_as

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
SANE_KEY = re.compile(r"[\x21-\x7e]{1,255}")
RETRY_AFTER_SECONDS = 1
# A call that has given no answer for this long counts as dead. If it is not, and is one transaction, it fails instead.
ABANDONED = timedelta(seconds=60)
ABANDONED_IF_ATOMIC = timedelta(seconds=5)


def answer_once(request: Request, respond: Callable[[], Response], *, atomic: bool) -> Response:
    """`respond()`, or the answer that an earlier call with the same key and body got. Only 2xx answers are kept.

    With `atomic` the work and the record of it are one transaction: a crash leaves both or neither, and a repetition
    some seconds later does the work. Without, a repetition after a minute may do it again. Raises ApiError (CONFLICT)
    for a key that was used with another body, or whose first call is still being answered.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return respond()
    if not SANE_KEY.fullmatch(key):
        raise ValidationError({HEADER: ["A key has 1 to 255 visible ASCII characters."]})
    patience = ABANDONED_IF_ATOMIC if atomic else ABANDONED
    call, is_ours = _claim(caller(request), _own(request, key), _fingerprint(request), patience)
    if not is_ours:
        return _replay(call, patience)
    try:
        with transaction.atomic() if atomic else nullcontext():
            response = respond()
            _keep(call, response)
    except BaseException:
        # Not what was answered after all: a connection that breaks during the commit leaves open whether it was.
        _unanswered(call).delete()
        raise
    return response


def _own(request: Request, key: str) -> str:
    """The key as stored. Callers without an account share one user: their keys are told apart by their addresses."""
    if request.user.is_authenticated or request.auth is not None:
        return key
    return hashlib.sha256(f"{counted_as(request)}\n{key}".encode()).hexdigest()


def _claim(user: User, key: str, fingerprint: str, patience: timedelta) -> tuple[IdempotentCall, bool]:
    """The call's row, and whether it is ours to answer."""
    try:
        with transaction.atomic():
            return IdempotentCall.objects.create(caller=user, key=key, fingerprint=fingerprint), True
    except IntegrityError:
        call = IdempotentCall.objects.filter(caller=user, key=key).first()
    if call is None:
        raise _still_busy(RETRY_AFTER_SECONDS)  # the first call failed and took its row away just now
    if _take_over(call, fingerprint, patience):
        return call, True
    if call.fingerprint != fingerprint:
        raise ApiError(Code.CONFLICT, f"This {HEADER} was used for another request. Use a new one.")
    return call, False


def _take_over(call: IdempotentCall, fingerprint: str, patience: timedelta) -> bool:
    """Take a row that is too old to count, or whose process died; false if somebody else did, or it is neither."""
    now = timezone.now()
    is_dead = Q(created_at__lt=now - KEPT) | Q(status__isnull=True, created_at__lt=now - patience)
    claimed = IdempotentCall.objects.filter(is_dead, pk=call.pk, created_at=call.created_at)
    if not claimed.update(created_at=now, fingerprint=fingerprint, status=None, body=None):
        return False
    call.refresh_from_db()
    return True


def _unanswered(call: IdempotentCall) -> QuerySet[IdempotentCall]:
    """The call's row, unless it is answered, or somebody else has taken it over."""
    return IdempotentCall.objects.filter(pk=call.pk, created_at=call.created_at, status__isnull=True)


def _replay(call: IdempotentCall, patience: timedelta) -> Response:
    if call.status is None:
        raise _still_busy(_seconds_left(call, patience))
    return Response(call.body, status=call.status, headers={REPLAYED: "true"})


def _keep(call: IdempotentCall, response: Response) -> None:
    """Raises ApiError (CONFLICT) when the call took so long that somebody else has taken it over."""
    if not 200 <= response.status_code < 300:
        _unanswered(call).delete()
    elif not _unanswered(call).update(status=response.status_code, body=_plain(response.data)):
        raise _still_busy(RETRY_AFTER_SECONDS)


def _plain(data: Any) -> Any:
    """The framework's ordered and typed containers as plain JSON ones."""
    if isinstance(data, dict):
        return {str(name): _plain(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data


def _fingerprint(request: Request) -> str:
    path = request.path.rstrip("/")
    return hashlib.sha256(f"{request.method} {path}\n".encode() + request._request.body).hexdigest()


def _seconds_left(call: IdempotentCall, patience: timedelta) -> int:
    """Until the call counts as dead."""
    left = call.created_at + patience - timezone.now()
    return max(1, math.ceil(left.total_seconds()))


def _still_busy(retry_seconds: int) -> ApiError:
    """A repetition after `retry_seconds` is answered, whatever became of the first request."""
    message = f"The first request with this {HEADER} is still being answered."
    return ApiError(Code.CONFLICT, message, headers={"Retry-After": str(retry_seconds)})
