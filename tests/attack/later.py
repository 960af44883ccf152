"""Code that comes later, or is exchanged, while modules go, processes are killed, signals come and children call.

    python -m tests.attack.later --seed 7 --seconds 20

Two threads make modules lazily, in tiers and at once, call them, store and let go of them. What the background compiles
is asked for as if it were hot, and its process is killed or stopped now and then. Whatever happens, a call ends as it
does where all was compiled at once.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from collections import Counter
from typing import Any, Final

from tests.attack import storms
from wasmer_runtime import CompilerConfig, Module, compile, timeout
from wasmer_runtime.error import RuntimeError as Refused
from wasmer_runtime.error import Timeout, Trap
from wasmer_runtime_core.compiling.tiers.background import BACKGROUND
from wasmer_runtime_core.compiling.tiers.owner import FUNCTION
from wasmer_runtime_core.running.preparing import prepared

FUNCTIONS: Final = 24
INPUTS: Final = (-9, -1, 0, 1, 2, 9)


def _body(at: int) -> str:
    less = "(i32.sub (local.get 0) (i32.const 1))"
    if at % 3:
        call = f"(call $f{(at * 5 + 3) % FUNCTIONS} {less})"
    else:
        call = f"(call_indirect (type $f) {less} (i32.const {(at * 7 + 2) % FUNCTIONS}))"
    return f"""(func $f{at} (export "f{at}") (type $f) (local i64)
      (local.set 1 (i64.extend_i32_u (call $host (local.get 0))))
      (if (result i32) (i32.le_s (local.get 0) (i32.const 0))
        (then (i32.div_u (i32.const {7 * at}) (i32.sub (local.get 0) (i32.const -{at % 5}))))
        (else (i32.add (i32.const {at}) {call}))))"""


TEXT: Final = f"""(module
  (import "e" "host" (func $host (param i32) (result i32)))
  (type $f (func (param i32) (result i32)))
  (table funcref (elem {" ".join(f"$f{at}" for at in range(FUNCTIONS))}))
  (export "unused" (func $host))
  {" ".join(map(_body, range(FUNCTIONS)))})"""


def outcome(call: Any, *args: int) -> Any:
    """What a call answers, or its trap."""
    try:
        return call(*args)
    except Trap as trap:
        return str(trap.kind)


class World(storms.World):
    """Modules, instances of theirs, and what their functions answer."""

    def __init__(self, seed: int, right: dict[tuple[int, int], Any]) -> None:
        super().__init__(seed)
        self.right = right
        self.depth = 0
        self.modules: list[Module] = []
        self.instances: list[Any] = []

    def host(self, given: int) -> int:
        if self.depth < 2 and self.chance.random() < 0.05:
            self.depth += 1
            try:
                self.act()
            finally:
                self.depth -= 1
        return given

    def act(self) -> None:
        """One thing of many."""
        how = self.chance.randrange(10)
        if how == 0 or not self.modules:
            kind = self.chance.choice(({"lazy": True}, {"tiers": True}, {}))
            backend = "singlepass" if "tiers" in kind else self.chance.choice(("singlepass", "cranelift"))
            config = CompilerConfig(release_gil=self.chance.random() < 0.5)
            made = compile(TEXT, **kind, config=config) if "tiers" in kind else compile(TEXT, backend, config, **kind)
            self.modules.append(made)
        elif how == 1 or not self.instances:
            self.instances.append(self.chance.choice(self.modules).instantiate({"e": {"host": self.host}}))
        elif how == 2 and len(self.modules) > 3:
            del self.modules[self.chance.randrange(len(self.modules))]
        elif how == 3 and len(self.instances) > 3:
            instance = self.instances.pop(self.chance.randrange(len(self.instances)))
            if self.chance.random() < 0.5:
                instance.close()
        elif how == 4:
            self.modules.append(pickle.loads(pickle.dumps(self.chance.choice(self.modules))))
        elif how == 5:
            module = self.chance.choice(self.modules)
            if module.tiers is not None:
                for _ in range(self.chance.randrange(30)):
                    BACKGROUND.ask(module.tiers, (self.chance.randrange(FUNCTIONS), "cranelift", FUNCTION))
        elif how == 6 and self.chance.random() < 0.05:
            process = BACKGROUND._process
            if process is not None and self.chance.random() < 0.5:
                process.kill()
            else:
                BACKGROUND.stop()
            BACKGROUND.broken = ""
        elif how == 7 and self.chance.random() < 0.05 and not self.depth:
            self.fork()
        elif how == 8 and self.chance.random() < 0.2:
            gc.collect()
        else:
            instance = self.chance.choice(self.instances)
            tiers = instance.module.tiers
            if tiers is not None and self.chance.random() < 0.5:
                tiers.look(prepared(instance.module).plan.code)
            self.check(instance)
        del self.modules[:-8], self.instances[:-8]

    def check(self, instance: Any) -> None:
        at, depth = self.chance.choice(list(self.right))
        try:
            export = instance.exports[f"f{at}"]
        except ValueError as closed:  # by a handler, since it was chosen
            assert str(closed) == "the instance is closed" and instance not in self.instances, closed
            self.ends["closed in between"] += 1
            return
        found = outcome(export, depth)
        assert found == self.right[at, depth], (at, depth, found, self.right[at, depth])

    def fork(self) -> None:
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0, "a child failed"
            self.ends["children"] += 1
            return
        code = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for instance in self.instances:
                self.check(instance)
            code = 0
        except (Timeout, Refused, KeyError):  # of the parent's deadline, or of a handler
            code = 0
        finally:
            os._exit(code)

    def call(self) -> None:
        try:
            with timeout(self.chance.choice((0.0005, 0.01, 5.0, 5.0))):
                self.act()
            self.ends["done"] += 1
        except Timeout:
            self.ends["timeout"] += 1
        except Refused as refused:
            self.ends[str(refused)[:40]] += 1
        except KeyError:
            self.ends["handler"] += 1


def storm(seed: int, seconds: float) -> Counter[str]:
    """All of it for so long; how calls ended."""
    eager = compile(TEXT, "singlepass").instantiate({"e": {"host": lambda given: given}})
    right = {(at, depth): outcome(eager.exports[f"f{at}"], depth) for at in range(FUNCTIONS) for depth in INPUTS}
    try:
        return storms.run([World(seed, right), World(seed + 1, right)], seconds, (KeyError, Timeout))
    finally:
        BACKGROUND.stop()


def main() -> int:
    options = storms.options("later", __doc__)
    os.environ["WASMER_CLIF_CHECK"] = ""
    sys.unraisablehook = lambda what: None  # what a handler raised in a finalizer
    for backend in ("singlepass", "cranelift"):  # all is imported: see tests.attack.heaps
        pickle.loads(pickle.dumps(compile(TEXT, backend, lazy=True)))
    warm = compile(TEXT, tiers=True)
    warm.instantiate({"e": {"host": lambda given: given}})
    warm.wait_for_tiers(everything=True)
    ends = storm(options.seed, options.seconds)
    print(dict(ends))
    assert ends["done"]
    return 0


if __name__ == "__main__":
    sys.exit(main())
