"""The machinery of the simulation: time that jumps, processes that are killed and hang, calls that break."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.kernel import Kernel, Process, Spinning
from tests.simulation.network import Cut, Network
from tests.simulation.setting import EPOCH


def a_kernel(seed: int = 1) -> Kernel:
    return Kernel(seed, EPOCH)


async def test_time_jumps_to_what_is_due_next_under_a_loop_of_asyncio_too() -> None:
    """Tests run in a loop of their own; a kernel is driven from anywhere."""
    kernel = a_kernel()
    seen: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(kernel.now / 1e6)

    async def all_of_them() -> None:
        await asyncio.gather(sleep(86_400.0), sleep(0.5), sleep(60.0))

    await asyncio.to_thread(lambda: kernel.run(kernel.process("main"), all_of_them()))
    assert seen == [0.5, 60.0, 86_400.0]


def test_what_asyncio_promises_holds_within_a_process() -> None:
    kernel = a_kernel()
    order: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_soon(order.append, number)
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        assert await asyncio.to_thread(lambda: 42) == 42

    kernel.run(kernel.process("main"), main())
    assert order == list(range(20))
    assert kernel.now == 5_000_000


def interleaved(seed: int) -> list[str]:
    """Two processes that count, and a third that waits for both."""
    kernel, order = a_kernel(seed), list[str]()

    async def count(name: str) -> None:
        for number in range(10):
            order.append(f"{name}{number}")
            await asyncio.sleep(0)

    async def main() -> None:
        for name in "ab":
            kernel.process(name).create_task(count(name))
        await asyncio.sleep(1)

    kernel.run(kernel.process("main"), main())
    return order


def test_which_process_goes_next_is_drawn_and_each_keeps_its_own_order() -> None:
    runs = {tuple(interleaved(seed)) for seed in range(5)}
    assert len(runs) == 5
    for run in runs:
        assert [step for step in run if step[0] == "a"] == [f"a{n}" for n in range(10)]
    assert interleaved(3) == interleaved(3)


def test_a_killed_process_does_nothing_more_not_even_what_stands_in_finally() -> None:
    kernel, done = a_kernel(), list[str]()
    victim = kernel.process("victim")

    async def work() -> None:
        try:
            await asyncio.sleep(2)
            done.append("slept")
        finally:
            done.append("finally")

    async def main() -> None:
        victim.create_task(work())
        await asyncio.sleep(1)
        victim.kill()
        await asyncio.sleep(5)

    kernel.run(kernel.process("main"), main())
    assert done == []
    assert kernel.faults == []
    kernel.end()


def test_a_hung_process_finds_all_its_timers_due_when_it_wakes() -> None:
    kernel, woke = a_kernel(), list[float]()
    sleeper = kernel.process("sleeper")

    async def nap(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woke.append(kernel.now / 1e6)

    async def main() -> None:
        for seconds in (1, 2, 50):
            sleeper.create_task(nap(seconds))
        await asyncio.sleep(0.5)
        sleeper.hang(29.5)
        await asyncio.sleep(60)

    kernel.run(kernel.process("main"), main())
    assert woke == [30, 30, 50]


def test_an_exception_that_nobody_awaits_is_a_fault_of_the_run() -> None:
    kernel = a_kernel()

    async def stumble() -> None:
        raise ValueError("nobody looks")

    async def main() -> None:
        asyncio.get_running_loop().create_task(stumble())
        await asyncio.sleep(1)

    kernel.run(kernel.process("main"), main())
    assert any("nobody looks" in fault for fault in kernel.faults)


@pytest.mark.slow
def test_what_runs_without_time_passing_is_found() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110 - it is what must be found
            await asyncio.sleep(0)

    kernel = a_kernel()
    with pytest.raises(Spinning, match="runs without time passing"):
        kernel.run(kernel.process("main"), spin())
    kernel.end()


class Answering:
    """A server that says what it did."""

    def __init__(self, kernel: Kernel) -> None:
        self.process: Process = kernel.process("server")
        self.served = 0

    async def serve(self) -> str:
        self.served += 1
        await asyncio.sleep(1)
        return "done"


def test_a_call_takes_time_and_brings_back_what_was_said() -> None:
    kernel = a_kernel()
    network, server = Network(kernel), Answering(kernel)

    async def main() -> str:
        return await network.call(server.process, server.serve)

    assert kernel.run(kernel.process("main"), main()) == "done"
    assert kernel.now > 1_000_000


@pytest.mark.parametrize(("lost", "unanswered", "served"), [(1.0, 0.0, 0), (0.0, 1.0, 1)])
def test_a_call_that_is_lost_was_served_or_not(lost: float, unanswered: float, served: int) -> None:
    kernel = a_kernel()
    network, server = Network(kernel), Answering(kernel)
    network.weather.lost, network.weather.unanswered = lost, unanswered

    async def main() -> None:
        with pytest.raises(Cut):
            await network.call(server.process, server.serve)

    kernel.run(kernel.process("main"), main())
    assert server.served == served


def test_a_call_breaks_when_its_server_dies_or_is_dead() -> None:
    kernel = a_kernel()
    network, server = Network(kernel), Answering(kernel)

    async def main() -> None:
        kernel.after(0.5, server.process.kill)
        for _ in range(2):
            with pytest.raises(Cut):
                await network.call(server.process, server.serve)

    kernel.run(kernel.process("main"), main())
    assert server.served == 1
    kernel.end()
