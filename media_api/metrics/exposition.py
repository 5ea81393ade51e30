"""The page that Prometheus reads. Who may read it is decided elsewhere."""

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry

from media_api.metrics import counting
from media_api.metrics.rows import RowsCollector


def page(accept: str) -> tuple[bytes, str]:
    """All metrics in the format that the reader prefers, with its content type."""
    registry = CollectorRegistry()
    registry.register(counting.counted())
    registry.register(RowsCollector())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
