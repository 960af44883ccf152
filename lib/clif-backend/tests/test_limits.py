"""What one function may take: of the stack, and of steps between two looks at signals."""

from __future__ import annotations

import pytest

from wasmer_clif_backend import effort
from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.effort import STRETCH, Effort
from wasmer_clif_backend.ir.parser import parse_function
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.errors import CompileError, ImplementationLimitError
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.wasm.body.body import Body

MOST = 16 << 20


@pytest.mark.parametrize("size", (MOST - 64, MOST + 16))
def test_a_frame_has_a_limit(size: int) -> None:
    function = parse_function(
        f"function u0:7(i64) -> i64 {{\n    ss0 = explicit_slot {size}\nblock0(v0: i64):\n"
        "    v1 = stack_addr.i64 ss0\n    return v1\n}\n"
    )
    if size <= MOST:
        assert Stages({}).records(function)[0]
        return
    with pytest.raises(CompileError, match=rf"function 7 needs a frame of {size:,} bytes on the stack; the most is "):
        Stages({}).records(function)


def body(size: int) -> Body:
    return Body(3, 0, 40, size, b"", b"", b"", b"", 0, 1, b"", 0, 0, 0)


def test_code_is_given_up_while_it_is_made() -> None:
    limit = CodeLimit(ImplementationLimits({"code_bytes": 1000}), [body(10)])
    limit.begin(body(10))
    counted = Effort(limit)
    counted.grow(1640)
    counted.write(4 * 1640)
    for exceed in (lambda: counted.grow(1641), lambda: counted.write(4 * 1641)):
        with pytest.raises(ImplementationLimitError) as raised:
            exceed()
        assert (raised.value.limit, raised.value.function, raised.value.offset) == ("code_bytes", 3, 40)


@pytest.mark.skipif(not effort.__file__.endswith(".py"), reason="what compiled modules call cannot be replaced")
def test_a_look_comes_with_every_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(effort, "checkpoint", lambda: looks.append(1))
    counted = Effort()
    for _ in range(10 * STRETCH // 4):
        counted.spend(4)
    assert len(looks) in (9, 10)
    counted.spend(1 << 40)
    assert len(looks) in (10, 11)
