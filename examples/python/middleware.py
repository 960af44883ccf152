"""A middleware of one's own: Python is told of every store before it happens; and metering beside it."""

from __future__ import annotations

from collections.abc import Sequence

from wasmer_runtime import CompilerConfig, compile
from wasmer_runtime.middleware import Body, BodyEditor, Metering, ModuleInfo, Record, edit_bodies, get_points_used

TEXT = """
  (module
    (import "watch" "store" (func (param i32)))
    (memory 1)
    (func (export "run") (param i32)
      (loop
        (i32.store (i32.mul (local.get 0) (i32.const 4)) (local.get 0))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
"""

STORES = {"i32.store"}
WATCH = 0  # the index of the imported function


def watch_stores(info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
    """In front of each store, call the imported function with the store's byte offset in the module."""

    def visit(editor: BodyEditor, record: Record) -> None:
        if record.mnemonic in STORES:
            editor.emit("i32.const", record.offset)
            editor.emit("call", WATCH)
        editor.copy(record)

    return edit_bodies(info, bodies, visit)


module = compile(TEXT, config=CompilerConfig(middlewares=(Metering(1_000_000), watch_stores)))
instance = module.instantiate({"watch": {"store": lambda offset: print("a store at byte", offset)}})
instance.exports.run(2)
print("points:", get_points_used(instance))
