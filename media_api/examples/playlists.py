"""Examples of playlists and channels."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from media_api.examples import batches

URL = "https://media.example.org/list/7"
ENTRY: dict[str, Any] = {
    "id": "42",
    "title": "A walk along the river",
    "url": "https://media.example.org/watch/42",
    "duration": 93.0,
    "view_count": 1200,
    "uploader": "Rivers",
    "upload_date": "20261120",
    "thumbnail": "https://media.example.org/42.jpg",
    "playlist_index": 1,
}
PAGING = {
    "page": 1,
    "page_size": 20,
    "total_pages": 1,
    "has_next": False,
    "has_previous": False,
    "extractor": "generic",
}
PREVIEW = OpenApiExample(
    "a playlist of one",
    {
        "url": URL,
        "title": "Rivers",
        "uploader": "Rivers",
        "uploader_id": "@rivers",
        "description": "Walks",
        "total_items": 1,
        "items": [ENTRY],
        **PAGING,
    },
    response_only=True,
    status_codes=["200"],
)
CHANNEL = OpenApiExample(
    "a channel of one",
    {
        "url": "https://media.example.org/@rivers",
        "channel_id": "@rivers",
        "channel_name": "Rivers",
        "description": "Walks",
        "subscriber_count": 5400,
        "video_count": 12,
        "filtered_video_count": 1,
        "unknown_video_count": 0,
        "videos": [ENTRY],
        "filters_applied": {"date_after": "20261101", "min_duration": 60.0, "sort_by": "upload_date"},
        **PAGING,
    },
    response_only=True,
    status_codes=["200"],
)
PLAYLIST_REQUESTS = [
    OpenApiExample("all of it", {"url": URL}, request_only=True),
    OpenApiExample(
        "the first ten and the fifteenth as audio",
        {"url": URL, "items": "1-10,15", "audio_only": True, "skip_downloaded": False},
        request_only=True,
    ),
]
CHANNEL_REQUESTS = [
    OpenApiExample(
        "the ten newest of a month",
        {
            "url": "https://media.example.org/@rivers",
            "date_after": "20261101",
            "date_before": "20261130",
            "sort_by": "upload_date",
            "max_downloads": 10,
        },
        request_only=True,
    )
]
PLAYLIST_BATCH = batches.batch(201, status="queued", **batches.OF_A_LIST)
CHANNEL_BATCH = batches.batch(
    201, status="queued", **batches.OF_A_LIST | {"kind": "channel", "url": "https://media.example.org/@rivers"}
)
