"""The receivers of docs/webhooks.md: what the service signs is genuine to them, and nothing else is. Python's is tested
with the signing itself.
"""

import json
import shutil
import time
from pathlib import Path

import pytest

from jobs.webhooks import signing
from tests.docs.blocks import program, run

CHECK = """
const secret = process.env.SECRET, headers = JSON.parse(process.env.HEADERS), body = Buffer.from(process.env.BODY);
const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
console.log([isGenuine, isGenuineToOlderReceivers].map((check) => [
  check(secret, lower, body), check(secret, lower, Buffer.from("{}")), check(process.env.OTHER, lower, body),
].join()).join(" "));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_documented_receiver_in_node_tells_genuine_messages_from_others(tmp_path: Path) -> None:
    secret, body = signing.new_secret(), '{"event":"download.started"}'
    headers = signing.headers(secret, message_id="msg_1", at=int(time.time()), body=body.encode())

    done = run(
        tmp_path,
        "js",
        program("webhooks.md", "js") + CHECK,
        SECRET=secret,
        OTHER=signing.new_secret(),
        HEADERS=json.dumps(headers),
        BODY=body,
    )

    assert done.stdout.strip() == "true,false,false true,false,false", done.stderr
