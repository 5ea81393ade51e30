"""The operators' view of django-q2's tables. Look-only: its own pages would let somebody run any function.

What waits here are wake-ups; the queue of downloads is the table of jobs.
"""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.operator_pages import LookOnly

UNREADABLE = frozenset({"payload", "args", "kwargs", "result", "schedule", "hook"})  # pickled, or of no use


class QueueRowAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """A table's plain columns. What is pickled in it is never unpickled here."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def __init__(self, model: type[Model], site: admin.AdminSite) -> None:
        super().__init__(model, site)
        self.columns = [field.name for field in model._meta.fields if field.name not in UNREADABLE]

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.columns

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.columns


for table in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(table):
        admin.site.unregister(table)
    if not table._meta.proxy:  # the others are views of the same rows
        admin.site.register(table, QueueRowAdmin)
