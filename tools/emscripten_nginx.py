"""Build nginx from Debian's source package with emcc, let it serve files on this machine, compare what clients get.

    python tools/emscripten_nginx.py [--backend NAME]… [--source FOLDER] [--module FILE]

``emcc`` is looked for as `tools/emscripten_fixtures.py` does, the source fetched as `tools/emscripten_lua.py` does.
What clients get is compared with the files, and between the backends. Prints a table; the exit code is 1 if anything
differs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

fixtures: Any = importlib.import_module("emscripten_fixtures")  # beside this file
lua: Any = importlib.import_module("emscripten_lua")

LONG: Final = 600
"""Seconds after which something is given up that should have come at once."""
REQUESTS: Final = 1000
CONCURRENCY: Final = 8
MTIME: Final = 1_600_000_000
"""When the files were last changed, which nginx tells."""

CONFIGURE: Final = (
    "--crossbuild=Linux:5.0:i386",
    "--prefix=/srv",
    "--with-poll_module",
    "--without-select_module",
    "--without-pcre",
    *(f"--without-http_{name}_module" for name in (
        "rewrite", "gzip", "upstream_zone", "upstream_hash", "upstream_ip_hash", "upstream_least_conn",
        "upstream_random", "upstream_keepalive", "proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached", "ssi",
        "userid", "auth_basic", "mirror", "geo", "map", "split_clients", "referer", "empty_gif", "browser",
    )),
    "--without-http-cache",
)  # fmt: skip
"""What it is built without needs libraries, or other servers."""

COMPILER: Final = """#!/bin/sh
# What emcc makes is JavaScript: what configure tries has to run, and nginx itself has calls of its host's.
for each; do
    [ "$previous" = -o ] && output=$each
    previous=$each
done
case $output in
*/nginx) exec {emcc} "$@" {calls} -O1 -sEXIT_RUNTIME=1 -sALLOW_MEMORY_GROWTH=1 -sFORCE_FILESYSTEM=1 \\
    -sERROR_ON_UNDEFINED_SYMBOLS=0 ;;
*/autotest)
    {emcc} "$@" -O0 -sEXIT_RUNTIME=1 -sFORCE_FILESYSTEM=1 || exit
    {{ echo '#!/usr/bin/env -S node --no-experimental-fetch'; cat "$output"; }} > "$output.run"
    mv "$output.run" "$output"
    chmod +x "$output" ;;
*) exec {emcc} "$@" ;;
esac
"""

LIMITS: Final = """
#include <sys/resource.h>

/* emcc 3.1.6's own says that there is none, and nginx makes a table with so many places. */
int getrlimit(int resource, struct rlimit *limit) {
    limit->rlim_cur = limit->rlim_max = 256;
    return 0;
}
"""

CONFIGURATION: Final = """
daemon off;
master_process off;
error_log stderr notice;
pid /srv/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    default_type application/octet-stream;
    types {{ text/html html; text/plain txt; }}
    client_body_temp_path /tmp/body;
    server {{
        listen 127.0.0.1:{port};
        root /www;
        location /listed/ {{ autoindex on; }}
    }}
}}
"""

FILES: Final[dict[str, bytes]] = {
    "index.html": b"<h1>hello</h1>\n",
    "empty.txt": b"",
    "deep/er/page.html": b"<p>deeper</p>",
    "big.bin": bytes(at * at % 251 for at in range(300_000)),
    "listed/one.txt": b"one",
    "listed/two.txt": b"two",
}


def build(source: Path, into: Path) -> Path:
    """The module of the server."""
    command = fixtures.emcc("c")
    assert command is not None
    limits, compiler = into / "limits.c", into / "compiler"
    limits.write_text(LIMITS)
    calls = shlex.join(map(str, (fixtures.TESTS / "programs" / "socket_calls.c", limits)))
    compiler.write_text(COMPILER.format(emcc=shlex.join(map(str, command)), calls=calls))
    compiler.chmod(0o755)
    quietly = {"cwd": source, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run(["./configure", f"--with-cc={compiler}", "--with-cc-opt=-O2 -w", *CONFIGURE], **quietly)  # type: ignore[call-overload]
    subprocess.run(["make", f"-j{os.cpu_count()}", "build"], stderr=subprocess.DEVNULL, **quietly)  # type: ignore[call-overload]
    return source / "objs" / "nginx.wasm"


# --- a server in a thread, and what clients get of it


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def server(module: Any, files: Path, port: int) -> Any:
    """nginx, loaded."""
    from wasmer_emscripten import CAPTURE, Network, load

    program = load(
        module,
        name="nginx",
        args=["-c", "/srv/nginx.conf"],
        env={"TZ": "UTC"},
        stdin=None,
        stdout=CAPTURE,
        stderr=CAPTURE,
        mounts={"/www": files},
        functions={"__syscall_geteuid32": lambda: 1000},  # else it looks for a user to become
        net=Network(listen=[f"127.0.0.1:{port}"]),
    )
    program.fs.mkdir("/srv/logs", parents=True)
    program.fs.write_text("/srv/nginx.conf", CONFIGURATION.format(port=port))
    return program


def wait_until_it_listens(port: int) -> None:
    ends = time.monotonic() + LONG
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), LONG).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.01)


Answer = tuple[int, dict[str, str], bytes]


class Client:
    """One connection, which is kept."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=LONG)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        self.connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = self.connection.getresponse()
        kept = {name: text for name, text in response.getheaders() if name != "Date"}
        return response.status, kept, response.read()


