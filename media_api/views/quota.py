"""`/api/v1/quota`: what the caller may use, and how much of it is used."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.models import ApiKey
from jobs import quotas
from jobs.quotas import Account
from media_api.examples import quota as examples
from media_api.views.base import ApiViewSet


class UseSerializer(serializers.Serializer[Any]):
    """One quota."""

    limit = serializers.IntegerField(allow_null=True, help_text="null: no limit")
    used = serializers.IntegerField()
    remaining = serializers.IntegerField(allow_null=True, help_text="null: no limit")


class DailyUseSerializer(UseSerializer):
    """A quota that frees up by itself."""

    frees_up_at = serializers.DateTimeField(allow_null=True, help_text="when one more is possible; null: now")


class AccountSerializer(serializers.Serializer[Any]):
    """The quotas of one caller, or of one key."""

    running_jobs = UseSerializer(help_text="at once; more wait")
    jobs_per_day = DailyUseSerializer(help_text="submitted within the last 24 hours")
    stored_bytes = UseSerializer(help_text="results that are kept")


class QuotaSerializer(serializers.Serializer[Any]):
    """What a caller may use. A call has to fit into both."""

    owner = AccountSerializer(help_text="all of the caller's keys and sessions together")
    key = AccountSerializer(allow_null=True, help_text="the key of this call alone; null for people who are signed in")


class Quota(ApiViewSet):
    """Allowances, and their use."""

    tag = "account"

    @extend_schema(
        operation_id="get_quota",
        summary="Look at the quotas",
        responses={200: QuotaSerializer},
        examples=[examples.QUOTA],
    )
    def retrieve(self, request: Request) -> Response:
        key = request.auth if isinstance(request.auth, ApiKey) else None
        owner, *keys = quotas.accounts_of(caller(request), key)
        told = {"owner": _told(owner), "key": _told(keys[0]) if keys else None}
        return Response(QuotaSerializer(told).data)


def _told(account: Account) -> dict[str, Any]:
    allowed = account.allowance
    daily = _use(allowed.jobs_per_day, account.used_today())
    return {
        "running_jobs": _use(allowed.running_jobs, account.running()),
        "jobs_per_day": daily | {"frees_up_at": account.next_submission_at()},
        "stored_bytes": _use(allowed.stored_bytes, account.stored_bytes()),
    }


def _use(limit: int | None, used: int) -> dict[str, Any]:
    return {"limit": limit, "used": used, "remaining": None if limit is None else max(0, limit - used)}
