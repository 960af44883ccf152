"""How fast compiled code runs: C kernels under our backends, wasmtime, and natively.

Run as ``python benchmarks/execution.py [--backends singlepass,llvm] [--kernels a,b]``. For
each kernel all contenders run in turn in this process; each checksum is compared with the
native one's. The table gives each contender's time divided by the time of the same source
compiled by clang -O2 for this machine, lower is better, and below the geometric mean of
each column over the kernels that every contender ran, how many times as fast as wasmtime
that makes each of ours, and the means by class of kernels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product

from kernels import KERNELS, BuildError, Kernel, select
from support.contenders import Contender, Run, available, installed
from support.measure import Sample, alternate, arguments, geometric_mean, table, write_json


def main() -> int:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--kernels", metavar="NAMES", help="by name, or `simd`, or `scalar` (default: all)")
    parser.add_argument("--backends", default=None, help="ours, separated by commas (default: those installed)")
    parser.add_argument("--peers", default="wasmtime", help="others: wasmtime, wasmtime-winch (default: wasmtime)")
    parser.add_argument("--metering", action="store_true", help="ours a second time, with points counted; and the cost")
    parser.add_argument(
        "--deterministic", action="store_true", help="ours a second time, with canonical NaNs; and the cost"
    )
    options = parser.parse_args()
    rounds = 2 if options.quick else options.rounds
    contenders: list[Contender] = []
    ours = installed() if options.backends is None else [name for name in options.backends.split(",") if name]
    ways = [way for way, wanted in (("metering", options.metering), ("deterministic", options.deterministic)) if wanted]
    configured = [f"{name}+{way}" for way in ways for name in ours]
    for name in ["native", *ours, *configured, *filter(None, options.peers.split(","))]:
        contender = available(name)
        if contender is None:
            print(f"left out: {name} is not installed", file=sys.stderr)
        else:
            contenders.append(contender)

    samples: dict[str, dict[str, Sample]] = {}
    complaints: list[str] = []
    for kernel in select(options.kernels):
        repetitions = max(1, kernel.repetitions // 10) if options.quick else kernel.repetitions
        try:
            runs = _load(kernel, contenders, repetitions, complaints)
        except BuildError as error:
            print(error, file=sys.stderr)
            return 2
        samples[kernel.name] = alternate(runs, rounds)
        _show_progress(kernel, samples[kernel.name])

    names = [contender.name for contender in contenders]
    print(_report(samples, names))
    for name in configured:
        print(_cost(samples, name.partition("+")[0], name))
    for complaint in complaints:
        print(f"! {complaint}")
    write_json(options.json, samples)
    return 1 if complaints else 0


def _load(
    kernel: Kernel, contenders: list[Contender], repetitions: int, complaints: list[str]
) -> dict[str, Callable[[], object]]:
    """Everyone's function, tried once and compared with the native checksum."""
    runs: dict[str, Callable[[], object]] = {}
    expected = 0
    for contender in contenders:
        try:
            run = contender.load(kernel)
            checksum = run(repetitions)
        except BuildError:
            raise
        except Exception as error:
            complaints.append(f"{kernel.name}, {contender.name}: {type(error).__name__}: {error}")
            continue
        if contender.name == "native":
            expected = checksum
        elif checksum != expected:
            complaints.append(
                f"{kernel.name}, {contender.name}: checksum {checksum:#x} is not the native {expected:#x}"
            )
            continue
        runs[contender.name] = _bound(run, repetitions)
    return runs


def _bound(run: Run, repetitions: int) -> Callable[[], object]:
    return lambda: run(repetitions)


def _show_progress(kernel: Kernel, row: dict[str, Sample]) -> None:
    times = ", ".join(f"{name} {sample.minimum * 1e3:.0f} ms" for name, sample in row.items())
    print(f"{kernel.name}: {times}", file=sys.stderr)


def _report(samples: dict[str, dict[str, Sample]], names: list[str]) -> str:
    others = [name for name in names if name != "native"]
    rows: list[list[str]] = []
    ratios: dict[str, dict[str, float]] = {name: {} for name in others}
    for kernel, row in samples.items():
        native = row["native"]
        cells = [kernel]
        for name in others:
            if name in row:
                ratios[name][kernel] = row[name].minimum / native.minimum
                cells.append(f"{ratios[name][kernel]:.2f}")
            else:
                cells.append("-")
        cells.append(f"{native.minimum * 1e3:.0f}")
        spread = max(sample.median / sample.minimum for sample in row.values())
        rows.append([*cells, f"{(spread - 1) * 100:.0f}"])
    shared = [kernel for kernel in samples if all(kernel in ratios[name] for name in others)]
    means = [f"{geometric_mean(ratios[name][kernel] for kernel in shared):.3f}" for name in others]
    rows.append([f"geometric mean of {len(shared)}", *means, "", ""])
    speeds = []
    for name, peer in product(others, others):
        if peer.startswith("wasmtime") and not name.startswith("wasmtime"):
            speed = geometric_mean(ratios[peer][kernel] / ratios[name][kernel] for kernel in shared)
            speeds.append(f"{name}: {speed:.3f} times as fast as {peer}")
    speeds += ["", _by_class(ratios, shared, others)]
    head = "CPU time divided by that of clang -O2 native (minimum over rounds; lower is better)\n"
    return head + "\n" + table(["kernel", *others, "native ms", "spread %"], rows) + "\n\n" + "\n".join(speeds)


def _by_class(ratios: dict[str, dict[str, float]], shared: list[str], others: list[str]) -> str:
    """Geometric means over the kernels of a class, over clang's time and over wasmtime's."""
    kinds: dict[str, list[str]] = {}
    for row in KERNELS:
        if row.name in shared:
            kinds.setdefault(row.kind, []).append(row.name)
    heads = ["class", *others]
    peer = "wasmtime" if "wasmtime" in others else None
    if peer:
        heads += [f"{name} / wasmtime" for name in others if name != peer]
    rows = []
    for kind, kernels in kinds.items():
        means = {name: geometric_mean(ratios[name][kernel] for kernel in kernels) for name in others}
        cells = [f"{means[name]:.2f}" for name in others]
        if peer:
            cells += [f"{means[name] / means[peer]:.2f}" for name in others if name != peer]
        rows.append([f"{kind}: {', '.join(kernels)}", *cells])
    return table(heads, rows)


def _cost(samples: dict[str, dict[str, Sample]], plain: str, configured: str) -> str:
    ratios = {
        kernel: row[configured].minimum / row[plain].minimum
        for kernel, row in samples.items()
        if plain in row and configured in row
    }
    if not ratios:
        return f"{configured}: nothing was measured"
    least, most = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    return (
        f"{configured} / {plain}: geometric mean {geometric_mean(ratios.values()):.3f}, "
        f"least {ratios[least]:.2f} ({least}), most {ratios[most]:.2f} ({most})"
    )


if __name__ == "__main__":
    sys.exit(main())
