"""The simulated computer room: virtual time, and processes whose every step is chosen by one seed.

A :class:`Process` is an asyncio event loop of its own. Within a process callbacks run in the order in which they were
scheduled, as asyncio promises; which process takes the next step is drawn, because real ones run side by side. Time
stands still while anything can run and then jumps to the next timer. A process can be killed between any two callbacks
(nothing of it runs any more, no ``finally`` either), and hung (it wakes later and finds all its timers due at once).

Nothing here reads a real clock, a thread or the operating system's randomness, so a seed is a whole run.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import inspect
import random
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from connectors.contract import Micros

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SECOND = 1_000_000

SPIN = 200_000
"""Steps without any time passing after which a run is taken to spin."""


class Spinning(AssertionError):
    """Something runs for ever without time passing."""


class Kernel:
    """Time, the processes, and what is due. ``epoch`` is the moment at which virtual time begins."""

    def __init__(self, seed: int, epoch: Micros) -> None:
        self.draw = random.Random(seed)
        self.epoch = epoch
        self.now = 0
        self.steps = 0
        self.notes: deque[str] = deque(maxlen=4000)
        self.faults: list[str] = []
        self._digest = hashlib.blake2b(digest_size=16)
        self._heap: list[tuple[int, float, int, Callable[[], None]]] = []
        self._count = 0
        self._able: list[Process] = []
        self._all: list[Process] = []
        self._still = 0

    def process(self, name: str) -> Process:
        """A new process; it runs what is given to it."""
        made = Process(self, name)  # type: ignore[abstract]  # what sockets need is never called
        self._all.append(made)
        return made

    def note(self, text: str) -> None:
        """Tell what happens: part of the run's hash, and the end of it is shown when the run fails."""
        line = f"{self.now / SECOND:12.6f} {text}"
        self.notes.append(line)
        self._digest.update(line.encode())

    def fault(self, text: str) -> None:
        """Something that must never happen in any process."""
        self.note(f"FAULT {text}")
        self.faults.append(text)

    @property
    def digest(self) -> str:
        """What happened so far, as a hash: two runs of a seed agree step by step."""
        return self._digest.hexdigest()

    def after(self, delay: float, act: Callable[[], None]) -> None:
        """Have ``act`` happen in ``delay`` seconds, whatever becomes of any process. Ties are drawn."""
        self.at(self.now + max(0, round(delay * SECOND)), act)

    def at(self, when: int, act: Callable[[], None]) -> None:
        """Have ``act`` happen at ``when`` (microseconds since the epoch), never before now."""
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), self.draw.random(), self._count, act))

    def able(self, process: Process) -> None:
        """A process has something to run."""
        self._able.append(process)

    def run(self, main: Process, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run everything until a coroutine of ``main`` is done; returns what it returned."""
        task = main.create_task(coroutine)
        while not task.done():
            self.step()
        return task.result()

    def end(self) -> None:
        """Kill what still runs and bury everything. Coroutines that never began are closed, or Python would warn."""
        for process in self._all:
            process.kill()
            process.bury()

    def step(self) -> None:
        """One callback of one process, or one jump to the next moment at which something is due."""
        if self._able:
            self._run_one()
        elif self._heap:
            self._jump()
        else:
            raise Spinning("nothing is due any more, and the run is not over")

    def _run_one(self) -> None:
        able = self._able
        place = int(self.draw.random() * len(able)) if len(able) > 1 else 0
        process = able[place]
        if not process.ready():
            able[place] = able[-1]
            able.pop()
            process.waits = True
            return
        self.steps += 1
        self._still += 1
        if self._still > SPIN:
            raise Spinning(f"{process.name} runs without time passing: {process.next_up()}")
        self._digest.update(b"%d:%d" % (process.number, self.now))
        process.run_next()

    def _jump(self) -> None:
        when, _, _, act = heapq.heappop(self._heap)
        if when > self.now:
            self.now = when
            self._still = 0
        act()


class Process(asyncio.AbstractEventLoop):
    """One process: an event loop that the kernel drives. ``alive`` until :meth:`kill`."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        self.kernel = kernel
        self.name = name
        self.number = kernel.draw.getrandbits(32)
        self.alive = True
        self.hung = False
        self.waits = True
        self.on_kill: list[Callable[[], None]] = []
        self._queue: deque[asyncio.Handle] = deque()
        self._grave: list[asyncio.Task[Any]] = []

    # --- what the kernel does ------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Whether it can take a step."""
        return bool(self._queue) and not self.hung

    def next_up(self) -> str:
        """What would run next."""
        return repr(self._queue[0]) if self._queue else "nothing"

    def run_next(self) -> None:
        """Take one step."""
        handle = self._queue.popleft()
        if handle.cancelled():
            return
        asyncio._set_running_loop(self)
        try:
            handle._run()
        finally:
            asyncio._set_running_loop(None)

    def kill(self) -> None:
        """End it as SIGKILL does: nothing of it runs any more. What it had in hand is kept, so that no ``finally`` of
        it runs by being forgotten."""
        if not self.alive:
            return
        self.alive = False
        self._grave.extend(asyncio.all_tasks(self))
        self._queue.clear()
        for tell in self.on_kill:
            tell()
        self.on_kill.clear()

    def bury(self) -> None:
        """Let go of what it had in hand when it died; the run is over."""
        for task in self._grave:
            coroutine = task.get_coro()
            if (
                inspect.iscoroutine(coroutine)
                and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            ):
                coroutine.close()
        self._grave.clear()

    def hang(self, seconds: float) -> None:
        """Let it stand still, as a virtual machine that is moved or swaps."""
        self.hung = True
        self.kernel.after(seconds, self._wake)

    def _wake(self) -> None:
        self.hung = False
        self._tell_able()

    def _tell_able(self) -> None:
        if self.waits and self.ready():
            self.waits = False
            self.kernel.able(self)

    def _add(self, handle: asyncio.Handle) -> None:
        if self.alive:
            self._queue.append(handle)
            self._tell_able()

    # --- what asyncio asks for -----------------------------------------------------------------------------------

    def time(self) -> float:
        return self.kernel.now / SECOND

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._add(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.kernel.at(round(when * SECOND), lambda: None if handle.cancelled() else self._add(handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio tells; a cancelled timer is passed over when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Threads would be the machine's choice: here they are over at once."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self.alive

    def is_closed(self) -> bool:
        return not self.alive

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An exception that nobody awaited is a fault, unless its process is dead."""
        if self.alive:
            self.kernel.fault(f"{self.name}: {context.get('message')}: {context.get('exception')!r}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)


class SimClock:
    """See :class:`connectors.contract.Clock`. ``skew`` in microseconds is how wrong the process's wall clock goes."""

    def __init__(self, kernel: Kernel, skew: int = 0) -> None:
        self._kernel = kernel
        self.skew = skew

    def now(self) -> Micros:
        """Microseconds UTC, as this process believes."""
        return Micros(self._kernel.epoch + self._kernel.now + self.skew)

    def monotonic(self) -> float:
        """Seconds of virtual time."""
        return self._kernel.now / SECOND

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
        await asyncio.sleep(seconds)
