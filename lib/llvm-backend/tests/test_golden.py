"""Golden tests: small modules that carry the LLVM IR expected of them.

A file of ``golden/`` is WebAssembly text; a first line such as ``;;! bounds checks`` chooses a
configuration. Behind the module stand, as comments, its functions: on the left the body that the
validator hands over, an operator a line; on the right what is written for it, metadata by its
name and a place by its offset. A counted loop is there twice, as it is translated twice. Last come
the instructions in front of the first block (``head``), the common return and the traps. A change
of these texts is a change of the code: read it, then ``pytest --bless``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from wasmer_llvm_backend.ir import translate
from wasmer_llvm_backend.ir.view import ModuleView
from wasmer_llvm_backend.module_text import NODES
from wasmer_llvm_backend.partition import Plan, plan
from wasmer_runtime_core.compiling.middleware import CallTrace, Metering
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.validation.validate import validate_module

GOLDEN = Path(__file__).parent / "golden"
SETTINGS: dict[
    str, tuple[tuple[int, ...], bool, tuple[CallTrace | Metering, ...]]
] = {  # checked memories, exact, middlewares
    "": ((), True, ()),
    "bounds checks": ((0,), True, ()),
    "fast": ((), False, ()),
    "metered": ((), True, (Metering(1000),)),
    "traced": ((), True, (CallTrace(),)),
}
ENOUGH_TEXT = 1 << 20
BODY_WIDTH = 46


def translation(monkeypatch: pytest.MonkeyPatch, settled: Plan, unit: Sequence[Body], body: Body) -> Iterator[str]:
    """The body and its IR side by side."""
    indices = frozenset(each.function_index for each in unit)
    internal = indices - settled.reachable
    translator = translate.FunctionTranslator(
        settled.view, indices, internal, settled.counted, settled.inlined, settled.in_place, ENOUGH_TEXT
    )
    starts: list[tuple[int, int]] = []  # (record, lines written before)
    done = [0]
    stretch = translate.FunctionTranslator._translate_stretch

    def noting(self: translate.FunctionTranslator, end: int) -> None:
        starts.append((self.at, len(self.out)))
        stretch(self, end)
        done[:] = [len(self.out)]

    with monkeypatch.context() as patch:
        patch.setattr(translate, "STRETCH", 1)
        patch.setattr(translate.FunctionTranslator, "_translate_stretch", noting)
        whole = translator.translate(body)
    text = format_body(body).rstrip().splitlines()
    operators = [line for line in text if re.match(r"\s+0x", line)]
    yield from text[: len(text) - len(operators)]
    assert len(operators) == len(body.records) // 16
    yield re.sub(r' prologue \[.*?c".*?"', " prologue", whole.partition(" !dbg")[0])
    ends = [start for _, start in starts[1:]] + done
    for (at, start), end in zip(starts, ends, strict=True):
        yield from beside(operators[at], named(translator, translator.out[start:end]))
    for name, lines in (("head", translator.head), ("return", translator.out[done[0] :]), ("traps", translator.traps)):
        if lines:
            yield from beside(name, named(translator, lines))


def named(translator: translate.FunctionTranslator, lines: Sequence[str]) -> list[str]:
    """Metadata by its name in `module_text`, debug locations by the offset in the module."""
    names = {f"!{number}": f"!{name}" for number, name in enumerate(NODES)}
    for node in translator.metadata:
        number, _, text = node.partition(" = ")
        if found := re.match(r"!DILocation\(line: (\d+)", text):
            names[number] = hex(int(found[1]))
    return [re.sub(r"!\d+\b", lambda found: names[found[0]], line) for line in lines]


def beside(left: str, lines: Sequence[str]) -> Iterator[str]:
    right = [line for each in lines for line in each.splitlines()]
    for at, line in enumerate(right or [""]):
        yield f"{left if at == 0 else '':{BODY_WIDTH}}| {line}".rstrip(" |")


def expected_of(source: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file with the output of today behind its module."""
    module = "\n".join(line for line in source.splitlines() if not line.startswith(";; ")).rstrip()
    setting = next((line[3:].strip() for line in module.splitlines() if line.startswith(";;!")), "")
    checked, exact, middlewares = SETTINGS[setting]
    decoded = decode_module(parse_module(source))
    bodies: Sequence[Body] = validate_module(decoded)
    for middleware in middlewares:
        bodies = middleware(decoded.info, bodies)
    settled = plan(ModuleView(decoded.info, checked, exact), bodies, 1)
    lines = [line for body in bodies for line in translation(monkeypatch, settled, bodies, body)]
    return module + "\n\n" + "".join(f";; {line}".rstrip() + "\n" for line in lines)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.wat")), ids=lambda path: path.stem)
def test_llvm_ir(path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    source = path.read_text()
    today = expected_of(source, monkeypatch)
    if request.config.getoption("--bless"):
        path.write_text(today)
        return
    assert today == source, f"{path.name} differs; read the change, then run pytest --bless"
