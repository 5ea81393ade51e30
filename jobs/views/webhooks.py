"""Webhooks of people: receivers with their secrets, and what was sent to them. Rules stand in `jobs.webhooks`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from jobs import queries
from jobs.errors import LinkRefused, NotFound, QueueFull, StateConflict
from jobs.models import Delivery, WebhookEndpoint
from jobs.states import DeliveryState, Event
from jobs.views.access import PageRequest, signed_in
from jobs.views.sentences import said
from jobs.webhooks import endpoints
from jobs.webhooks.outcomes import Answer

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PAGE_LENGTH = 25
EVENTS = (
    (Event.STARTED.value, _("A download starts")),
    (Event.PROGRESS.value, _("Progress, every second at most")),
    (Event.COMPLETED.value, _("A download is ready")),
    (Event.FAILED.value, _("A download fails")),
    (Event.CANCELLED.value, _("A download is cancelled")),
    (Event.BATCH_COMPLETED.value, _("A list is through")),
)
USUAL = [event for event, _label in EVENTS if event != Event.PROGRESS]
DELIVERY_WORDS: Mapping[str, "StrOrPromise"] = {
    DeliveryState.PENDING: _("Waiting"),
    DeliveryState.DELIVERED: _("Delivered"),
    DeliveryState.FAILED: _("Given up"),
}


class EndpointForm(forms.Form):
    """Where to send what. Which addresses are allowed is the business of `jobs.webhooks`."""

    url = forms.CharField(
        label=_("Address"), max_length=settings.LONGEST_URL, widget=forms.URLInput(attrs={"placeholder": "https://"})
    )
    description = forms.CharField(label=_("Note"), max_length=200, required=False)
    events = forms.MultipleChoiceField(
        label=_("Tell it when"), choices=EVENTS, initial=USUAL, widget=forms.CheckboxSelectMultiple
    )

    def chosen_events(self) -> list[str]:
        """None stands for the usual ones, which may become more."""
        chosen = self.cleaned_data["events"]
        return [] if set(chosen) == set(USUAL) else chosen


class Sent:
    """A message to a receiver for templates."""

    def __init__(self, delivery: Delivery, refusal: str = "") -> None:
        self.delivery, self.refusal = delivery, refusal
        self.word = DELIVERY_WORDS[delivery.state]
        self.attempts = list(delivery.log.all())


@require_safe
@signed_in
def index(request: PageRequest) -> HttpResponse:
    return _index(request, EndpointForm())


@never_cache
@require_POST
@signed_in
@sensitive_variables("secret")
def create(request: PageRequest) -> HttpResponse:
    """A new receiver. Its secret stands in this answer and nowhere else."""
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _index(request, form, status=422)
    given = form.cleaned_data
    try:
        endpoint = endpoints.register(
            request.user,
            url=given["url"],
            description=given["description"],
            events=form.chosen_events(),
            is_active=True,
        )
    except (LinkRefused, StateConflict) as refusal:
        form.add_error("url", said(refusal))
        return _index(request, form, status=422)
    return _detail(request, endpoint, secret=endpoint.secret.reveal(), status=201)


@require_safe
@signed_in
def detail(request: PageRequest, public_id: str) -> HttpResponse:
    return _detail(request, _endpoint_or_404(request, public_id))


@never_cache
@require_POST
@signed_in
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    """What a button of a receiver's page says."""
    if verb not in VERBS:
        raise Http404(f"Nothing is called {verb!r} here.")
    return VERBS[verb](request, _endpoint_or_404(request, public_id))


@require_safe
@signed_in
def delivery(request: PageRequest, public_id: str) -> HttpResponse:
    """One message of the list, which looks again as long as it is on its way."""
    return render(request, "jobs/_delivery.html", {"sent": Sent(_delivery_or_404(request, public_id))})


@require_POST
@signed_in
def redeliver(request: PageRequest, public_id: str) -> HttpResponse:
    """Send a message again."""
    delivery, refusal = _delivery_or_404(request, public_id), ""
    try:
        endpoints.redeliver(delivery)
    except StateConflict as conflict:
        refusal = said(conflict)
    if request.htmx:
        return render(request, "jobs/_delivery.html", {"sent": Sent(delivery, refusal)})
    messages.add_message(
        request, messages.ERROR if refusal else messages.SUCCESS, refusal or gettext("It is on its way.")
    )
    return redirect("jobs:webhook", delivery.endpoint.public_id) if delivery.endpoint else redirect("jobs:webhooks")


def _change(request: PageRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _detail(request, endpoint, form=form, status=422)
    given = form.cleaned_data
    changes = {"url": given["url"], "description": given["description"], "events": form.chosen_events()}
    try:
        endpoints.change(endpoint, changes)
    except LinkRefused as refusal:
        form.add_error("url", said(refusal))
        return _detail(request, _endpoint_or_404(request, endpoint.public_id), form=form, status=422)
    messages.success(request, _("The webhook is changed."))
    return redirect("jobs:webhook", endpoint.public_id)


def _test(request: PageRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    """May take ten seconds."""
    try:
        answer = endpoints.try_out(endpoint).answer
    except QueueFull as refusal:
        answer = Answer(error=said(refusal))
    if request.htmx:
        return render(request, "jobs/_tried.html", {"answer": answer})
    return _detail(request, endpoint, answer=answer)


def _toggle(request: PageRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    endpoints.change(endpoint, {"is_active": not endpoint.is_active})
    return redirect("jobs:webhook", endpoint.public_id)


@sensitive_variables()
def _rotate(request: PageRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    endpoints.rotate_secret(endpoint)
    return _detail(request, endpoint, secret=endpoint.secret.reveal())


def _remove(request: PageRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    endpoints.remove(endpoint)
    messages.success(request, _("The webhook is deleted."))
    return redirect("jobs:webhooks")


VERBS: Mapping[str, Callable[[PageRequest, WebhookEndpoint], HttpResponse]] = {
    "change": _change,
    "test": _test,
    "toggle": _toggle,
    "rotate": _rotate,
    "remove": _remove,
}


def _index(request: PageRequest, form: EndpointForm, status: int = 200) -> HttpResponse:
    shown = {"form": form, "endpoints": queries.webhooks_visible_to(request.user)}
    return render(request, "jobs/webhooks.html", shown, status=status)


def _detail(request: PageRequest, endpoint: WebhookEndpoint, status: int = 200, **more: Any) -> HttpResponse:
    sent = queries.deliveries_visible_to(request.user).filter(endpoint=endpoint).prefetch_related("log")
    page = Paginator(sent, PAGE_LENGTH).get_page(request.GET.get("page"))
    as_it_is = {"url": endpoint.url, "description": endpoint.description, "events": endpoint.events or USUAL}
    context = {
        "endpoint": endpoint,
        "form": EndpointForm(initial=as_it_is),
        "sent": [Sent(delivery) for delivery in page],
        "page": page,
    }
    return render(request, "jobs/webhook.html", context | more, status=status)


def _delivery_or_404(request: PageRequest, public_id: str) -> Delivery:
    try:
        return queries.delivery_of(request.user, public_id)
    except NotFound as error:
        raise Http404(str(error)) from error


def _endpoint_or_404(request: PageRequest, public_id: str) -> WebhookEndpoint:
    try:
        return queries.webhook_of(request.user, public_id)
    except NotFound as error:
        raise Http404(str(error)) from error
