"""What a tail call costs: a loop of tail calls, beside a loop that calls, and beside wasmtime.

Run as ``python benchmarks/tail_calls.py``. Both loops add up numbers, one round each time the function is entered.
The function that is called could call on, so that nobody makes it part of the loop. *ratio* is the loop of
tail calls over the loop that calls: at most 1.05 is asked where arguments travel in registers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from support.measure import Sample, alternate, arguments, table, write_json

CALLS: Final = 1_000_000


class Shape(NamedTuple):
    """What is passed, and how.

    Attributes:
        name: of the row.
        between: so many numbers are passed on as they are, behind count and sum.
        indirect: through a table.
        in_turn: every second function has two parameters only, and so has to make room.
    """

    name: str
    between: int = 0
    indirect: bool = False
    in_turn: bool = False


SHAPES: Final = (
    Shape("direct"),
    Shape("through a table", indirect=True),
    Shape("12 parameters", between=10),
    Shape("12 and 2 in turn", between=10, in_turn=True),
)


def text_of(shape: Shape) -> str:
    """A module with ``tail(n)`` and ``call(n)``."""
    params = "(param i64 i64" + " i64" * shape.between + ")"
    more = " ".join([f"(local.get {2 + at})" for at in range(shape.between)])
    ones = " (i64.const 1)" * shape.between
    less = "(i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0))"

    def call(name: str, given: str, word: str = "call") -> str:
        if shape.indirect:
            return f"({word}_indirect (type $t) {given} (i32.const {('tail', 'step').index(name)}))"
        return f"({word} ${name} {given})"

    narrow = ""
    onward = call("tail", f"{less} {more}", "return_call")
    if shape.in_turn:
        onward = f"(return_call $narrow {less})"
        end = "(if (i64.eqz (local.get 0)) (then (return (local.get 1))))"
        narrow = f"(func $narrow (param i64 i64) (result i64) {end} (return_call $tail {less}{ones}))"
    return f"""(module
      (type $t (func {params} (result i64)))
      (table funcref (elem $tail $step))
      (func $tail (type $t)
        (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
        {onward})
      {narrow}
      (func $step (type $t)
        (if (i64.lt_s (local.get 1) (i64.const 0)) (then (return {call("step", f"{less} {more}")})))
        (i64.add (local.get 1) (local.get 0)))
      (func (export "tail") (param i64) (result i64) (call $tail (local.get 0) (i64.const 0){ones}))
      (func (export "call") (param $n i64) (result i64) (local $sum i64)
        (loop
          (local.set $sum {call("step", f"(local.get $n) (local.get $sum){ones}")})
          (br_if 0 (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
        (local.get $sum)))"""


def ours(backend: str, text: str) -> dict[str, Callable[[int], object]]:
    """Both loops on one of our backends."""
    import wasmer_runtime

    exports = wasmer_runtime.instantiate(wasmer_runtime.compile(text, backend)).exports
    return {"tail": exports.tail, "call": getattr(exports, "call")}  # noqa: B009


def wasmtime_runs(text: str) -> dict[str, Callable[[int], object]]:
    """Both loops on wasmtime."""
    import wasmtime

    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, text), []).exports(store)
    return {name: partial(exports[name], store) for name in ("tail", "call")}


def main() -> int:
    parser = arguments(__doc__ or "", rounds=15)
    parser.add_argument("--backends", default="singlepass,cranelift,llvm", help="ours, separated by commas")
    options = parser.parse_args()
    calls = CALLS // 20 if options.quick else CALLS
    contenders: dict[str, Callable[[str], dict[str, Callable[[int], object]]]] = {
        name: partial(ours, name) for name in options.backends.split(",")
    }
    if importlib.util.find_spec("wasmtime") is not None:
        contenders["wasmtime"] = wasmtime_runs
    results: dict[str, dict[str, Sample]] = {}
    rows: list[list[str]] = []
    for shape in SHAPES:
        runs: dict[str, Callable[[], object]] = {}
        for name, load in contenders.items():
            for loop, run in load(text_of(shape)).items():
                assert run(100) == 5050, (name, loop)
                runs[f"{name} {loop}"] = partial(run, calls)
        measured = results[shape.name] = alternate(runs, 3 if options.quick else options.rounds)
        for name in contenders:
            tail, call = (measured[f"{name} {loop}"].minimum for loop in ("tail", "call"))
            rows.append(
                [f"{shape.name}, {name}", *(f"{1e9 * each / calls:.2f}" for each in (tail, call)), f"{tail / call:.2f}"]
            )
    print(table(["", "tail calls, ns", "calls, ns", "ratio"], rows))
    write_json(options.json, results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