def pages(port: int) -> list[Any]:
    client = Client(port)
    found = [client.ask("/"), *(client.ask(f"/{name}") for name in FILES), client.ask("/listed/")]
    assert [answer[0] for answer in found] == [200] * len(found)
    assert [answer[2] for answer in found[:-1]] == [FILES["index.html"], *FILES.values()]
    assert b'<a href="two.txt">' in found[-1][2]
    assert found[0][1]["Content-Type"] == "text/html" and "2020 12:26:40 GMT" in found[0][1]["Last-Modified"]
    return found


def what_is_not_there(port: int) -> list[Any]:
    client = Client(port)
    found = [client.ask(path) for path in ("/none", "/deep", "/deep/", "/%2e%2e/%2e%2e/srv/nginx.conf", "/a%00b")]
    found += [client.ask("/", "POST"), client.ask("/", "PUT")]
    assert [answer[0] for answer in found] == [404, 301, 403, 400, 400, 405, 405], [answer[0] for answer in found]
    return [(code, text.get("Location", "").replace(str(port), "PORT"), body) for code, text, body in found]


def heads(port: int) -> list[Any]:
    client = Client(port)
    found = [client.ask(f"/{name}", "HEAD") for name in (*FILES, "none")]
    for name, (code, text, body) in zip((*FILES, "none"), found, strict=True):
        assert body == b"" and code == (404 if name == "none" else 200)
        assert name == "none" or int(text["Content-Length"]) == len(FILES[name])
    return found


def ranges(port: int) -> list[Any]:
    client = Client(port)
    whole = FILES["big.bin"]
    for wanted, data in (("0-9", whole[:10]), ("-5", whole[-5:]), ("299990-", whole[-10:]), ("7-7", whole[7:8])):
        code, text, body = client.ask("/big.bin", Range=f"bytes={wanted}")
        assert (code, body) == (206, data) and text["Content-Range"].endswith("/300000")
    code, text, body = client.ask("/big.bin", Range="bytes=0-1,100000-100001")
    assert code == 206 and text["Content-Type"].startswith("multipart/byteranges") and whole[:2] in body
    code, text, _ = client.ask("/big.bin", Range="bytes=300000-")
    assert code == 416 and text["Content-Range"] == "bytes */300000"
    tag = client.ask("/big.bin")[1]["ETag"]
    assert client.ask("/big.bin", If_None_Match=tag)[::2] == (304, b"")
    assert client.ask("/big.bin", If_Range='"other"', Range="bytes=0-1")[::2] == (200, whole)
    return [tag]


