import os
import threading

from rest_framework.test import APIClient

from media_api.traffic import SECONDS, Traffic, traffic


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_requests_are_counted_for_a_minute() -> None:
    clock = Clock()
    counted = Traffic(clock)
    counted.count()
    counted.count()

    clock.now += SECONDS - 1
    assert counted.last_minute() == 2
    counted.count()
    assert counted.last_minute() == 3

    clock.now += 1
    assert counted.last_minute() == 1


def test_threads_and_forked_processes_count_into_the_same_minute() -> None:
    counted = Traffic(Clock())

    def many() -> None:
        for _ in range(500):
            counted.count()

    child = os.fork()
    if child == 0:
        many()
        os._exit(0)
    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.waitpid(child, 0)[1] == 0

    assert counted.last_minute() == 5 * 500


def test_every_request_is_counted(anonymous: APIClient, db: None) -> None:
    before = traffic.last_minute()

    anonymous.get("/api/v1/health")
    anonymous.get("/nowhere")

    assert traffic.last_minute() >= before + 2
