"""The operator's view of links that owners share files by: looks, and revokes. No token is kept that could be shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.operator_pages import Keyset, LookOnly, Operated, actor_of, tell
from jobs import shares
from jobs.models import ShareLink


@admin.register(ShareLink)
class ShareLinkAdmin(LookOnly, Operated, Keyset):
    list_display = ("public_id", "file", "owner", "created_at", "expires_at", "revoked_at", "fetches")
    list_select_related = ("file__job__owner",)
    search_fields = ("public_id__startswith", "file__job__public_id__startswith")
    search_help_text = _("The beginning of a link's or a job's id")
    actions = ("revoke",)

    @admin.display(description=_("owner"))
    def owner(self, link: ShareLink) -> str:
        return str(link.file.job.owner)

    @admin.action(description=_("Revoke"), permissions=["operate"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ShareLink]) -> None:
        usable = list(chosen.filter(revoked_at__isnull=True).select_related("file__job__owner"))
        for link in usable:
            shares.revoke(link.file.job.owner, link.public_id)
        audit.record(actor_of(request), "revoke", "share link", [link.public_id for link in usable])
        tell(request, ShareLink, len(usable), [])
