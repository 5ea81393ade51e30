"""What the operators' pages share: rows that are only looked at, changes that are recorded, lists of millions of rows.

Django's own list counts all rows and goes to page 60,000 by reading all that is before it. These lists follow an
index: the next page begins behind the last row of this one (keyset), and large counts are the database's estimate.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit
from accounts.audit import Actor
from accounts.models import User

BEFORE = "before"
COUNTED = 1000  # rows; beyond, a list says "more than"
REASONS_SHOWN = 5


class LookOnly:
    """No adding, changing or deleting: the rows are the service's own record."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Operated(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Look-only rows with actions for those who have the `change` permission of the model."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        user, options = request.user, self.model._meta
        return isinstance(user, User) and user.has_perm(f"{options.app_label}.change_{options.model_name}")


class Audited(admin.ModelAdmin):  # type: ignore[type-arg]
    """What is added, changed and deleted by hand goes into the audit."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "add", [obj])
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "change", [obj], details=_changed(message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        self._record(request, "delete", list(queryset))
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, action: str, rows: Sequence[Model], details: str = "") -> None:
        audit.record(actor_of(request), action, kind_of(self.model), [str(row) for row in rows], details=details)


class KeysetList(ChangeList):
    """A page of a list that is ordered by a time and the key, newest first, or by the key alone."""

    older = ""  # query string of the next page
    newest = ""  # query string of the first one, unless this is it
    told = ""  # how many there are

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """All that the filters let through: where the page begins is no filter, and no filter keeps it."""
        for parameters in (self.params, self.filter_params):
            parameters.pop(BEFORE, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        rows = self.queryset
        before = request.GET.get(BEFORE, "")
        if before:
            rows = rows.filter(_behind(self._column, before))
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        if len(found) > self.list_per_page:
            self.older = self.get_query_string({BEFORE: _cursor(self._column, self.result_list[-1])})
        self.newest = self.get_query_string() if before else ""
        self.result_count = self._count(len(found), is_all=not before and not self.older)
        self.told = self._told()
        self.full_result_count = None
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True

    @property
    def _column(self) -> str:
        """The time that the list is ordered by; empty when it is the key alone."""
        first = str(self.queryset.query.order_by[0]).removeprefix("-")
        return "" if first in ("id", "pk") else first

    def _count(self, found: int, *, is_all: bool) -> int:
        if is_all:
            return found
        if not self.queryset.query.where and (estimate := estimated_rows(self.model)) > COUNTED:
            return estimate
        return int(self.queryset.order_by()[: COUNTED + 1].count())

    def _told(self) -> str:
        names = {"one": self.opts.verbose_name, "many": self.opts.verbose_name_plural}
        if self.result_count > COUNTED + 1:
            return _("about %(count)s %(many)s") % {"count": f"{self.result_count:,}", **names}
        if self.result_count > COUNTED:
            return _("more than %(count)s %(many)s") % {"count": f"{COUNTED:,}", **names}
        return ngettext("%(count)d %(one)s", "%(count)d %(many)s", self.result_count) % {
            "count": self.result_count,
            **names,
        }


class Keyset(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists by `KeysetList`."""

    change_list_template = "admin/keyset_list.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return KeysetList


class TextFilter(admin.SimpleListFilter):
    """A filter by exact text that is typed in: for columns with too many values to list."""

    template = "admin/text_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "")]  # without any, Django hides the filter

    def typed(self) -> str:
        """What was typed in; empty for no filter."""
        return (self.value() or "").strip()

    def choices(self, changelist: ChangeList) -> Any:
        """The other parameters, which the form sends along."""
        others = changelist.get_filters_params()
        kept = [(name, value) for name, values in others.items() if name != self.parameter_name for value in values]
        if changelist.query:
            kept.append(("q", changelist.query))
        yield {
            "name": self.parameter_name,
            "value": self.value() or "",
            "kept": kept,
            "without": changelist.get_query_string(remove=[str(self.parameter_name)]),
        }


def estimated_rows(model: type[Model]) -> int:
    """How many rows PostgreSQL believes that the table has; 0 where nobody estimates."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        return max(int(cursor.fetchone()[0]), 0)


def actor_of(request: HttpRequest) -> Actor:
    """Who acts in the admin: somebody who is signed in."""
    assert isinstance(request.user, User)
    return audit.in_admin(request.user)


def kind_of(model: type[Model]) -> str:
    """What the audit calls rows of a table."""
    return str(model._meta.verbose_name)


def tell(request: HttpRequest, model: type[Model], done: int, refusals: Sequence[str], *, is_cut: bool = False) -> None:
    """Say how many were changed, and why the others were left alone."""
    names = {"one": model._meta.verbose_name, "many": model._meta.verbose_name_plural}
    if done:
        text = ngettext("Done for %(count)d %(one)s.", "Done for %(count)d %(many)s.", done)
        messages.success(request, text % {"count": done, **names})
    if left := len(refusals):
        text = ngettext("%(count)d %(one)s was left alone:", "%(count)d %(many)s were left alone:", left)
        more = " …" if left > REASONS_SHOWN else ""
        shown = " ".join(refusals[:REASONS_SHOWN])
        messages.warning(request, f"{text % {'count': left, **names}} {shown}{more}")
    if is_cut:
        messages.warning(request, _("There are more: do it again to go on with the next ones."))


def _changed(message: Any) -> str:
    """Names of the fields that a form changed; never their values."""
    if not isinstance(message, list):
        return str(message)
    return ", ".join(field for part in message for field in part.get("changed", {}).get("fields", []))


def _cursor(column: str, row: Model) -> str:
    if not column:
        return str(row.pk)
    moment: datetime = getattr(row, column)
    return f"{moment.isoformat()}~{row.pk}"


def _behind(column: str, cursor: str) -> Q:
    """What follows the row that the cursor names. The first condition is one that an index answers."""
    moment, _tilde, key = cursor.rpartition("~")
    if not (key.isascii() and key.isdigit()) or bool(moment) != bool(column):
        raise IncorrectLookupParameters
    if not column:
        return Q(pk__lt=int(key))
    try:
        at = parse_datetime(moment)
    except ValueError as error:
        raise IncorrectLookupParameters from error
    if at is None or at.tzinfo is None:
        raise IncorrectLookupParameters
    return Q(**{f"{column}__lte": at}) & (Q(**{f"{column}__lt": at}) | Q(pk__lt=int(key)))
