"""What a user waits for: seconds of CPU from the bytes of a module to the compiled module.

Run as ``python benchmarks/compiling.py [--backends singlepass]``. The modules are those of
``compile_speed.py``, which looks into the pipeline and therefore fits one tree only. This
script calls the facade, `wasmer_runtime.compile`, and nothing below it, so that
``tools/against.py`` can ask an earlier commit the same question.
"""

from __future__ import annotations

import sys

from support.measure import Sample, alternate, arguments, table, write_json
from support.npm import LARGE, PACKAGES, FetchError, fetch

import wasmer_runtime


def main() -> int:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--backends", default="singlepass", help="separated by commas (default: singlepass)")
    options = parser.parse_args()
    backends = list(filter(None, options.backends.split(",")))
    taken: dict[str, dict[str, Sample]] = {}
    for package in PACKAGES if options.quick else (*PACKAGES, *LARGE):
        try:
            binary = fetch(package)
        except FetchError as error:
            print(error, file=sys.stderr)
            return 2
        taken[package.name] = alternate(
            {
                backend: lambda backend=backend, binary=binary: wasmer_runtime.compile(binary, backend=backend)  # type: ignore[misc]
                for backend in backends
            },
            2 if options.quick else options.rounds,
        )
    rows = [
        [f"{name}, {backend}", f"{sample.minimum * 1e3:.0f}", f"{sample.median * 1e3:.0f}"]
        for name, samples in taken.items()
        for backend, sample in samples.items()
    ]
    print(table(["milliseconds of CPU", "least", "median"], rows))
    write_json(options.json, {"compile": taken})
    return 0


if __name__ == "__main__":
    sys.exit(main())
