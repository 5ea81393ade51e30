"""The field for a link. Which links are allowed here is the services' business."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from jobs.engine.contract import Options
from jobs.services import Submission

QUALITIES = (
    ("best", _("Best")),
    ("1080p", "1080p"),
    ("720p", "720p"),
    ("480p", "480p"),
    ("audio", _("Audio")),
)


class LinkForm(forms.Form):
    url = forms.CharField(
        label=_("Link"),
        max_length=settings.LONGEST_URL,
        error_messages={"required": _("Paste a link first.")},
        widget=forms.URLInput(
            attrs={
                "placeholder": "https://",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    quality = forms.ChoiceField(label=_("Quality"), choices=QUALITIES, initial="best", widget=forms.RadioSelect)

    def clean_url(self) -> str:
        """People copy addresses without their scheme."""
        url: str = self.cleaned_data["url"]
        return url if "://" in url else f"https://{url}"

    def submission(self) -> Submission:
        """What a valid form asks for."""
        return Submission(url=self.cleaned_data["url"], options=Options(quality=self.cleaned_data["quality"]))
