"""What people see of the links that they share files by, and the form for a new one. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs import queries, shares
from jobs.models import Job, MediaFile, ShareLink

SHOWN = 200
LIFETIMES = (("hour", _("1 hour")), ("day", _("1 day")), ("week", _("7 days")), ("month", _("30 days")))


class ShareForm(forms.Form):
    """For how long, and which file where there are several."""

    lifetime = forms.ChoiceField(label=_("The link works for"), choices=LIFETIMES, initial="day")

    def __init__(self, *args: Any, offered: Sequence[MediaFile], **options: Any) -> None:
        super().__init__(*args, **options)
        self.offered = {file.public_id: file for file in offered}
        choices = [(file.public_id, file.name) for file in offered]
        self.fields["file"] = forms.ChoiceField(label=_("File"), required=False, choices=choices)
        if len(choices) < 2:
            self.fields["file"].widget = forms.HiddenInput()

    def chosen(self, job: Job) -> MediaFile | None:
        return self.offered.get(self.cleaned_data["file"]) or queries.main_file(job)


@dataclass(frozen=True)
class Shared:
    """A link in its owner's list. Where it leads is not known any more: only its digest is kept."""

    link: ShareLink

    @property
    def state(self) -> str:
        if self.link.revoked_at is not None:
            return "revoked"
        return "usable" if self.link.is_usable() and self.link.file.deleted_at is None else "over"


def shown_links(user: User, job: Job | None = None) -> list[Shared]:
    """A user's links, newest first; those of one job, or all."""
    found = shares.links_of(user)
    return [Shared(link) for link in (found.filter(file__job=job) if job else found[:SHOWN])]
