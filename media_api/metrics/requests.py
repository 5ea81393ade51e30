"""Requests, their answers and latency, by django-prometheus. Only labels that callers cannot make more of."""

from typing import Any

from django.http import HttpRequest
from prometheus_client.metrics import MetricWrapperBase

from media_api.metrics import counting  # noqa: F401  (before the metrics)

from django_prometheus import middleware  # isort: skip

# Left out: what nobody asks for in return for a lock and a look-up in every request (bodies' sizes, character sets,
# templates, transport), and whatever has a label that a caller can choose.
KEPT = frozenset(
    {
        "django_http_requests_before_middlewares_total",
        "django_http_responses_before_middlewares_total",
        "django_http_requests_latency_including_middlewares_seconds",
        "django_http_requests_latency_seconds_by_view_method",
        "django_http_responses_total_by_status_view_method",
        "django_http_exceptions_total_by_type",
        "django_http_exceptions_total_by_view",
    }
)


class Ignored:
    """A metric that is not kept."""

    def labels(self, *values: object, **named: object) -> "Ignored":
        return self

    def inc(self, amount: float = 1) -> None:
        """Nothing."""

    def observe(self, amount: float) -> None:
        """Nothing."""


class Metrics(middleware.Metrics):  # type: ignore[misc]  # django-prometheus has no types
    """django-prometheus's own, as far as they are KEPT."""

    def register_metric(
        self, metric_cls: type[MetricWrapperBase], name: str, documentation: str, labelnames: Any = (), **options: Any
    ) -> MetricWrapperBase | Ignored:
        if name not in KEPT:
            return Ignored()
        return metric_cls(name, documentation, labelnames=labelnames, **options)


class BeforeMiddleware(middleware.PrometheusBeforeMiddleware):  # type: ignore[misc]
    """To be the first: sees requests as clients do."""

    metrics_cls = Metrics


class AfterMiddleware(middleware.PrometheusAfterMiddleware):  # type: ignore[misc]
    """To be the last: knows the view."""

    metrics_cls = Metrics

    def label_metric(self, metric: Any, request: HttpRequest, response: Any = None, **labels: str) -> Any:
        """With methods that exist: one of the library's labels is whatever word the client sends."""
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response=response, **labels)
