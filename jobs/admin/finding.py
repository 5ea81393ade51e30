"""How operators find jobs among millions: filters and a search, each of which an index answers."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Value
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.operator_pages import TextFilter
from jobs.engine.contract import FailureCode
from jobs.models import Batch, Job
from jobs.models.choices import choices
from jobs.models.job import LINK_CHARACTERS
from jobs.states import State

FOUND = 1000  # jobs that the beginning of an id may stand for
PERIODS = {"1": _("Last hour"), "24": _("Last 24 hours"), "168": _("Last 7 days"), "720": _("Last 30 days")}


class StateFilter(admin.SimpleListFilter):
    title, parameter_name = _("state"), "state__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return choices(State)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class ErrorFilter(admin.SimpleListFilter):
    title, parameter_name = _("error code"), "error_code__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return choices(FailureCode)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """Said twice, so that PostgreSQL sees that the index of failed ones holds them all."""
        return queryset.filter(error_code=self.value()).exclude(error_code="") if self.value() else queryset


class PeriodFilter(admin.SimpleListFilter):
    title, parameter_name = _("came in"), "hours"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(PERIODS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        hours = self.value()
        if hours not in PERIODS:
            return queryset
        return queryset.filter(created_at__gte=timezone.now() - timedelta(hours=int(hours)))


class HostFilter(TextFilter):
    title, parameter_name = _("host name"), "host"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(host=self.typed().lower()) if self.typed() else queryset


class OwnerFilter(TextFilter):
    title, parameter_name = _("user"), "user"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return _owned_by(queryset, self.typed()) if self.typed() else queryset


class WorkerFilter(TextFilter):
    title, parameter_name = _("worker host, running"), "worker"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(state=State.RUNNING, worker_host=self.typed()) if self.typed() else queryset


def found(jobs: QuerySet[Job], term: str) -> QuerySet[Job]:
    """The jobs that a text stands for: the beginning of an id, a link, a batch, a host name, or a user's name."""
    if not term:
        return jobs
    if term.startswith("req_"):
        return jobs.filter(pk__in=_begun_with(term))
    if term.startswith(("http://", "https://")):
        return jobs.filter(url=term).alias(link=Left("url", LINK_CHARACTERS)).filter(link=Value(term[:LINK_CHARACTERS]))
    if term.startswith("batch_"):
        return jobs.filter(batch__in=list(Batch.objects.filter(public_id=term).values_list("pk", flat=True)))
    if User.objects.filter(username=term).exists():
        return _owned_by(jobs, term)
    return jobs.filter(host=term.lower())


def _begun_with(term: str) -> list[int]:
    """Some FOUND of them, in no order: PostgreSQL would walk all ids in the order of its language to the first one that
    fits, and in the order of the list, a short beginning would have half of the table read.
    """
    return list(Job.objects.order_by().filter(public_id__startswith=term).values_list("pk", flat=True)[:FOUND])


def _owned_by(jobs: QuerySet[Job], username: str) -> QuerySet[Job]:
    """By the key, which the index of owners holds, and not by a join."""
    return jobs.filter(owner__in=list(User.objects.filter(username=username).values_list("pk", flat=True)))
