"""The types of files that are published, by role and extension. One table for all; looks at no file."""

from collections.abc import Mapping

from jobs.engine.contract import FileRole

_AUDIO_TYPES = {
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mka": "audio/x-matroska",
    "mp3": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
}
_VIDEO_TYPES = {
    "3gp": "video/3gpp",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "m4v": "video/x-m4v",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpg": "video/mpeg",
    "ogv": "video/ogg",
    "ts": "video/mp2t",
    "webm": "video/webm",
    "wmv": "video/x-ms-wmv",
}
_SUBTITLE_TYPES = {
    "ass": "text/x-ssa",
    "lrc": "text/plain",
    "srt": "application/x-subrip",
    "ttml": "application/ttml+xml",
    "vtt": "text/vtt",
}
_IMAGE_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}

MIME_TYPES: Mapping[FileRole, Mapping[str, str]] = {
    FileRole.MEDIA: _AUDIO_TYPES | _VIDEO_TYPES,
    FileRole.SUBTITLE: _SUBTITLE_TYPES,
    FileRole.THUMBNAIL: _IMAGE_TYPES,
    FileRole.INFO: {"json": "application/json"},
    FileRole.CHAPTER: _AUDIO_TYPES | _VIDEO_TYPES,
}
EXTENSIONS = frozenset(extension for types in MIME_TYPES.values() for extension in types)
