"""One module in tiers: which of its functions run often, and what is asked for them.

Tier 0 is the module as singlepass compiled it, whole. The C part finds out which functions run
(`native/system/ticks.c`) and tells `tick`, between two instructions of the module's code: all that is decided here is
decided there. So it happens in whichever thread runs, with the GIL, and never while nothing runs. What starts a process
is imported when one is wanted, which programs of less than half a second never come to.
"""

from __future__ import annotations

from wasmer_runtime_core.compiling.tiers.owner import FUNCTION, WHOLE, Owner
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wasmer_runtime_core.compiling.tiers.background import Background
    from wasmer_runtime_core.compiling.tiers.loops import EnteredLoop
    from wasmer_runtime_core.compiling.tiers.owner import Job, WholeModules
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.native.machine import Code

FIRST_TICKS: Final = 50
"""Of 10 ms of processor time: a module that has not had so many is left alone."""
NEXT_TICKS: Final = 5
"""Between two looks, from then on."""
HOT_TICKS: Final = 3
"""A function that so many ticks found running is hot."""
WHOLE_TICKS: Final = 100
"""A module that has had so many is compiled as a whole, for its last tier and for who runs it again."""
STUCK_LOOKS: Final = 2
"""A function whose old code so many looks in a row found running, although it has better code, is in a loop."""
MOST_LOOPS: Final = 8
"""Of a function, which are asked for."""
NO_MORE_TICKS: Final = 1 << 60
AGAIN_SECONDS: Final = 0.1
"""Who waits looks again after so long: another thread may have taken the answer."""


