"""PHP's command line; what its package does in JavaScript for files and processes are functions of Python's here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from wasmer_emscripten import ExitCode, load
from wasmer_emscripten.functions import ROWS

SCRIPT: Final = """<?php
echo PHP_MAJOR_VERSION, ' ', array_sum(range(1, 100)), ' ', json_encode(['a' => 1.5, 'b' => [null, true]]), "\\n";
echo preg_replace('/a+/', 'b', 'caat'), ' ', hash('sha256', 'x'), ' ', sprintf('%05.2f', M_PI), "\\n";
function numbers() { $received = yield 1; yield $received * 2; }
$made = numbers(); echo $made->current(), ' ', $made->send(21), "\\n";
try { intdiv(1, 0); } catch (DivisionByZeroError $error) { echo get_class($error), ': ', $error->getMessage(), "\\n"; }
file_put_contents('/tmp/a', "x\\ny\\n"); echo count(file('/tmp/a')), ' ', strrev('abc'), ' ', $argv[1], "\\n";
$list = [3, 1, 2]; usort($list, fn($a, $b) => $a <=> $b);
echo (new DateTime('@86400'))->format("Y-m-d"), " ", $list[0], "\\n";
$all = (new SimpleXMLElement('<a><b>1</b><b>2</b></a>'))->b; echo count($all), ' ', gzcompress('x') !== '', "\\n";
exit(3);
"""
EXPECTED: Final = (
    '8 5050 {"a":1.5,"b":[null,true]}',
    "cbt 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 03.14",
    "1 42",
    "DivisionByZeroError: Division by zero",
    "2 cba given",
    "1970-01-02 1",
    "2 1",
    "exit 3",
)


def expected() -> tuple[str, ...]:
    """What any PHP 8 prints: its package needs another one to begin in node."""
    return EXPECTED


class Host:
    """What the module's own JavaScript does."""

    def __init__(self) -> None:
        self.program: Any = None

    def read(self, descriptor: int, vectors: int, count: int, given: int) -> Any:
        """Read as `fd_read` does: a wait is a wait here."""
        return ROWS["fd_read"][0].function(self.program.process, descriptor, vectors, count, given)

    def functions(self) -> dict[str, Any]:
        nothing: Any = lambda *_: 0  # noqa: E731
        return {
            "js_fd_read": self.read, "js_getpid": lambda: 42, "js_flock": nothing, "wasm_close": nothing,
            "js_release_file_locks": lambda: None, "_setitimer_js": nothing,
        }  # fmt: skip


def run(folder: Path, backend: str) -> Iterator[str]:
    host = Host()
    glue = folder / "_php-wasm_node-8-3/asyncify/php_8_3.js"
    with load(glue, backend=backend, functions=host.functions(), stdout=None, stderr=None) as program:
        host.program = program
        program.fs.mkdir("/request", parents=True, exist_ok=True)
        program.fs.mkdir("/internal/shared/preload", parents=True, exist_ok=True)
        for name in ("stdout", "stderr", "headers"):  # devices of JavaScript's, in node
            program.fs.write_bytes(f"/request/{name}", b"")
        program.fs.write_text("/script.php", SCRIPT)
        for argument in ("php", "/script.php", "given"):
            program.ccall("wasm_add_cli_arg", None, [str], argument)
        try:
            program.run_cli()
            code = 0
        except ExitCode as ended:
            code = ended.code
        yield from program.fs.read_bytes("/request/stdout").decode().splitlines()
        yield f"exit {code}"
