"""Golden tests: small modules that carry the machine instructions expected of them.

A file of ``golden/`` is WebAssembly text; a first line such as ``;;! bounds checks`` chooses a
configuration. Behind the module stand, as comments, for each function the body that the
validator hands over and the machine instructions made of it. A change of either shows as a
change of these texts: read it, then ``pytest --bless``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from wasmer_runtime_core.codegen.x64.printer import format_records
from wasmer_runtime_core.compiling.middleware import CallTrace, Metering
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.validation.validate import validate_module
from wasmer_singlepass_backend import SinglepassCompiler

GOLDEN = Path(__file__).parent / "golden"
OLD_PROCESSOR = frozenset(("ssse3", "sse4.1", "sse4.2", "popcnt"))
NEW_PROCESSOR = OLD_PROCESSOR | {"avx", "bmi1", "bmi2", "lzcnt"}
SETTINGS = {
    "": (NEW_PROCESSOR, CompilerConfig()),
    "old processor": (OLD_PROCESSOR, CompilerConfig()),
    "bounds checks": (NEW_PROCESSOR, CompilerConfig(memory_bound_check_mode="enable")),
    "metered": (NEW_PROCESSOR, CompilerConfig(middlewares=(Metering(1000),))),
    "metered, a large limit": (NEW_PROCESSOR, CompilerConfig(middlewares=(Metering(2**40),))),
    "traced": (NEW_PROCESSOR, CompilerConfig(middlewares=(CallTrace(),))),
}


def expected_of(source: str) -> str:
    """The file with the output of today behind its module."""
    module = "\n".join(line for line in source.splitlines() if not line.startswith(";; ")).rstrip()
    setting = next((line[3:].strip() for line in module.splitlines() if line.startswith(";;!")), "")
    features, config = SETTINGS[setting]
    decoded = decode_module(parse_module(source))
    compiler = SinglepassCompiler(features)
    lines = []
    bodies: Sequence[Body] = validate_module(decoded)
    for middleware in config.middlewares:
        assert callable(middleware)
        bodies = middleware(decoded.info, bodies)
    for body in bodies:
        lines += format_body(body).rstrip().splitlines()
        lines.append("--")
        lines += format_records(compiler.records(decoded.info, body, config, verify=True)).rstrip().splitlines()
    return module + "\n\n" + "".join(f";; {line}".rstrip() + "\n" for line in lines)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.wat")), ids=lambda path: path.stem)
def test_machine_code(path: Path, request: pytest.FixtureRequest) -> None:
    source = path.read_text()
    today = expected_of(source)
    if request.config.getoption("--bless"):
        path.write_text(today)
        return
    assert today == source, f"{path.name} differs; read the change, then run pytest --bless"
