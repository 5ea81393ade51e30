"""What can be called next with the id that an answer gives: the links of the OpenAPI description.

Without them nothing in the description tells that the `request_id` of one call is the `public_id` of another.
"""

from collections.abc import Iterator
from typing import Any

_OF_DOWNLOADS = ("get_download", "get_download_log", "pause_download", "resume_download", "retry_download")
_OF_BATCHES = ("get_batch", "retry_batch")
_OF_WEBHOOKS = ("get_webhook", "change_webhook", "test_webhook", "list_webhook_deliveries", "rotate_webhook_secret")

# By the operation that answers: where its answer has the id, and the operations that take it. Cancelling is missing:
# whoever follows links takes a DELETE for the end of a thing, and what is cancelled can still be looked at. So are
# lists: they may be empty, and then have no id.
FOLLOWERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "start_download": ("request_id", (*_OF_DOWNLOADS, "extend_download")),
    "start_batch": ("batch_id", _OF_BATCHES),
    "download_playlist": ("batch_id", _OF_BATCHES),
    "download_channel": ("batch_id", _OF_BATCHES),
    "start_metadata_batch": ("batch_id", ("get_metadata_batch",)),
    "store_cookies": ("cookie_id", ("get_cookies", "test_cookies", "delete_cookies")),
    "create_webhook": ("webhook_id", (*_OF_WEBHOOKS, "delete_webhook")),
    "old_start_download": ("request_id", ("old_get_download", "old_get_download_log")),
}


def with_links(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the links to the answers of success."""
    for operation in _operations(result):
        field, followers = FOLLOWERS.get(operation["operationId"], ("", ()))
        links = {
            name: {"operationId": name, "parameters": {"public_id": f"$response.body#/{field}"}} for name in followers
        }
        if links:
            operation["responses"][min(operation["responses"])]["links"] = links
    return result


def _operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in description["paths"].values():
        yield from methods.values()
