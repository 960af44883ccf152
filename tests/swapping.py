"""Code of functions exchanged at random, as tiers do it, but in this process and whenever it is asked for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.compiling.tiers.loops import EnteredLoop, entered_loop
from wasmer_runtime_core.compiling.tiers.serve import Catcher
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.native.machine import Code
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.preparing import prepared

BACKENDS: Final = ("singlepass", "cranelift")


class Swapped:
    """A module whose functions get other code when `swap` is called.

    Attributes:
        module: to be instantiated.
        swaps: how often code was exchanged.
        entered: how many heads of loops there are where calls go on in other code.
    """

    def __init__(self, binary: bytes, seed: int, backends: Sequence[str] = BACKENDS) -> None:
        self.module: Module = compile_with(binary, find_compiler("singlepass"), tiers=backends)
        self.count = len(self.module.info.functions) - self.module.info.imported_functions
        self.swaps = self.entered = 0
        self._random = random.Random(seed)
        self._binary = binary
        self._backends = backends
        self._functions: dict[str, Any] = {}
        self._loops: dict[int, list[EnteredLoop]] = {}
        self._made: dict[tuple[int, str], tuple[Any, ...]] = {}

    def code_of(self, number: int, backend: str) -> tuple[Any, ...]:
        """What `Code.replace` takes for a function, made when it is first asked for."""
        if (number, backend) not in self._made:
            catcher = Catcher()
            self._functions_of(backend).compile_function(catcher, number)
            self._made[number, backend] = catcher.code
        return self._made[number, backend]

    def _functions_of(self, backend: str) -> Any:
        if backend not in self._functions:
            compilation = Compilation(self._binary, find_compiler(backend), lazy=True)
            self._functions[backend] = run(compilation).functions
        return self._functions[backend]

    def loops_of(self, number: int) -> list[EnteredLoop]:
        """Code that goes on at the heads of a function's loops, as far as they can be entered."""
        if number not in self._loops:
            self._loops[number] = []
            old = self._functions_of("singlepass")
            noted = old.begin().loops(old.body(number))
            heads = {loop.start: loop for loop in (() if noted is None else noted.loops)}
            for loop in heads.values():
                try:
                    found = entered_loop(old, self._functions_of("cranelift"), number, loop.start)
                except CompileError:
                    continue
                assert found.is_of(self._code().read_function(number))
                self._loops[number].append(found)
        return self._loops[number]

    def enter(self, times: int = 1) -> None:
        """Let calls go on in other code at the heads of some loops."""
        for _ in range(times if self.count else 0):
            number = self._random.randrange(self.count)
            loops = self.loops_of(number)
            if loops:
                self.entered += self._code().enter_at_loop(number, *self._random.choice(loops).arguments)

    def _code(self) -> Code:
        return prepared(self.module).plan.code

    def make_all(self) -> None:
        """Compile everything, so that handlers of signals have little to do."""
        for number in range(self.count):
            self.loops_of(number)
            for backend in self._backends:
                self.code_of(number, backend)

    def swap(self, times: int = 1) -> None:
        """Exchange the code of some functions."""
        for _ in range(times if self.count else 0):
            found = self.code_of(self._random.randrange(self.count), self._random.choice(self._backends))
            self._code().replace(*found)
            self.swaps += 1
