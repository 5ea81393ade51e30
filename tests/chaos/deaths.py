"""Acts that kill, freeze or stop processes of the service."""

import os
import signal
import time

from bench.memory import tree
from tests.chaos.load import BIG, wait
from tests.chaos.scene import Scene, together
from tests.chaos.service import GRACE_SECONDS, LEASE_SECONDS, WORKER_READY, children_of, parent
from tests.chaos.units import kill_all

VICTIMS = 3
RESUMED_SECONDS = 5.0


def nothing(scene: Scene) -> None:
    """The control: without it, nobody knows whether the others show anything."""


def kill_workers(scene: Scene) -> None:
    scene.kill(scene.service.busy()[:VICTIMS])


def kill_children(scene: Scene) -> None:
    scene.kill(scene.service.children()[:VICTIMS])


def kill_workers_with_children(scene: Scene) -> None:
    children = scene.service.children()[:VICTIMS]
    scene.kill([pid for child in children for pid in (parent(child), child)])


def kill_idle_workers(scene: Scene) -> None:
    """Two of them: one that dies while it waits for work leaves the queue locked."""
    busy = set(scene.service.busy())
    scene.kill([pid for pid in children_of(scene.service.worker.pid) if pid not in busy][:2])


def kill_ffmpeg(scene: Scene) -> None:
    """The first three that show up, as soon as they do."""
    killed: set[int] = set()
    deadline = time.monotonic() + 30
    while len(killed) < VICTIMS and time.monotonic() < deadline:
        fresh = [pid for pid in scene.service.programs("ffmpeg") if pid not in killed]
        kill_all(fresh)
        killed.update(fresh)
    scene.require(bool(killed), "no ffmpeg was ever seen")


def kill_cluster_while_merging(scene: Scene) -> None:
    """All but ffmpeg itself, which nobody waits for then."""
    scene.wait(lambda: scene.service.programs("ffmpeg"), seconds=30, what="ffmpeg runs")
    scene.kill([*tree(scene.service.worker.pid)])


def kill_cluster(scene: Scene) -> None:
    scene.kill(scene.service.worker_processes())


def kill_cluster_of_frozen_children(scene: Scene) -> None:
    """A stopped process does not hear that its worker died."""
    children = scene.service.children()
    scene.kill(children[:VICTIMS], signal.SIGSTOP)
    scene.kill([pid for pid in scene.service.worker_processes() if pid not in children])


def kill_main(scene: Scene) -> None:
    scene.kill([scene.service.worker.pid])


def kill_pool(scene: Scene) -> None:
    """All processes but the main one."""
    scene.kill(children_of(scene.service.worker.pid))


def kill_web(scene: Scene) -> None:
    """Three times, all of it, while jobs come in: none may be lost, and none taken twice."""

    def submit() -> None:
        for _ in range(10):
            scene.load.submit(scene.service, BIG)

    def kill() -> None:
        for _ in range(3):
            scene.kill(tree(scene.service.web.pid))
            time.sleep(2)

    together(submit, kill)
    scene.service.wait_until_ready()


def kill_again_and_again(scene: Scene) -> None:
    """Some worker each second, whatever it is doing."""
    for _ in range(6):
        scene.kill(scene.service.busy()[:1])
        time.sleep(1)


def freeze_workers(scene: Scene) -> None:
    """Until others have taken over; then they wake, and must find that nothing is theirs any more."""
    frozen = scene.service.busy()[:VICTIMS]
    scene.kill(frozen, signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 8)
    kill_all(frozen, signal.SIGCONT)


def freeze_main(scene: Scene) -> None:
    os.kill(scene.service.worker.pid, signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 4)
    os.kill(scene.service.worker.pid, signal.SIGCONT)


def pause_and_cancel_while_dying(scene: Scene) -> None:
    """What a caller wishes in the moment of a worker's death happens all the same."""
    running = [job for job, state in scene.states().items() if state == "running" and job in scene.load.of(BIG)]
    paused: list[str] = []
    cancelled: list[str] = []

    def pause() -> None:
        for job in running[:VICTIMS]:
            paused.extend([job] if scene.service.call("POST", f"/download/{job}/pause").ok else [])

    def cancel() -> None:
        for job in running[VICTIMS : 2 * VICTIMS]:
            cancelled.extend([job] if scene.service.call("DELETE", f"/download/{job}").ok else [])

    together(pause, cancel, lambda: kill_cluster(scene))
    scene.require(bool(paused) and bool(cancelled), "nothing was paused or cancelled in time")
    scene.expected |= {job: {"cancelled"} for job in cancelled}
    states = scene.service.ledger.states
    wait(lambda: set(states(paused).values()) == {"paused"}, seconds=40, what="what was paused is")
    for job in paused:
        scene.service.call("POST", f"/download/{job}/resume")


def deploy(scene: Scene) -> None:
    """SIGTERM to web and workers, once more for impatience, and a new start of both."""
    attempts = _attempts(scene)
    running = [job for job, state in scene.states().items() if state == "running"]
    took: list[float] = []
    units = (scene.service.worker, scene.service.web)
    for unit in units:
        unit.signal(signal.SIGTERM)
    together(*(lambda unit=unit: took.append(unit.stop()) for unit in units))  # type: ignore[misc]
    scene.require(max(took) <= GRACE_SECONDS + 1, f"the stop took {max(took):.1f} s")
    held = scene.service.ledger.rows("SELECT count(*) FROM jobs_job WHERE lease_owner <> ''")[0][0]
    scene.require(not held, f"{held} leases were not released")
    scene.require(_attempts(scene) <= attempts, "the stop was counted as an attempt")
    kept = [job for job in running if list((scene.service.storage / "work" / job).glob("*"))]
    scene.require(len(kept) >= len(running) // 2, f"of {len(running)} jobs, {len(kept)} kept what they had")
    for unit in units:
        unit.again()
    ready = scene.service.log().count(WORKER_READY) + 1
    wait(lambda: scene.service.log().count(WORKER_READY) >= ready, seconds=90, what="the new worker is ready")
    begun = time.monotonic()
    running_again = "SELECT count(*) FROM jobs_job WHERE state = 'running' AND downloaded_bytes > 0"
    wait(lambda: scene.service.ledger.rows(running_again)[0][0], seconds=60, what="downloads go on")
    took_again = time.monotonic() - begun
    scene.require(took_again <= RESUMED_SECONDS, f"downloads went on {took_again:.1f} s after the worker was ready")
    scene.service.wait_until_ready()


def _attempts(scene: Scene) -> int:
    return int(
        scene.service.ledger.rows("SELECT coalesce(sum(attempts), 0) FROM jobs_job WHERE state <> 'completed'")[0][0]
    )
