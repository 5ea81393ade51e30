"""What crosses the border between child and supervisor arrives as it left."""

import os

import pytest

from jobs.engine import acceptance, messages
from jobs.engine.contract import Failure, FailureCode, LogLine, Phase, Progress
from jobs.engine.messages import Chosen, Denial, Message, Sender


@pytest.mark.parametrize(
    "message",
    [
        Progress(phase=Phase.DOWNLOADING, percent=1.5, downloaded_bytes=1),
        LogLine(level="info", text="line\nbreak \N{SNOWMAN}"),
        Chosen(format_id="137+140"),
        Denial(target="127.0.0.1 port 1"),
    ],
)
def test_messages_are_one_line_and_come_back_equal(message: Message) -> None:
    line = messages.encode(message)

    assert line.count(b"\n") == 1
    assert messages.decode(line) == message


def test_failures_come_back_equal() -> None:
    failure = Failure(code=FailureCode.NETWORK, message="m", detail="d", is_retryable=True)

    assert acceptance.failure(messages.failure_to_json(failure)) == failure


def test_a_full_pipe_loses_progress_but_nothing_else() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    sender = Sender(writing)
    filler = LogLine(level="info", text="x" * 2000)
    for _ in range(60):  # more than a pipe holds
        sender.send(filler)

    sender.send(Progress(phase=Phase.DOWNLOADING, percent=50.0), may_be_lost=True)
    sender.send(Progress(phase=Phase.MERGING))
    received = b""
    while b"merging" not in received:
        received += os.read(reading, 1 << 20)
        sender.flush(timeout_seconds=0.01)

    decoded = [messages.decode(line) for line in received.splitlines()]
    assert decoded == [filler] * 60 + [Progress(phase=Phase.MERGING)]
    os.close(reading)
    sender.send(filler)  # nobody reads: no error
    os.close(writing)
