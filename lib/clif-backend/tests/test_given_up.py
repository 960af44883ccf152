"""A function that is given up in the middle of its compilation leaves nothing to the functions behind it.

It is compiled again with its locals in memory (`effort`), by the same compilation. So wherever it was given up, the
code of the module is what it is when every function has a compilation of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.differential.generate import Program
from wasmer_clif_backend import effort
from wasmer_clif_backend.compiler import CraneliftCompiler, CraneliftParts
from wasmer_clif_backend.effort import PER_OPERATOR, UNBOUNDED, Effort, TooMuchEffort
from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.errors import ImplementationLimitError
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.wasm.body.body import Body

interpreted = pytest.mark.skipif(not effort.__file__.endswith(".py"), reason="takes the place of a compiled method")


class Counting:
    """In the place of `Effort.spend` and `Effort.grow`: raises the n-th time that one of them is called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.raise_at = 0
        for name, kind in (("spend", TooMuchEffort), ("grow", ImplementationLimitError)):
            monkeypatch.setattr(Effort, name, self._instead(getattr(Effort, name), kind))

    def _instead(self, call: Callable[[Effort, int], None], kind: type[Exception]) -> Callable[[Effort, int], None]:
        def counted(effort: Effort, number: int) -> None:
            if effort.most != UNBOUNDED:
                self.calls += 1
                if self.calls == self.raise_at:
                    raise kind("enough")
            call(effort, number)

        return counted

    def begin(self, raise_at: int) -> None:
        """Count from here on."""
        self.calls = 0
        self.raise_at = raise_at


def apart(compilation: Compilation) -> tuple[bytes, bytes]:
    """Code and sites of a module whose functions are compiled each by a compilation of its own."""
    limit = CodeLimit(ImplementationLimits({}), compilation.bodies)
    encoder = ModuleEncoder(len(compilation.bodies) + len(VMCALLS))
    for body in compilation.bodies:
        given_up: list[Body] = []
        limit.begin(body)
        one = CraneliftParts(compilation.info, CompilerConfig(), limit, False, False, PER_OPERATOR)
        one.tell = given_up.append  # type: ignore[method-assign]
        written = one.records(body)
        if given_up:
            written = CraneliftParts(compilation.info, CompilerConfig(), limit, False, True, PER_OPERATOR).records(body)
        encoder.function(*written)
    encoded = encoder.finish()
    return encoded.code, encoded.sites


@interpreted
@pytest.mark.filterwarnings("ignore::wasmer_clif_backend.notices.CraneliftWarning")
@pytest.mark.parametrize("seed", (3, 5, 11))
def test_wherever_a_function_is_given_up(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    compilation = run(Compilation(Program(seed, 4).text, CraneliftCompiler(prove=False)))
    places = range(1, counting.calls + 1)
    for place in random.Random(seed).sample(places, min(30, len(places))):
        counting.begin(place)
        together = run(Compilation(compilation.binary, CraneliftCompiler(prove=False))).compiled
        counting.begin(place)
        assert (together.code, together.sites) == apart(compilation), f"given up at call {place}"
