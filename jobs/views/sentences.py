"""What the domain tells callers in English, in the reader's language and in the words of the pages. The API's
sentences are English by contract and name its fields, and jobs keep theirs as they were written, so they are looked up
here when a page is made. What is not listed stays as it is.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from django.template.defaultfilters import filesizeformat
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from jobs.engine.contract import FailureCode

# A name in braces stands for any text.
SENTENCES = (
    # why downloads and readings fail
    _("This address is not one that media can be taken from; copy the address of the page that plays the media."),
    _("There is nothing at this address any more; open it in a browser and copy the current address."),
    _("The site does not show this in the country that this server is in; look for a copy that is open to it."),
    _(
        "The site asks for fewer requests; the download is tried again later, and if it keeps failing retry it in "
        "some hours."
    ),
    _("This media is protected by DRM and cannot be downloaded; choose another source."),
    _("This live stream or premiere is not on the air; retry when it has started."),
    _("The file is larger than this service allows; choose a lower quality or audio only."),
    _("No more data came from the site; the download goes on later from where it stopped."),
    _(
        "The site could not be reached or broke the transfer off; the download is tried again, "
        "and if it keeps failing check the address."
    ),
    _("The address leads into a network that this server may not enter; use an address on the public internet."),
    _(
        "A program that this needs is not installed on the server; "
        "ask its operator to look at the start-up report (ffmpeg, deno)."
    ),
    _("The server has no room left; the download is tried again later, or delete files that you no longer need."),
    # why links and choices are refused
    _("This link carries options for the downloader, which is not allowed."),
    _("Downloads from {host} are not allowed here."),
    _("Downloads from {host} are not allowed here. Allowed: {hosts}."),
    _("Downloads from YouTube are turned off here. The operator can allow them with ALLOW_YT_DOWNLOADS=true."),
    _("This is not a valid link: check its host name and port."),
    _("A link starts with http:// or https:// and names a host."),
    _("A link must not carry a user name or password: it would be stored and shown."),
    _("A link has at most {count} characters."),
    _("A time is a number of seconds, or text such as 1:30 or 00:01:30.5."),
    _("A time lies between 0 and 99:59:59."),
    _("{container} holds no subtitles; choose mp4, mkv, mov or webm."),
    _("The format selector cannot be read; look at its brackets and filters."),
    _("The path template must be a relative path without empty parts, '.' and '..'."),
    _("{code} is not a language code such as en, en-US or zh-Hans."),
    _("These are too many single entries. Choose ranges, or fewer."),
    _("Write numbers and ranges with commas, such as 1-10,15."),
    # what does not go now
    _("At most {count} jobs may wait, and too many do already. Try again later."),
    _("Too many pages are waiting to be read. Try again later."),
    _("Job {job} is {state} and cannot be {verb}."),
    _("Batch {batch} has no failed downloads to try again."),
    _("Batch {batch} has no downloads for that."),
    _("The files of job {job} are being deleted."),
    _("The files of job {job} are kept until you delete them."),
    _("Files are kept for {hours} hours at most, so those of job {job} stay until {moment}."),
    _("{whose} quota is {allowed} download(s) in 24 hours, and {used} were submitted. {advice}"),
    _("This file is deleted, so there is nothing to share."),
    _("This file has {count} links, and no more are allowed."),
    # what happened to a job
    _("submitted"),
    _("attempt {number}"),
    _("paused by the caller"),
    _("resumed by the caller"),
    _("cancelled by the caller"),
    _("retried by the caller"),
    _("deleted by the caller"),
    _("paused by the operator"),
    _("resumed by the operator"),
    _("cancelled by the operator"),
    _("retried by the operator"),
    _("deleted by the operator"),
    _("again in {seconds} s: {code}"),
    _("its worker stops"),
    _("its worker died"),
    _("its worker died each time"),
    _("its link is refused"),
    _("an earlier download failed"),
    _("{job} failed"),
    _("cancelled"),
    _("kept long enough"),
    # cookies and webhooks
    _("This is JSON. Export the cookies in Netscape's format, often called cookies.txt."),
    _("There is no cookie in it."),
    _("Every cookie in it has expired. Sign in with the browser and export them again."),
    _("The jar has no cookies for {host}. It has some for {hosts}."),
    _("Webhook {webhook} is turned off: turn it on first."),
    _("Delivery {delivery} is still to be sent."),
    _("Too many webhooks are being tried out. Try again later."),
    _("You have {count} webhook endpoints, and no more are allowed."),
    _(
        "This server sends nothing to this address: it is private or reserved. The operator can allow it with "
        "ALLOW_PRIVATE_ADDRESSES or EGRESS_ALLOW."
    ),
    # what became of downloads, and why lists stop
    _("no room for its result"),
    _("{count} of {total} downloads failed."),
    _("purged by the operator"),
    _("its result is damaged: {fault}"),
    _("Stopped because {job} failed: {reason}"),
    _("Something went wrong in this service. Try again, or send the operator the batch's id."),
    _("{refusal} This list has {count} entries to download: choose fewer."),
    _("The batch was cancelled before this page was read."),
    _("Batch {batch} is {state} and cannot be cancelled."),
    _("Batch {batch} is being read already."),
    _(
        "The media comes over {protocol}, and this service fetches over http and https; look for a page that "
        "offers the same as a file, as HLS or as DASH."
    ),
    _("The link leads to {host}, and downloads from there are turned off here."),
    _("The page or list is larger than {size} MiB; no media are that way."),
    _("The page or list tells of {count} formats, more than {bound}; no media have so many."),
    _("The page or list tells of more than {bound} segments; no media have so many."),
    # what quotas leave room for
    _("There is room for one more at {moment}."),
    _("There is room for {count} more at {moment}."),
    _("{count} more at once are never possible: submit fewer."),
    _("Delete results that you do not need any more."),
    _("The next result expires at {moment}; results that you delete make room at once."),
    _("This result has {size}. {advice}"),
    _("The next result expires at {moment}."),
    # more of what is refused
    _("A link must not hold tabs, line breaks and other control characters."),
    _("A priority lies between {lowest} and {highest}."),
    _("You have no cookie jar with this id."),
    _("Too many callers are waiting for pages to be read. Try again later."),
    _("This is longer than {count} characters."),
    _("There is an empty part. Write numbers and ranges with single commas, such as 1-10,15."),
    _("{part} is neither a number nor a range. Write it like 1-10,15."),
    _("{part} has a number that no list reaches."),
    _("Entries are counted from 1."),
    _("The step in {part} cannot be 0."),
    _("{part} ends before it begins. Write {better}, or 10:1:-1 for the last one first."),
    _("The format selector is empty."),
    _("The format selector is longer than {count} characters."),
    _("The format selector must be one line of printable characters."),
    _("The format selector must not hold '#', as at character {number}."),
    _("The format selector is nested too deeply."),
    # more of cookies
    _(
        "The site did not accept the cookies of the jar “{name}”. Sign in with a browser, export its cookies,"
        " upload them under the same name, then try again."
    ),
    _(
        "The cookie jar “{name}” cannot be opened, for the server's encryption keys have changed. Upload the "
        "cookies again under the same name, then try again."
    ),
    _(
        "Downloads that are not over use the cookie jar {jar}, such as {job}. Cancel them or wait for them, "
        "then delete it."
    ),
    _(
        "You have {count} cookie jars, as many as there may be. Take the name of one that you no longer need,"
        " or delete one."
    ),
    _("There are {count} cookies in it, and at most {most} fit into a jar."),
    _("{count} more lines are wrong"),
    _("line {number}: {why}"),
    _("needs {count} fields separated by tabs"),
    _("needs {count} fields separated by tabs, and here are spaces instead: use the exported file as it is"),
    _("the first field is a domain such as example.org, without scheme, port or path"),
    _("the first field is a whole top-level domain, which is nobody's own"),
    _("the second field is TRUE or FALSE"),
    _("the third field is a path and begins with /"),
    _("the fourth field is TRUE or FALSE"),
    _("the fifth field, the expiry, is a Unix time in whole seconds, or 0"),
    _("name and value, the last two fields, are printable ASCII characters"),
    _("name and value, the last two fields, are both empty"),
    _("name and value are longer than {count} characters"),
    _("The page could not be read, so nothing is known of the cookies: {refusal}"),
    _("The page can be read without the cookies too. Try one that only signed-in visitors see."),
    _("The page can be read with the cookies. Whether it needs them could not be found out."),
    _("The site shows the page with these cookies, and not without them."),
    # more of webhooks
    _("This server does not connect to the receiver's address."),
    _("No answer within {seconds} s."),
    _("The endpoint is turned off."),
    _("Something broke here; the operator finds it by the delivery's id."),
    _("The signing secret cannot be read here."),
    _("The receiver answered 410 Gone."),
    _("Connection refused"),
    _("The host name was not found: {fault}"),
    _("The certificate is not good: {fault}"),
    _("The answer is no HTTP: {fault}"),
)
# What the API tells in names of fields and in codes, each with what pages tell instead.
IN_WORDS_OF_PAGES = {
    "The site shows this only to signed-in visitors; upload the cookies of a browser that is signed in, "
    "and submit the link again with their cookies_id.": _(
        "The site shows this only to signed-in visitors. Upload the cookies of a browser that is signed in under "
        "Account, Cookies, then start the download again and choose them under Advanced."
    ),
    "The site does not offer what was asked for; submit the link again with quality best, without custom_format, "
    "audio_only, clip_start, clip_end and live_from_start.": _(
        "The site does not offer what was asked for. Start the download again in the best quality, without a section "
        "and a format selector."
    ),
    "The download did not end within its time; submit the link again with a higher timeout_sec or a lower quality.": _(
        "The download did not end within its time. Start it again in a lower quality, or with a section of it."
    ),
    "The media came, but could not be made into what was asked for; "
    "submit the link again with another video_format or audio_format.": _(
        "The media came, but could not be made into what was asked for. Start the download again in another format, "
        "which you choose under Advanced."
    ),
    "Something went wrong in this service; the download is tried again, and if it keeps failing send the operator "
    "the request id.": _(
        "Something went wrong in this service. The download is tried again; if it keeps failing, tell the operator "
        "the job's id, which stands on its page under “Made with”."
    ),
    "A section ends after it begins: clip_end must be greater than clip_start.": _(
        "A section ends after it begins: “Cut to” must be later than “Cut from”."
    ),
    "This is a live stream: limit it by max_live_duration_sec instead of clip_end.": _(
        "This is a live stream, and no section can be cut out of it: leave “Cut to” empty."
    ),
    "The media lasts {seconds} s, and clip_start lies behind its end.": _(
        "The media lasts {seconds} s, and “Cut from” lies behind its end."
    ),
    "{length}: none of them is within {items}. Choose others with items, or start and end.": _(
        "{length}: none of them is within {items}. Choose other entries."
    ),
    "{count} file(s)": _("files: {count}"),
    "{whose} quota is {size} bytes of stored results, and {taken} are stored. {advice}": _(
        "{whose} quota is {size} of stored results, and {taken} are stored. {advice}"
    ),
    "The storage of this service is full: {size} bytes. {advice}": _(
        "The storage of this service is full: {size}. {advice}"
    ),
    "The storage is full: the download waits until there is room for {size} bytes.": _(
        "The storage is full: the download waits until there is room for {size}."
    ),
    "The result needs {size} bytes, and all results of this service may take {taken} together; choose a lower quality "
    "or audio only.": _(
        "The result needs {size}, and all results of this service may take {taken} together; choose a lower quality "
        "or audio only."
    ),
    "This is longer than {size} bytes. Export the cookies of one site only.": _(
        "This is longer than {size}. Export the cookies of one site only."
    ),
    FailureCode.UNSUPPORTED_URL: _("No media at this address"),
    FailureCode.NOT_FOUND: _("Not there any more"),
    FailureCode.LOGIN_REQUIRED: _("Only for signed-in visitors"),
    FailureCode.GEO_BLOCKED: _("Not shown in this country"),
    FailureCode.RATE_LIMITED: _("Too many requests for the site"),
    FailureCode.DRM: _("Protected by DRM"),
    FailureCode.LIVE_NOT_STARTED: _("Not on the air"),
    FailureCode.FORMAT_UNAVAILABLE: _("Not offered like this"),
    FailureCode.TOO_LARGE: _("Too large"),
    FailureCode.TIMEOUT: _("Took too long"),
    FailureCode.STALLED: _("No more data came"),
    FailureCode.NETWORK: _("Site not reached"),
    FailureCode.POST_PROCESSING: _("Could not be converted"),
    FailureCode.BLOCKED_ADDRESS: _("Address not allowed"),
    FailureCode.RUNTIME_MISSING: _("A program is missing"),
    FailureCode.DISK_FULL: _("No room left"),
    FailureCode.INTERNAL: _("Fault of this service"),
}
# What stands in them may be a sentence itself, or the code of a failure.
NESTED = {"advice", "code", "reason", "refusal", "why"}
SIZES = {"size", "taken"}  # in bytes, which people are told in the largest unit that fits
NAME = re.compile(r"\\{(\w+)\\}")


def said(text: object) -> str:
    """The sentence as its reader understands it."""
    return _told(str(text), get_language())


@lru_cache(maxsize=4096)
def _told(sentence: str, language: str | None) -> str:
    """`language` is the one that is active: what is told in one must not be kept for another."""
    for pattern, told in _patterns():
        if found := pattern.fullmatch(sentence):
            values = {name: _value(name, value) for name, value in found.groupdict().items()}
            return gettext(told).format(**values) if values else gettext(told)
    return sentence


def _value(name: str, value: str) -> str:
    if name in SIZES:
        return filesizeformat(int(value))
    return said(value) if name in NESTED else value


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those without names first: what is known word by word is not guessed."""
    return tuple(sorted(_compiled(), key=lambda one: one[0].groups))


def _compiled() -> Iterator[tuple[re.Pattern[str], str]]:
    for sentence, told in {**dict.fromkeys(SENTENCES), **IN_WORDS_OF_PAGES}.items():
        yield re.compile(NAME.sub(_group, re.escape(sentence)), re.DOTALL), told or sentence


def _group(name: re.Match[str]) -> str:
    value = r"\d+" if name[1] in SIZES else ".+?"
    return f"(?P<{name[1]}>{value})"
