"""dist/: an index that pip reads, wheels that are not too large; who waits for wheels is told what is built."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest

from tools import release, wheels


def wheel(folder: Path, name: str, version: str = "1.0") -> Path:
    """A wheel of a module with nothing in it."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"VALUE = {version!r}\n")
        file.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return path


def test_pip_installs_from_the_index(tmp_path: Path) -> None:
    dist, into = tmp_path / "dist", tmp_path / "into"
    dist.mkdir()
    wheel(dist, "made_here")
    wheel(dist, "made_here", "1.1")
    (dist / "made_here-1.1.tar.gz").write_bytes(b"")
    release.make_index(dist)
    page = (dist / "simple" / "made-here" / "index.html").read_text()
    assert page.count("<a href=") == 3 and "#sha256=" in page
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(dist))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index = f"http://127.0.0.1:{server.server_address[1]}/simple/"
        command = [sys.executable, "-m", "pip", "install", "-q", "--index-url", index, "-t", str(into), "made-here"]
        done = subprocess.run([*command, "--isolated", "--no-cache-dir"], capture_output=True, text=True)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert "1.1" in (into / "made_here.py").read_text()


def test_wheels_have_a_largest_size(tmp_path: Path) -> None:
    small, large = tmp_path / "wasmer_vfs-0.1.0-py3-none-any.whl", tmp_path / "wasmer_runtime_core-0.1.0-cp311.whl"
    small.write_bytes(bytes(100))
    large.write_bytes(bytes(release.LARGEST["wasmer_runtime_core"]))
    release.check_sizes([small, large])
    large.write_bytes(bytes(release.LARGEST["wasmer_runtime_core"] + 1))
    with pytest.raises(release.ReleaseFailed, match="3,000,001 bytes; it may have 3,000,000"):
        release.check_sizes([small, large])


def test_who_waits_for_wheels_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.Told, "EVERY_SECONDS", 0.01)
    with wheels.Told(["one", "two"]) as told:
        with told.step("one"):
            time.sleep(0.05)
        with told.step("two"):
            pass
    lines = [line.split(" s  ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert "building one ..." in lines
    assert lines[-2].startswith("one: built in 0 s, 1 left") or "one: built in 0 s, 1 left" in lines
    assert lines[-1] == "two: built in 0 s"


@pytest.mark.parametrize(
    ("compiler", "says"),
    [
        ("/bin/false", "does not compile a line (exit code 1). Install gcc, or name a compiler that works in CC"),
        (f"{sys.executable} -c 'raise SystemExit(\"no such target\")'", "(exit code 1):\nno such target"),
    ],
)
def test_a_compiler_that_does_not_work_is_found_at_once(
    compiler: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wasmer_runtime_core.native import build

    monkeypatch.setenv("CC", compiler)
    with pytest.raises(build.BuildError) as failure:
        build.check_platform()
    assert str(failure.value).endswith(says)
