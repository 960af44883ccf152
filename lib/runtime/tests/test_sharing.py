"""A shared module travels as its hash; a process has it once, and says what is wrong when it cannot have it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from wasmer_runtime import Module, compile
from wasmer_runtime.error import CacheError
from wasmer_runtime.processes import SharedModule, keep
from wasmer_runtime_core.running import sharing

TEXT: Final = """
(module
  (global $calls (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "calls") (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls)))
"""
ROOT: Final = Path(__file__).parents[3]


@pytest.fixture
def module() -> Module:
    return compile(TEXT, "singlepass")


def add(shared: SharedModule, a: int, b: int) -> tuple[int, int, int]:
    exports = shared.instance().exports
    return os.getpid(), exports.add(a, b), exports.calls()


def has(shared: SharedModule) -> str:
    try:
        return str(shared.module.instantiate().exports.add(1, 2))
    except CacheError as error:
        return error.kind


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_map_it_once(module: Module, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with SharedModule(module) as shared, ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(add, [shared] * 20, range(20), range(20)))
    assert [value for _, value, _ in found] == [2 * number for number in range(20)]
    for process in {process for process, _, _ in found}:
        calls = [count for each, _, count in found if each == process]
        assert sorted(calls) == list(range(1, len(calls) + 1)), "one instance for all tasks of a worker"


def test_it_pickles_as_its_hash(module: Module) -> None:
    with SharedModule(module) as shared, SharedModule(compile(TEXT, "singlepass")) as equal:
        assert len(pickle.dumps(shared)) < 200 < len(pickle.dumps(module))
        assert shared.hash == equal.hash
        again = pickle.loads(pickle.dumps(shared))
        assert again.module is shared.module
        assert shared.instance() is again.instance()


def test_its_code_lies_in_memory_that_nobody_can_change(module: Module) -> None:
    with SharedModule(module) as shared:
        path = shared.__reduce__()[1][1]
        with pytest.raises(PermissionError):
            Path(path).write_bytes(b"")
        assert Path(path).read_bytes() == shared.artifact()


def other_process(code: str, *given: bytes) -> str:
    """What a process prints that has nothing of this one but bytes."""
    begin = f"import pickle, sys; sys.path += {sys.path!r}; given = {list(given)!r}\n"
    begin += "from wasmer_runtime.processes import keep\n"
    return subprocess.check_output([sys.executable, "-c", begin + code], text=True).strip()


READ: Final = """
from wasmer_runtime.error import CacheError
try:
    print(pickle.loads(given[0]).module.instantiate().exports.add(1, 2))
except CacheError as error:
    print(error.kind, error)
"""


def test_who_cannot_reach_it_is_told_what_to_do(module: Module) -> None:
    shared = SharedModule(module)
    sent, artifact = pickle.dumps(shared), shared.artifact()
    assert other_process(READ, sent) == "3"
    shared.close()
    shared.close()
    assert other_process(READ, sent).startswith("missing ")
    assert other_process("keep(given[1])" + READ, sent, artifact) == "3"


def test_another_file_of_the_same_name_is_not_it(module: Module, tmp_path: Path) -> None:
    """As when the number of the process, or of its descriptor, is another one's by now."""
    other = compile("(module)", "singlepass").serialize()
    (tmp_path / "other").write_bytes(other)
    os.mkfifo(tmp_path / "pipe")
    for name in ("other", "pipe", ".", "nothing"):
        for size in (0, len(other)):
            with pytest.raises(CacheError) as caught:
                sharing._received(b"\1" * 32, str(tmp_path / name), size).module  # noqa: B018
            assert caught.value.kind == "missing"
    pipe, end = os.pipe()
    with open(pipe), open(end), pytest.raises(CacheError):
        sharing._received(b"\1" * 32, f"/proc/self/fd/{pipe}", len(other)).module  # noqa: B018


def test_what_is_kept_is_checked() -> None:
    with pytest.raises(CacheError) as caught:
        keep(b"none")
    assert caught.value.kind in ("foreign", "truncated")


def test_tasks_of_many_modules_do_not_fill_a_process(tmp_path: Path) -> None:
    last = b""
    for number in range(sharing.MOST_KEPT + 10):
        artifact = compile(f'(module (func (export "n") (result i32) (i32.const {number})))', "singlepass").serialize()
        path = tmp_path / str(number)
        path.write_bytes(artifact)
        last = sharing._hash(artifact)
        assert sharing._received(last, str(path), len(artifact)).instance().exports.n() == number
    assert len(sharing._mapped) == sharing.MOST_KEPT and last in sharing._mapped
    assert len(sharing._of_thread.instances) <= sharing.MOST_KEPT


def test_instances_belong_to_threads(module: Module) -> None:
    with SharedModule(module) as shared:
        own = shared.instance()
        others: list[object] = []
        threads = [threading.Thread(target=lambda: others.append(shared.instance())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(each) for each in (own, *others)}) == 5


def test_a_dask_cluster() -> None:
    """The example: more numbers than one task takes, on two workers."""
    pytest.importorskip("distributed", reason="distributed is not installed: the group `processes`")
    pytest.importorskip("numpy")
    example = ROOT / "examples/python/cluster.py"
    if not example.is_file():
        pytest.skip("the examples are not here")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(
        [sys.executable, str(example)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert said.stdout.splitlines()[-1:] == ["230631 takes 442 steps"], said.stderr[-2000:]
