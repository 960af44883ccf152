r"""Names that a module chose, shown to people: nothing that a terminal obeys reaches it.

`EVIL` stands wherever a module can have a name. Everything that makes text of it is tried: every
command, every `repr` and `str`, every exception with its notes. No text may hold a control or
format character, nor a line that the name begins.
"""

from __future__ import annotations

import copy
import io
import os
import pty
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.console import console
from wasmer_runtime import (
    CompilerConfig,
    FuncSig,
    Function,
    Namespace,
    compile,
    func,
    imports,
    instantiate,
    vectorize,
    wat2wasm,
)
from wasmer_runtime.error import Error, LinkError
from wasmer_runtime.middleware import BlockTrace, CallTrace

EVIL = "a\x1b]0;owned\x07\x1b[2J\nError: fake\r\x7f\x9b\u202e\u2066\u200b\u2028\U000e0041z"
LITERAL = '"' + "".join(f"\\{byte:02x}" for byte in EVIL.encode()) + '"'


def numbered(number: int) -> str:
    """A literal of its own, evil too."""
    return f'{LITERAL[:-1]}{number}"'


IMPORTS = f"""
  (import {LITERAL} {numbered(0)} (func ${numbered(10)} (param i32) (result i32 i32)))
  (import {LITERAL} {numbered(1)} (memory 1))
  (import {LITERAL} {numbered(2)} (table 1 funcref))
  (import {LITERAL} {numbered(3)} (global i32))"""
EXPORTS = f"""
  (func ${numbered(11)} (export {numbered(0)}) (param ${LITERAL} i32) (result i32)
    (i32.div_u (i32.const 1) (local.get 0)))
  (func $trap (export {numbered(1)}) (unreachable))
  (memory ${numbered(12)} (export {numbered(2)}) 1)
  (table ${numbered(13)} (export {numbered(3)}) 1 funcref)
  (global ${numbered(14)} (export {numbered(4)}) (mut i32) (i32.const 0))
  (func (export {numbered(5)}) (param v128 externref funcref) (result i32 i32) (i32.const 1) (i32.const 2))
  (func (export "main") (call $trap))"""
PROVIDER = f"(module ${LITERAL} {EXPORTS})"
NEEDY = f"(module ${LITERAL} {IMPORTS} (func (export {numbered(9)}) (drop (drop (call 0 (i32.const 1))))))"


def section(name: str) -> bytes:
    """A custom section, empty."""
    content = bytes([len(name.encode())]) + name.encode()
    return b"\0" + bytes([len(content)]) + content


def check(text: str, what: object = "") -> None:
    assert "\nError: fake" not in text, what
    bad = {each for each in text if not each.isprintable() and each not in "\n\t"}
    assert not bad, (what, bad, text)


def raised(call: Callable[..., Any], *arguments: Any) -> BaseException:
    """What a call raises, after all texts that it has were checked."""
    try:
        call(*arguments)
    except Exception as error:
        check(str(error), error)
        check(repr(error), error)
        for item in getattr(error, "errors", ()):
            check(str(item))
        for note in getattr(error, "__notes__", ()):
            check(note)
        check("".join(traceback.format_exception_only(error)).replace("\n", ""))
        return error
    raise AssertionError(f"{call} raised nothing")


