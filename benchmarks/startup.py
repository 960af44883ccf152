"""What it takes to begin with a module that was compiled before, beside wasmtime.

Run as ``python benchmarks/startup.py``. Five questions. *Loading*: from an artifact in a file to a module of which
instances can be made at once, in a process that did so before. *A cold process*: from nothing to the first call of a
cached module, or of a small one that is compiled, CPU time above a bare interpreter; and ``wasmer-runtime run`` of a
WASI program that is cached, all of its CPU time. *Many processes*: memory of each of them when all have the same
module loaded and touched, shared pages counted in part (PSS). *The first result*, uncached: from a process that has
imported the runtime and read the module to its compiled module, wall time, on one core and on all; ours with the
default backend, which is ``auto``, and lazily. (What runs then is a module's own, and takes the same.) *Memory* that
a process keeps for a large module that it has compiled, and for one that it has loaded, both ready for instances.

*asked* is what this project promises, in milliseconds and as a ratio to wasmtime's. To see what users do, have packages
installed: a tree of sources has no bundles (`wasmer_runtime_core.bundles`).
"""

from __future__ import annotations

import gc
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from support.embeddings import SMALL
from support.measure import Sample, alternate, arguments, table, write_json
from support.npm import LARGE, PACKAGES, FetchError, fetch, installed


class Asked(NamedTuple):
    """Of loading a module: milliseconds, and times wasmtime's."""

    milliseconds: float
    ratio: float


ASKED: Final = {"sql.js": Asked(1.0, 1.5), "esbuild": Asked(3.0, 1.5)}
COLD_MILLISECONDS: Final = {"ours": 10.0, "ours, compiling": 18.0, "ours, run": 45.0}
"""Above a bare interpreter; of `run` in all."""
BACKEND: Final = "singlepass"

COLD: Final = {
    "bare Python": "pass",
    "ours": (
        "from wasmer_runtime import compile\n"
        "with open({wasm!r}, 'rb') as file: module = compile(file.read(), {backend!r})\n"
        "assert module.stored is not None\n"
        "module.instantiate().exports.run(1)"
    ),
    "ours, compiling": (
        "import wasmer_runtime\n"
        "module = wasmer_runtime.compile({small!r}, {backend!r})\n"
        "assert wasmer_runtime.instantiate(module, {{}}).exports.add(1, 2) == 3"
    ),
    "ours, run": (
        "import sys\nsys.argv = ['wasmer-runtime', 'run', '--backend', {backend!r}, {program!r}]\n"
        "from wasmer_runtime.cli import main\nmain()"
    ),
    "wasmtime": (
        "import wasmtime\n"
        "engine = wasmtime.Engine()\n"
        "store = wasmtime.Store(engine)\n"
        "module = wasmtime.Module.deserialize_file(engine, {compiled!r})\n"
        "wasmtime.Instance(store, module, []).exports(store)['run'](store, 1)"
    ),
}
"""Programs of a cold process. Ours reads and hashes the module, which the other does not have to."""
FILLED: Final = '(memory (export "memory") 2) (data (i32.const 1000) "' + "x" * 70_000 + '")'
"""What is large enough to be kept in the cache."""
PROGRAM: Final = (
    '(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
    f' {FILLED} (data (i32.const 0) "\\08\\00\\00\\00\\06\\00\\00\\00hello\\0a") (func (export "_start")'
    " (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"
)

FIRST: Final = {
    "ours": "import wasmer_runtime\nmake = lambda wasm: wasmer_runtime.compile(wasm, cache=False).instantiate",
    "ours, lazy": (
        "import wasmer_runtime\nmake = lambda wasm: wasmer_runtime.compile(wasm, 'singlepass', cache=False, lazy=True)"
    ),
    "wasmtime": "import wasmtime\nmake = lambda wasm: wasmtime.Module(wasmtime.Engine(), wasm)",
}
"""How each makes a module that can be instantiated."""
TIMED: Final = (
    "{make}\nimport sys, time\nmake(b'\\0asm\\1\\0\\0\\0')\nwith open(sys.argv[1], 'rb') as file: wasm = file.read()\n"
    "begin = time.perf_counter()\nmake(wasm)\nprint(time.perf_counter() - begin)\n"
)
KEPT_MEGABYTES_ASKED: Final = 90.0
KEPT: Final = {
    "compiled": "wasmer_runtime.compile(open(sys.argv[1], 'rb').read(), 'singlepass')",
    "compiled, without the cache": "wasmer_runtime.compile(open(sys.argv[1], 'rb').read(), 'singlepass', cache=False)",
    "loaded": "wasmer_runtime.Module.deserialize(pathlib.Path(sys.argv[2]))",
}
"""What a process holds."""

HELD: Final = (
    "import sys\n"
    "from wasmer_runtime_core.running.module import Module\n"
    "from pathlib import Path\n"
    "module = Module.deserialize(Path(sys.argv[1]))\n"
    "print(module.stored.code.code_bytes, flush=True)\n"
    "sys.stdin.read()\n"
)


