"""How libcurl, by which yt-dlp poses as a browser, uses the child's proxy. Nothing else about requests."""

from typing import Any

from curl_cffi import CurlOpt
from curl_cffi.requests import Session
from yt_dlp.networking._curlcffi import CurlCFFIRH


def tunnel_everything() -> None:
    """Ask the proxy for connections, and not for pages, of `http:` links too. For the child alone.

    libcurl 8.21 cannot ask a proxy for a page of an address of IPv6: it fails with CURLE_OUT_OF_MEMORY before it sends
    a byte. A redirect may lead to one, so the host of the link does not tell when to do without.
    """
    CurlCFFIRH._create_instance = _session


def _session(_handler: CurlCFFIRH, cookiejar: Any = None) -> "Session[Any]":
    return Session(cookies=cookiejar, curl_options={CurlOpt.HTTPPROXYTUNNEL: 1})