def keep_alive(port: int) -> list[Any]:
    client = Client(port)
    client.ask("/")
    first = client.connection.sock.getsockname()
    for _ in range(50):
        assert client.ask("/deep/er/page.html")[2] == FILES["deep/er/page.html"]
    assert client.connection.sock.getsockname() == first
    code, text, _ = client.ask("/", Connection="close")
    assert code == 200 and text["Connection"] == "close"
    with socket.create_connection(("127.0.0.1", port), LONG) as raw:  # several at once, the last one of HTTP/1.0
        raw.sendall(b"GET /listed/one.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + b"GET /listed/two.txt HTTP/1.0\r\n\r\n")
        received = b""
        while piece := raw.recv(65536):
            received += piece
    assert received.count(b"\r\n\r\none") == 3 and received.endswith(b"\r\n\r\ntwo")
    return [received.count(b"200 OK")]


def many(port: int) -> list[Any]:
    """Half of the requests on connections that are kept, half on new ones; none is lost."""
    names = list(FILES)
    lost: list[BaseException] = []
    done = [0] * CONCURRENCY

    def ask(number: int) -> None:
        try:
            client = Client(port)
            for at in range(REQUESTS // CONCURRENCY):
                name = names[(at + number) % len(names)]
                one = client if at % 2 else Client(port)
                code, _, body = one.ask(f"/{name}")
                assert code == 200 and body == FILES[name]
                if one is not client:
                    one.connection.close()
                done[number] += 1
        except BaseException as failure:
            lost.append(failure)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CONCURRENCY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not lost, lost
    assert sum(done) == REQUESTS
    return [sum(done)]


CHECKS: Final[tuple[Callable[[int], list[Any]], ...]] = (pages, what_is_not_there, heads, ranges, keep_alive, many)


def is_free(port: int) -> None:
    """Nobody listens there any more, and somebody can."""
    try:
        socket.create_connection(("127.0.0.1", port), LONG).close()
        raise AssertionError(f"something still listens at port {port}")
    except ConnectionRefusedError:
        pass
    with socket.create_server(("127.0.0.1", port)):  # with SO_REUSEADDR, as every server does
        pass


def run_until(program: Any, port: int, ends: type[BaseException], seconds: float, clients: Callable[[], None]) -> bool:
    """Serve in this thread, the main one, with the clients in another; whether it has ended as it should.

    Raises:
        BaseException: it ended in another way, or what a client has met.
    """
    from wasmer_runtime_core.running.interrupts import timeout

    failures: list[BaseException] = []

    def run() -> None:
        try:
            wait_until_it_listens(port)
            clients()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ended = False
    try:
        with timeout(seconds):
            program.main()
    except ends:
        ended = True
    finally:
        thread.join(LONG if ended else 1)
    if failures:
        sys.stderr.write(program.stderr_bytes().decode("utf-8", "replace"))
        raise failures[0]
    return ended


def serve(module: Any, files: Path) -> dict[str, list[Any]]:
    """All checks with one server, which a signal stops."""
    port = free_port()
    found: dict[str, list[Any]] = {}

    def clients() -> None:
        try:
            for check in CHECKS:
                found[check.__name__.replace("_", " ")] = check(port)
        finally:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    program = server(module, files, port)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert run_until(program, port, KeyboardInterrupt, LONG, clients), program.stderr_bytes()
    finally:
        signal.signal(signal.SIGINT, before)
    is_free(port)
    program.close()
    found["stopped by a signal"] = ["KeyboardInterrupt"]
    return found


def serve_until_a_deadline(module: Any, files: Path) -> list[Any]:
    """It is asked something, and then nothing until its time is over."""
    from wasmer_runtime_core.errors import Timeout

    for seconds in (1, 8, 64, LONG):  # however long a loaded machine takes until it was asked
        port = free_port()
        program = server(module, files, port)
        asked: list[Answer] = []

        def clients(port: int = port, asked: list[Answer] = asked) -> None:
            try:
                asked.append(Client(port).ask("/"))
            except OSError:
                pass  # it was over before

        assert run_until(program, port, Timeout, seconds, clients), program.stderr_bytes()
        is_free(port)
        program.close()
        if asked:
            assert asked[0][0] == 200
            return ["Timeout"]
    raise AssertionError(f"nginx has answered nothing in {LONG} seconds")


def documented(path: Path, folder: Path) -> bool:
    """Whether the lines of the documentation serve a page, until they are stopped."""
    pages: Any = importlib.import_module("emscripten_documented")
    port = free_port()
    lines = pages.block("emscripten-sockets.md", "nginx").replace("8080", str(port))
    site = folder / "site"
    (site / "logs").mkdir(parents=True)
    shutil.copyfile(path, folder / "nginx.wasm")
    (site / "index.html").write_bytes(FILES["index.html"])
    (site / "nginx.conf").write_text(CONFIGURATION.format(port=port).replace("root /www", "root /srv"))
    asked: list[Answer] = []

    def client() -> None:
        try:
            wait_until_it_listens(port)
            asked.append(Client(port).ask("/"))
        finally:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=client, daemon=True)
    thread.start()
    try:
        pages.run(lines, folder)
        return False  # it stops when it is stopped
    except KeyboardInterrupt:
        thread.join(LONG)
        return [answer[::2] for answer in asked] == [(200, FILES["index.html"])]
    finally:
        signal.signal(signal.SIGINT, before)


def write_files(folder: Path) -> None:
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (MTIME, MTIME))
    os.utime(folder / "listed", (MTIME, MTIME))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", help="run on this one. Default: singlepass")
    parser.add_argument("--source", type=Path, help="the source package, unpacked")
    parser.add_argument("--module", type=Path, help="the module, built")
    options = parser.parse_args()
    if options.module is None and (fixtures.emcc("c") is None or shutil.which("node") is None):
        print("emcc and node are not on the PATH (Debian: apt install emscripten): nginx was not built")
        return 0
    from wasmer_runtime_core.compile_module import compile_with
    from wasmer_runtime_core.compiling.registry import find_compiler

    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        path = options.module
        if path is None:
            source = options.source or lua.fetch(into, "nginx")
            if source is None:
                print("apt cannot get Debian's source package nginx: nginx was not built")
                return 0
            path = build(source, into)
        write_files(into / "www")
        shown = into / "documentation"
        shown.mkdir()
        served = documented(path, shown)
        failed += not served
        print(f"nginx documentation {'same' if served else 'DIFFERENT'}", flush=True)
        first: dict[str, list[Any]] = {}
        for backend in options.backend or ["singlepass"]:
            module = compile_with(path, find_compiler(backend))
            found = serve(module, into / "www")
            found["stopped by a deadline"] = serve_until_a_deadline(module, into / "www")
            first = first or found
            for what, answers in found.items():
                equal = answers == first[what]
                failed += not equal
                print(f"nginx {what:22} {backend:10} {'same' if equal else 'DIFFERENT'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