def main() -> int:
    parser = arguments(__doc__ or "", rounds=20)
    parser.add_argument("--backends", default=BACKEND, help=f"ours, separated by commas (default: {BACKEND})")
    parser.add_argument("--processes", type=int, default=100, help="how many hold one module (default 100)")
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        results = {
            "loading": loading(directory, options.backends.split(","), rounds, options.quick),
            "cold": cold(directory, rounds),
            "many": many(directory, 5 if options.quick else options.processes),
            "first": first_result(1 if options.quick else 5, options.quick),
            "kept": kept_memory(directory),
        }
    write_json(options.json, results)
    return 0


def loading(directory: Path, backends: list[str], rounds: int, quick: bool) -> dict[str, Any]:
    """From a file to a module, and to its plan."""
    import wasmer_runtime
    from wasmer_runtime_core.running.preparing import prepared

    found: dict[str, Any] = {}
    rows = []
    for package in PACKAGES[:1] if quick else (PACKAGES[0], *LARGE):
        try:
            wasm = fetch(package)
        except FetchError as failure:
            print(failure, file=sys.stderr)
            continue
        candidates: dict[str, Callable[[], object]] = {}
        for backend in backends:
            path = directory / f"{package.name}.{backend}.wasmer"
            path.write_bytes(wasmer_runtime.compile(wasm, backend).serialize())

            def load(path: Path = path) -> object:
                module = wasmer_runtime.Module.deserialize(path)
                prepared(module)
                return module

            candidates[backend] = load
        if importlib.util.find_spec("wasmtime") is not None:
            import wasmtime

            engine = wasmtime.Engine()
            compiled = directory / f"{package.name}.cwasm"
            compiled.write_bytes(wasmtime.Module(engine, wasm).serialize())
            candidates["wasmtime"] = lambda engine=engine, path=str(compiled): (  # type: ignore[misc]
                wasmtime.Module.deserialize_file(engine, path)
            )
        for load_it in candidates.values():
            load_it()
        samples = alternate(candidates, rounds)
        found[package.name] = samples
        base = samples.get("wasmtime")
        asked = ASKED[package.name]
        for name, sample in samples.items():
            ratio = sample.minimum / base.minimum if base else float("nan")
            over = name != "wasmtime" and (sample.minimum * 1e3 > asked.milliseconds or ratio > asked.ratio)
            rows.append(
                (f"{package.name}, {name}", f"{sample.minimum * 1e3:.2f}", f"{sample.median * 1e3:.2f}")
                + (f"{ratio:.2f}", f"{asked.milliseconds:.1f} / {asked.ratio}", "over" if over else "")
            )
    print(table(("loading", "ms", "median", "/ wasmtime", "asked", ""), rows))
    return found


