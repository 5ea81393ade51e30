"""Cookie jars of people: upload, try out, delete. What a jar is, is the business of `accounts.cookies`."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.validators import RegexValidator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from accounts import cookies
from accounts.models import CookieJar
from accounts.netscape import CookiesRefused
from jobs import jars, trials
from jobs.errors import QueueFull, StateConflict, ValueRefused
from jobs.views.access import PageRequest, signed_in
from jobs.views.sentences import said

STATUS_WORDS = {
    cookies.Status.ACTIVE: _("Good"),
    cookies.Status.EXPIRING: _("Expires soon"),
    cookies.Status.EXPIRED: _("Expired"),
}
RESULT_WORDS = {
    cookies.TestResult.ACCEPTED: _("The site accepted them"),
    cookies.TestResult.REJECTED: _("The site refused them"),
    cookies.TestResult.UNKNOWN: _("The last test was not conclusive"),
}


class JarForm(forms.Form):
    """The name, and the cookies as text or as a file."""

    name = forms.CharField(
        label=_("Name"),
        max_length=50,
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{1,50}\Z", _("A name has 1 to 50 letters, digits, _ and -."))],
        help_text=_("A jar of yours with this name gets the new cookies."),
    )
    file = forms.FileField(label=_("File"), required=False, help_text=_("cookies.txt, as browser extensions export it"))
    text = forms.CharField(
        label=_("Or paste its content"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
    )

    @sensitive_variables("given")
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        file = given.get("file")
        if file is None and not (given.get("text") or "").strip():
            self.add_error("file", _("Choose a file, or paste its content."))
        elif file is not None and file.size > settings.MAX_COOKIE_BYTES:
            self.add_error("file", _("This file is too large. Export the cookies of one site only."))
        elif file is not None:
            try:
                given["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", _("This file is not text in UTF-8."))
        return given


class Jar:
    """A jar for templates, with what the last thing that was done with it came to."""

    def __init__(self, jar: CookieJar, *, verdict: trials.Verdict | None = None, refusal: str = "") -> None:
        self.jar, self.verdict, self.refusal = jar, verdict, refusal
        self.status = cookies.status_of(jar)
        self.word = STATUS_WORDS[self.status]
        self.tested = RESULT_WORDS[cookies.TestResult(jar.test_result)] if jar.test_result else ""


@require_safe
@signed_in
def index(request: PageRequest) -> HttpResponse:
    return _page(request, JarForm())


@never_cache
@sensitive_post_parameters("text")
@require_POST
@signed_in
def store(request: PageRequest) -> HttpResponse:
    """A new jar, or one with new content. What is wrong with the text is told line by line."""
    form = JarForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        stored = cookies.store(request.user, form.cleaned_data["name"], form.cleaned_data["text"])
    except CookiesRefused as refused:
        field = "file" if form.cleaned_data["file"] else "text"
        form.add_error(field, [said(problem) for problem in refused.problems])
        return _page(request, form, status=422)
    except cookies.TooManyJars as refused:
        form.add_error("name", said(refused))
        return _page(request, form, status=422)
    _tell(request, stored)
    return redirect("jobs:jars")


@require_POST
@signed_in
def test(request: PageRequest, public_id: str) -> HttpResponse:
    """Read a page with the cookies and without them; takes some seconds."""
    jar = _jar_or_404(request, public_id)
    shown = Jar(jar)
    try:
        shown = Jar(jar, verdict=trials.judge(jar, request.POST.get("url", "").strip()))
    except (ValueRefused, QueueFull) as refused:
        shown = Jar(jar, refusal=said(refused))
    if request.htmx:
        return render(request, "jobs/_jar.html", {"shown": shown, "url": request.POST.get("url", "")})
    told = said(shown.verdict.message) if shown.verdict else shown.refusal
    messages.add_message(request, messages.INFO if shown.verdict else messages.ERROR, told)
    return redirect("jobs:jars")


@require_POST
@signed_in
def delete(request: PageRequest, public_id: str) -> HttpResponse:
    """For good; refused while downloads need it."""
    jar = _jar_or_404(request, public_id)
    try:
        jars.delete(jar)
    except StateConflict as conflict:
        if request.htmx:
            return render(request, "jobs/_jar.html", {"shown": Jar(jar, refusal=said(conflict))})
        messages.error(request, said(conflict))
        return redirect("jobs:jars")
    if request.htmx:
        return HttpResponse()
    messages.success(request, _("The cookies are deleted."))
    return redirect("jobs:jars")


def _page(request: PageRequest, form: JarForm, status: int = 200) -> HttpResponse:
    shown = [Jar(jar) for jar in cookies.jars_of(request.user)]
    return render(request, "jobs/jars.html", {"form": form, "jars": shown}, status=status)


def _tell(request: PageRequest, stored: cookies.Stored) -> None:
    messages.success(request, _("The cookies are stored, encrypted."))
    if stored.dropped:
        text = ngettext(
            "%(count)d of them had expired and was left out.",
            "%(count)d of them had expired and were left out.",
            stored.dropped,
        )
        messages.info(request, text % {"count": stored.dropped})


def _jar_or_404(request: PageRequest, public_id: str) -> CookieJar:
    try:
        return cookies.jar_of(request.user, public_id)
    except cookies.JarNotFound as error:
        raise Http404(str(error)) from error
