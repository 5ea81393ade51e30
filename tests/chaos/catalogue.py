"""All scenarios by name."""

from tests.chaos import deaths, hosts, outages
from tests.chaos.load import BIG, MERGED, Kind
from tests.chaos.scene import Scenario

FAILED = {"failed"}
HANGS_ONCE = Kind("/times/3/stall/long.mp4")
RESETS = Kind("/times/3/reset/slow/2000000/big.mp4")
TRUNCATES = Kind("/times/3/lies/slow/2000000/big.mp4")
ALWAYS_LIES = Kind("/lies/long.mp4")
FLAKY = Kind("/flaky/2/slow/2000000/big.mp4")
BROKEN = Kind("/status/500")
BAD_ORIGIN = (*[HANGS_ONCE] * 3, *[RESETS] * 4, *[TRUNCATES] * 4, *[FLAKY] * 4, ALWAYS_LIES, BROKEN, *[BIG] * 3)

BOTH = ("sqlite", "postgresql")
PLAIN = [
    Scenario("nothing", deaths.nothing, databases=BOTH),
    Scenario("workers killed", deaths.kill_workers),
    Scenario("children killed", deaths.kill_children),
    Scenario("workers and children killed", deaths.kill_workers_with_children),
    Scenario("ffmpeg killed", deaths.kill_ffmpeg),
    Scenario("cluster killed", deaths.kill_cluster, databases=BOTH),
    Scenario("cluster killed while merging", deaths.kill_cluster_while_merging),
    Scenario("cluster killed, children frozen", deaths.kill_cluster_of_frozen_children, counts_bytes=False),
    Scenario("main process killed", deaths.kill_main),
    Scenario("pool killed", deaths.kill_pool),
    Scenario("idle workers killed", deaths.kill_idle_workers),
    Scenario("a worker killed each second", deaths.kill_again_and_again),
    Scenario("web killed", deaths.kill_web, databases=BOTH),
    Scenario("workers frozen", deaths.freeze_workers, counts_bytes=False, databases=BOTH),
    Scenario("main process frozen", deaths.freeze_main),
    Scenario("paused and cancelled while dying", deaths.pause_and_cancel_while_dying),
    Scenario("deploy", deaths.deploy, databases=BOTH),
    Scenario("database away for 10 s", outages.restart_database, databases=BOTH),
    Scenario("database connections cut", outages.cut_connections),
    Scenario("killed between publishing and recording", outages.kill_between_publishing_and_recording, databases=BOTH),
    Scenario("wake-ups lost", outages.lose_wake_ups, databases=BOTH),
    Scenario("wake-ups doubled", outages.double_wake_ups),
    Scenario("clock set back", outages.set_clock_back, databases=BOTH),
    Scenario("clock set forward", outages.set_clock_forward),
]
PARTICULAR = [
    Scenario(
        "bad origin",
        deaths.nothing,
        mix=BAD_ORIGIN,
        variables={"YTDLP_PROGRESS_TIMEOUT": "4"},
        expected={ALWAYS_LIES: FAILED, BROKEN: FAILED},
        under_way=3,
    ),
    Scenario("disk full", outages.fill_disk, variables={"STORAGE": "small"}, databases=("sqlite",), counts_bytes=False),
    Scenario("a host cut off", hosts.cut_off, variables={"HOSTS": "2"}, counts_bytes=False),
    Scenario("a host's disk lost", hosts.lose_disk, variables={"HOSTS": "2"}, counts_bytes=False),
    Scenario("Redis away for 8 s", outages.stop_redis, variables={"REDIS": "own"}),
]
GROUPS = {"plain": PLAIN, "particular": PARTICULAR}
SCENARIOS = {scenario.name: scenario for scenario in (*PLAIN, *PARTICULAR)}
SHORT = (*[Kind("/slow/2500000/big.mp4")] * 3, MERGED)  # the load of the short form