def cold(directory: Path, rounds: int) -> dict[str, Sample]:
    """CPU time of whole processes, each of the programs in turn."""
    import wasmer_runtime

    wasm = wasmer_runtime.wat2wasm(
        f'(module {FILLED} (func (export "run") (param i32) (result i32)'
        " (i32.add (local.get 0) (i32.load8_u (i32.const 1000)))))"
    )
    (directory / "small.wasm").write_bytes(wasm)
    (directory / "program.wasm").write_bytes(wasmer_runtime.wat2wasm(PROGRAM))
    programs = dict(COLD)
    compiled = directory / "small.cwasm"
    if importlib.util.find_spec("wasmtime") is None:
        del programs["wasmtime"]
    else:
        import wasmtime

        compiled.write_bytes(wasmtime.Module(wasmtime.Engine(), wasm).serialize())
    environment = {**os.environ, "WASMER_CACHE_DIR": str(directory / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it may be kept, as it is where packages are installed
    names = {
        "wasm": str(directory / "small.wasm"),
        "compiled": str(compiled),
        "backend": BACKEND,
        "small": SMALL,
        "program": str(directory / "program.wasm"),
    }
    if importlib.util.find_spec("wasmer_wasi") is None:
        del programs["ours, run"]
    texts = {name: program.format(**names) for name, program in programs.items()}
    for text in texts.values():  # writes the cache, and bytecode
        subprocess.run(
            [sys.executable, "-c", text.replace("assert module.stored", "module.stored #")],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    seconds: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(rounds):
        for name, text in texts.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", text], env=environment, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    bare = min(seconds["bare Python"])
    rows = []
    for name, taken in seconds.items():
        whole, above = min(taken) * 1e3, (min(taken) - bare) * 1e3
        asked = COLD_MILLISECONDS.get(name)
        over = asked is not None and (whole if name == "ours, run" else above) > asked
        limit = "" if asked is None else f"{asked:.0f}" + (" in all" if name == "ours, run" else "")
        rows.append((name, f"{whole:.1f}", f"{above:.1f}", limit, "over" if over else ""))
    print(table(("cold process to the first call, cached", "ms CPU", "above bare", "asked", ""), rows))
    return {name: Sample.of(taken) for name, taken in seconds.items()}


def many(directory: Path, count: int) -> dict[str, float]:
    """Memory of processes that have one module loaded, its code touched by the checksum: KiB each."""
    import wasmer_runtime

    try:
        wasm = fetch(PACKAGES[0])
    except FetchError as failure:
        print(failure, file=sys.stderr)
        return {}
    path = directory / "shared.wasmer"
    path.write_bytes(wasmer_runtime.compile(wasm, BACKEND).serialize())
    gc.collect()
    command = [sys.executable, "-c", HELD, str(path)]
    held = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        code = 0
        for process in held:
            assert process.stdout is not None
            code = int(process.stdout.readline())
        time.sleep(0.1)
        sizes = [mapped(process.pid, str(path)) for process in held]
    finally:
        for process in held:
            process.communicate()
    found = {
        "file KiB": path.stat().st_size / 1024,
        "code KiB": code / 1024,
        "RSS KiB each": sum(rss for rss, _, _ in sizes) / count,
        "PSS KiB each": sum(pss for _, pss, _ in sizes) / count,
        "private KiB each": sum(private for _, _, private in sizes) / count,
    }
    print(
        table(
            (f"{count} processes with sql.js", "of the artifact's pages"), [(k, f"{v:,.0f}") for k, v in found.items()]
        )
    )
    return found


def first_result(rounds: int, quick: bool) -> dict[str, Sample]:
    """Wall time from bytes to a module, in processes of their own, in turn; on one core and on all."""
    contenders = dict(FIRST)
    if importlib.util.find_spec("wasmtime") is None:
        del contenders["wasmtime"]
    every = sorted(os.sched_getaffinity(0))
    found: dict[str, Sample] = {}
    rows = []
    for package in PACKAGES[:1] if quick else (*PACKAGES, *LARGE):
        try:
            path = str(installed([package]) / package.npm_name / package.path)
        except FetchError as failure:
            print(failure, file=sys.stderr)
            continue
        for cores in [every[:1], every] if len(every) > 1 else [every]:
            seconds: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(rounds):
                for name, make in contenders.items():
                    pinned = f"import os\nos.sched_setaffinity(0, {cores})\n" + TIMED.format(make=make)
                    said = subprocess.run(
                        [sys.executable, "-c", pinned, path], check=True, capture_output=True, text=True
                    )
                    seconds[name].append(float(said.stdout))
            base = min(seconds["wasmtime"]) if "wasmtime" in seconds else float("nan")
            for name, taken in seconds.items():
                found[f"{package.name}, {name}, {len(cores)}"] = Sample.of(taken)
                over = "over" if name != "wasmtime" and min(taken) > base else ""
                rows.append(
                    (f"{package.name}, {len(cores)} cores, {name}", f"{min(taken) * 1e3:.0f}")
                    + (f"{min(taken) / base:.2f}", "1", over)
                )
    print(table(("uncached, to a module", "ms", "/ wasmtime", "asked", ""), rows))
    return found


def kept_memory(directory: Path) -> dict[str, float]:
    """MB that a process has more than before, for the large module; what is mapped of a file counts."""
    try:
        wasm = fetch(LARGE[0])
    except FetchError as failure:
        print(failure, file=sys.stderr)
        return {}
    import wasmer_runtime

    module, artifact = directory / "large.wasm", directory / "large.wasmer"
    module.write_bytes(wasm)
    artifact.write_bytes(wasmer_runtime.compile(wasm, BACKEND, cache=False).serialize())
    size = "int(open('/proc/self/statm').read().split()[1]) * 4096"
    rows = []
    found = {}
    for name, hold in KEPT.items():
        code = (
            "import gc, pathlib, sys\nimport wasmer_runtime\n"
            "from wasmer_runtime_core.running.preparing import prepared\n"
            f"before = {size}\nmodule = {hold}\nprepared(module)\ngc.collect()\nprint({size} - before)\n"
        )
        said = subprocess.run(
            [sys.executable, "-c", code, str(module), str(artifact)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "WASMER_CACHE_DIR": str(directory / "kept")},
        )
        found[name] = int(said.stdout) / 1e6
        over = "over" if found[name] > KEPT_MEGABYTES_ASKED else ""
        rows.append((f"{LARGE[0].name}, {name}", f"{found[name]:.1f}", f"{KEPT_MEGABYTES_ASKED:.0f} for 24 MB", over))
    print(table(("a module keeps", "MB", "asked", ""), rows))
    return found


def mapped(process: int, path: str) -> tuple[int, int, int]:
    """RSS, PSS and private KiB of the mappings of a file."""
    sizes = {"Rss:": 0, "Pss:": 0, "Private_Clean:": 0, "Private_Dirty:": 0}
    inside = False
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            inside = line.endswith(path)
        elif inside and words[0] in sizes:
            sizes[words[0]] += int(words[1])
    return sizes["Rss:"], sizes["Pss:"], sizes["Private_Clean:"] + sizes["Private_Dirty:"]


if __name__ == "__main__":
    sys.exit(main())