@pytest.fixture(params=["singlepass", "llvm"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "llvm":
        pytest.importorskip("wasmer_llvm_backend")
    return str(request.param)


def test_objects(backend: str) -> None:
    module = compile(wat2wasm(PROVIDER) + section(EVIL), backend)
    instance = module.instantiate()
    exports = instance.exports
    for each in (module, instance, exports, module.info, module.exports, module.imports, copy.copy(exports)):
        check(repr(each), type(each))
        check(str(each), type(each))
    for name in exports:
        check(repr(exports[name]), type(exports[name]))
        check(str(getattr(exports[name], "__doc__", None)))
        check(repr(getattr(exports[name], "type", None)))
    assert exports[f"{EVIL}0"].__name__ == f"{EVIL}0", "for programs a name is what it is"
    divide = exports[f"{EVIL}0"]
    for made in (
        instance.dyn_func(f"{EVIL}0"),
        func(divide),
        vectorize(divide),
        Namespace(exports),
        imports({EVIL: instance}),
    ):
        check(repr(made), type(made))


def test_calls(backend: str) -> None:
    instance = instantiate(PROVIDER, backend=backend)

    def named() -> None: ...

    named.__name__ = named.__qualname__ = EVIL  # as functools.wraps(exported) has it
    divide, trap, many = (instance.exports[f"{EVIL}{number}"] for number in (0, 1, 5))
    error = raised(divide, 0)
    assert error.frames[0].function_name == f"{EVIL}11", "for programs a name is what it is"  # type: ignore[attr-defined]
    for call in (
        trap, divide, lambda: divide("x"), lambda: divide(1 << 40), lambda: divide(1, wrong=1),
        lambda: many(b"", 1, None), lambda: many(0, 1, "f"), lambda: many(1 << 130, None, None),
        lambda: vectorize(trap), lambda: vectorize(many),
        lambda: vectorize(divide)(1, 2), lambda: vectorize(divide)("x"),
        lambda: instance.exports[EVIL], lambda: getattr(instance.exports, EVIL), lambda: instance.exports.kind(EVIL),
        lambda: instance.func(EVIL), lambda: instance.func(f"{EVIL}2"), lambda: instance.func(f"{EVIL}0", [], []),
        lambda: instance.dyn_func(f"{EVIL}0").call(["x"]), lambda: instance.dyn_func(f"{EVIL}0").call([]),
        lambda: instance.call(EVIL), lambda: Function(FuncSig(["i32"], []), divide),
        lambda: Function(divide, 3), lambda: Function(FuncSig(["i32"], []), named),
    ):  # fmt: skip
        raised(call)
    instance.close()
    raised(divide, 1)
    raised(lambda: instance.exports[f"{EVIL}0"])


def test_imports(backend: str) -> None:
    module = compile(NEEDY, backend)
    provider = instantiate(PROVIDER, backend=backend).exports
    names = [f"{EVIL}{number}" for number in range(4)]
    good = {
        names[0]: lambda number: (1, 2), names[1]: provider[f"{EVIL}2"], names[2]: provider[f"{EVIL}3"], names[3]: 7,
    }  # fmt: skip
    assert isinstance(raised(module.instantiate), LinkError)
    for name in names:
        for wrong in (1, "x", print, provider[f"{EVIL}0"], provider[f"{EVIL}2"], provider[f"{EVIL}4"], lambda: 0):
            if not (name == names[3] and wrong == 1) and not (name == names[1] and wrong is good[name]):
                try:
                    raised(module.instantiate, {EVIL: {**good, name: wrong}})
                except AssertionError:
                    assert callable(wrong) and name == names[0]
    raised(module.instantiate, {EVIL: 3})
    for result in (1, (1,), (1, "x"), (1, 1 << 40)):
        run = module.instantiate({EVIL: {**good, names[0]: lambda number, result=result: result}}).exports[f"{EVIL}9"]
        raised(run)

    def fail(number: int) -> None:
        raise ValueError("no")

    run = module.instantiate({EVIL: {**good, names[0]: fail}}).exports[f"{EVIL}9"]
    assert raised(run).__notes__
    held = module.instantiate({EVIL: good})
    check(repr(held))
    check(repr(held.core.imports if hasattr(held.core, "imports") else ""))


@pytest.mark.parametrize(
    "text",
    [
        f"(module (func (export {LITERAL})) (func (export {LITERAL})))",
        f"(module (func ${LITERAL}) (func ${LITERAL}))",
        f"(module (func (call ${LITERAL})))",
        f"(module (export {LITERAL} (func 7)))",
        f"(module (func (export {LITERAL}) (result i32)))",
        "(module (\x1b\x07\u202e))",
        "(module (func \u202e))",
        "(module \x1b[2J\nError: fake)",
        '(module (func (export "\x1b")))',
        f"(module (import {LITERAL} {LITERAL} (func (type 9))))",
        EVIL,
    ],
)
def test_what_is_refused(text: str) -> None:
    assert isinstance(raised(compile, text), Error)
    raised(compile, text.encode("utf-8", "surrogatepass"))


def test_traces(backend: str) -> None:
    instance = compile(PROVIDER, backend, CompilerConfig(middlewares=(CallTrace(), BlockTrace()))).instantiate()
    with redirect_stderr(io.StringIO()) as written:
        raised(instance.exports.main)
    assert "[BlockTrace]" in written.getvalue()
    check(written.getvalue())


def test_the_words_of_llvm() -> None:
    compiler = pytest.importorskip("wasmer_llvm_backend.compiler")
    workers = pytest.importorskip("wasmer_llvm_backend.workers")
    module = compile(PROVIDER)
    from wasmer_runtime_core.compiling import pipeline

    body = pipeline.run(pipeline.Compilation(PROVIDER), until="validate").bodies[0]
    check(compiler.named(module.info, body))
    check(compiler.last_words(workers.Died(1, f"LLVM ERROR: \x1b[2J{EVIL}")))


# --- commands -------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "provider.wasm").write_bytes(wat2wasm(PROVIDER) + section(EVIL))
    (tmp_path / "needy.wasm").write_bytes(wat2wasm(NEEDY))
    (tmp_path / "without.wat").write_text(f"(module (memory (export {LITERAL}) 1))")
    (tmp_path / "invalid.wat").write_text(f"(module (func (export {LITERAL})) (func (export {LITERAL})))")
    (tmp_path / "malformed.wat").write_text("(module (\x1b[2J\u202e))", encoding="utf-8")
    return tmp_path


def commands() -> Iterator[tuple[str, ...]]:
    yield from ((command, "provider.wasm") for command in ("inspect", "wasm2wat", "validate", "run"))
    yield from (("dump", "--stage", stage, "provider.wasm") for stage in ("module", "body", "records", "code"))
    for backend in ("singlepass", "llvm"):
        for name, *arguments in (("0", "0"), ("0", "1"), ("0", "x"), ("0",), ("1",), ("2",), ("", "5"), ("3",)):
            yield ("run", "--backend", backend, "provider.wasm", "--invoke", EVIL + name, *arguments)
    yield ("run", "--call-trace", "--block-trace", "provider.wasm")
    yield from (("inspect", "needy.wasm"), ("run", "needy.wasm"), ("dump", "--stage=module", "needy.wasm"))
    yield from (("run", "needy.wasm", "--invoke", f"{EVIL}9"), ("wasm2wat", "needy.wasm"), ("run", "without.wat"))
    for bad in ("invalid.wat", "malformed.wat"):
        yield from ((command, bad) for command in ("validate", "run", "inspect", "wasm2wat"))


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: " ".join(command).replace(EVIL, "EVIL"))
def test_commands(command: tuple[str, ...], files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "llvm" in command:
        pytest.importorskip("wasmer_llvm_backend")
    monkeypatch.chdir(files)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = CliRunner().invoke(console, command)
    assert result.exit_code in (0, 1, 2, 134), result.output
    assert result.output or command[0] == "validate"
    check(result.output.replace("\n\nError: fake", ""))


@pytest.mark.parametrize("command", ["inspect", "run"])
def test_on_a_terminal(command: str, files: Path) -> None:
    """With colours and tables: our own escape sequences are there, none of the module's."""
    mine, its = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    arguments = [sys.executable, "-m", "wasmer_runtime", command, str(files / "provider.wasm")]
    subprocess.run(arguments, stdin=its, stdout=its, stderr=its, env=environment, timeout=900)
    os.close(its)
    output = b""
    try:
        while piece := os.read(mine, 1 << 16):
            output += piece
    except OSError:  # nobody writes to it any more
        pass
    os.close(mine)
    text = output.decode()
    assert "owned" in text
    for bad in ("\x1b]0", "\x1b[2J", "\nError: fake", "\u202e", "\u200b", "\x9b"):
        assert bad not in text
