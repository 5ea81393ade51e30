"""The rows of the table, one module each: `measure` starts a service of its own and yields the row's figures."""

from collections.abc import Callable, Mapping

from bench.figures import Figure
from bench.rows import burst, large, latency, memory, serving, single, throttled, walls
from bench.workbench import Workbench

ROWS: Mapping[str, Callable[[Workbench], list[Figure]]] = {
    "a": single.measure,
    "b": burst.measure,
    "c": throttled.measure,
    "d": large.measure,
    "e": serving.measure,
    "f": latency.measure,
    "g": memory.measure,
    "h": walls.measure,
}
