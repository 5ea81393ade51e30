"""STORAGE_URL: which storage keeps the results, parsed. Reads nothing but what it is given, and loads no storage."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LOCAL = "jobs.storage.local.LocalStorage"
S3 = "jobs.storage.s3.S3Storage"
ADDRESSING = ("auto", "path", "virtual")
PARAMETERS = {"endpoint", "region", "addressing"}


@dataclass(frozen=True, kw_only=True)
class StorageAddress:
    """Where results lie: a directory, or a bucket of an S3 server and a prefix in it."""

    directory: Path | None = None
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""  # empty for Amazon's own
    region: str = ""
    addressing: str = "auto"

    def backend(self, **credentials: str) -> dict[str, Any]:
        """As in Django's STORAGES."""
        if self.directory is not None:
            return {"BACKEND": LOCAL, "OPTIONS": {"location": self.directory, "base_url": None}}
        options = {
            "bucket": self.bucket,
            "prefix": self.prefix,
            "endpoint_url": self.endpoint,
            "region": self.region,
            "addressing": self.addressing,
        }
        return {"BACKEND": S3, "OPTIONS": {**options, **credentials}}

    def __str__(self) -> str:
        """For people."""
        if self.directory is not None:
            return str(self.directory)
        prefix = f"/{self.prefix}" if self.prefix else ""
        return f"s3://{self.bucket}{prefix} at {self.endpoint or 'Amazon'}"

    def origins(self) -> list[str]:
        """Scheme and host of direct links to the bucket's objects, for pages that play them."""
        if self.endpoint:
            scheme, host = self.endpoint.split("://", 1)
            return [self.endpoint, f"{scheme}://{self.bucket}.{host}"]
        regional = f"s3.{self.region}.amazonaws.com"
        hosts = ["s3.amazonaws.com", *([regional] if self.region else [])]
        return [f"https://{name}" for host in hosts for name in (host, f"{self.bucket}.{host}")]


def parse(raw: str) -> StorageAddress:
    """`file:///directory` or `s3://bucket/prefix?endpoint=https://…&region=…&addressing=path`. Raises ValueError."""
    parts = urlsplit(raw)
    if parts.scheme == "file":
        if parts.netloc or parts.query or not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("a directory is written file:///path/to/results")
        return StorageAddress(directory=Path(unquote(parts.path)))
    if parts.scheme != "s3" or not parts.hostname:
        raise ValueError("must be file:///directory or s3://bucket/prefix, perhaps with ?endpoint=https://…&region=…")
    if "@" in parts.netloc or parts.port or parts.fragment:
        raise ValueError(
            "names the bucket alone: put keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "and the server into ?endpoint="
        )
    return _bucket_address(parts.hostname, unquote(parts.path), parse_qs(parts.query, keep_blank_values=True))


def bucket(name: str) -> str:
    """The name of a bucket alone. Raises ValueError."""
    if parse(f"s3://{name}") != StorageAddress(bucket=name):
        raise ValueError("must be a bucket's name alone, lower case")
    return name


def chosen(raw: str, *, bucket: str, endpoint: str, region: str, default: Path) -> StorageAddress:
    """What STORAGE_URL says, completed by what the usual variables of Amazon's tools say; else the default directory.

    Values were checked when they were read; a wrong one counts as unset here.
    """
    if not raw and not bucket:
        return StorageAddress(directory=default)
    address = parse(raw) if raw else StorageAddress(bucket=bucket)
    if address.directory is not None:
        return address
    return replace(address, endpoint=address.endpoint or endpoint, region=address.region or region)


def _bucket_address(bucket: str, path: str, query: dict[str, list[str]]) -> StorageAddress:
    unknown = set(query) - PARAMETERS
    if unknown:
        raise ValueError(f"has {', '.join(sorted(unknown))}, and only {', '.join(sorted(PARAMETERS))} are known")
    given = {name: values[-1] for name, values in query.items()}
    endpoint = given.get("endpoint", "").rstrip("/")
    return StorageAddress(
        bucket=bucket,
        prefix=_prefix(path),
        endpoint=checked_endpoint(endpoint) if endpoint else "",
        region=given.get("region", ""),
        addressing=_addressing(given.get("addressing", "auto")),
    )


def checked_endpoint(endpoint: str) -> str:
    """The address of an S3 server, without a slash at its end. Raises ValueError."""
    parts = urlsplit(endpoint.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.username:
        raise ValueError("its endpoint must be http://name or https://name, perhaps with a port, and nothing behind it")
    return endpoint.rstrip("/")


def _prefix(path: str) -> str:
    prefix = path.strip("/")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise ValueError("has a prefix with empty parts or dots")
    if len(prefix.encode()) > 80:  # object keys end at 1024 bytes, of which templates may take 900
        raise ValueError("has a prefix of more than 80 bytes")
    return prefix


def _addressing(word: str) -> str:
    if word not in ADDRESSING:
        raise ValueError(f"has an addressing that is none of {', '.join(ADDRESSING)}")
    return word