class Tiered(Owner):
    """The functions of a module, by their tier; numbers are among those that the module defines.

    Attributes:
        ran: for each function, the backend whose code is called, where that is not tier 0's or `last`.
        last: the backend whose code of the whole module is called, but for what is in `ran`; "": none.
        entered: number of a function, and where in its code the head of a loop is at which calls go on in better code.
        checked_memories: those that tier 0's code compares with their length (`contract.backend.CompiledModule`).
        failed: for each function, or `WHOLE`, why a backend could not compile it.
        broken: what went wrong in the background, since when code stays as it is; "": nothing.
    """

    def __init__(
        self,
        binary: bytes,
        config: CompilerConfig,
        backends: Sequence[str],
        whole: Callable[[], WholeModules] | None = None,
    ) -> None:
        """`backends`: the tiers above the first, ascending; `whole`: gives who has the last."""
        super().__init__(binary, config, whole)
        self.ran: Final[dict[int, str]] = {}
        self.failed: Final[dict[int, str]] = {}
        self.last = ""
        self.checked_memories: tuple[int, ...] = ()
        self.broken = ""
        self._looked = False
        self._backends: Final = tuple(backends)
        self._hits: Final[dict[int, int]] = {}
        self._generation = 0
        self._asked: set[Job] = set()
        self._answered: Final[set[Job]] = set()
        self._stuck: dict[int, int] = {}
        self.entered: Final[list[tuple[int, int]]] = []

    def tick(self, code: Code) -> int:
        """Look at what ran and at what has come; ticks until the next time.

        Nothing that goes wrong in the background ends the program, which would get on without.
        """
        stuck = {}
        for number, hits, offset in code.hits():
            self._hits[number] = self._hits.get(number, 0) + hits
            if offset >= 0:
                stuck[number] = offset
        missing = FIRST_TICKS - sum(self._hits.values())
        if missing > 0:
            return missing
        try:
            if not self._looked:
                self._looked = True
                self._look_for_whole(code)
            self._ask_for_loops(stuck)
            if sum(self._hits.values()) >= WHOLE_TICKS:
                self.ask_for_whole()
            hot = () if self.last else [number for number, hits in self._hits.items() if hits >= HOT_TICKS]
            self.look(code, hot)
        except Exception as failure:
            if raised_by_a_handler(failure):
                raise
            self.broken = f"{type(failure).__name__}: {failure}"
            return NO_MORE_TICKS
        return NEXT_TICKS

    def of(self, number: int) -> str | None:
        """The backend whose code of a function is called; None: tier 0's."""
        return self.last or self.ran.get(number)

    def ask_for_whole(self) -> None:
        """Let the module be compiled as a whole, if that is done and was not asked for."""
        backend = "" if self.whole is None or self._whole_is_asked() else self.whole.backend(self.binary)
        if backend:
            self._ask((WHOLE, backend, FUNCTION))

    def ask_for_loop(self, number: int, offset: int) -> None:
        """Let calls of a function go on in better code, at the head of the loop where its old code was found."""
        self._ask((number, self._backends[-1], offset))

    def _ask_for_loops(self, stuck: dict[int, int]) -> None:
        """Functions whose old code runs although they have better code are in a loop, if that goes on."""
        self._stuck = {number: self._stuck.get(number, 0) + 1 for number in stuck}
        for number, looks in self._stuck.items():
            if looks >= STUCK_LOOKS:
                self._stuck[number] = 0
                loops = {job for job in self._asked if job[0] == number and job[2] != FUNCTION}
                if len(loops) < MOST_LOOPS and loops <= self._answered:
                    self.ask_for_loop(number, stuck[number])

    def _ask(self, job: Job) -> None:
        background = self._background()
        if job not in self._asked:
            background.ask(self, job)
            self._asked.add(job)

    def _whole_is_asked(self) -> bool:
        self._background()
        return any(number == WHOLE for number, *_ in self._asked)

    def _look_for_whole(self, code: Code) -> None:
        """What was compiled as a whole before, by whatever program, is taken."""
        found = None if self.whole is None else self.whole.found(self.binary, self.config)
        if found is not None:
            self._overtake(code, found)

    def _overtake(self, code: Code, found: Any) -> None:
        """Let a whole module in place of this one's code. What it leaves unchecked has to be guarded."""
        if set(self.checked_memories).issubset(found.checked_memories):
            code.overtake(found.code)
            self.ran.clear()
            self.last = found.backend

    def look(self, code: Code, hot: Iterable[int] = ()) -> None:
        """Let functions be compiled for the tiers that they have not reached, and publish what has come."""
        background = self._background()
        try:
            for number in hot:
                for backend in self._backends:
                    self._ask((number, backend, FUNCTION))
            background.take_answers()
            while self.come:
                self._take(code, *self.come.pop(0))
        except BaseException:
            background.generation += 1
            raise

    def _take(self, code: Code, number: int, backend: str, offset: int, done: bool, found: Any) -> None:
        before = self.ran.get(number)
        if not done:
            self.failed[number] = found
        elif offset != FUNCTION:
            self._enter(code, number, found)
        elif number == WHOLE and self.whole is not None:
            try:
                self._overtake(code, self.whole.load(found))
            except CacheError as failure:
                self.failed[number] = str(failure)
        elif self.last:
            pass
        elif before is None or self._backends.index(backend) > self._backends.index(before):
            code.replace(*found)
            self.ran[number] = backend
        self._answered.add((number, backend, offset))

    def _enter(self, code: Code, number: int, found: EnteredLoop) -> None:
        if not found.is_of(code.read_function(number)):
            self.failed[number] = "the code that runs is not what was compiled in the background"
        elif code.enter_at_loop(number, *found.arguments):
            self.entered.append((number, found.arguments[0]))

    def wait(self, code: Code, numbers: Iterable[int] = ()) -> None:
        """Let these functions be compiled, too; wait until all that was asked for is there, and publish it.

        Raises:
            Timeout, Cancelled, Exception: as `running.interrupts.wait`.
        """
        wanted = list(numbers)
        if not wanted and not self._asked:
            return
        from select import POLLIN

        from wasmer_runtime_core.native.machine import wait

        background = self._background()
        while True:
            self.look(code, wanted)
            descriptor = -1 if background.socket is None else background.socket.fileno()
            if descriptor < 0 or self._answered >= self._asked:
                return
            wait([(descriptor, POLLIN)], AGAIN_SECONDS)

    def _background(self) -> Background:
        from wasmer_runtime_core.compiling.tiers.background import BACKGROUND

        if self._generation != BACKGROUND.generation:  # what was asked of another process, perhaps before a fork
            self._generation = BACKGROUND.generation
            self._asked &= self._answered
        return BACKGROUND
