"""Finding out which version a module was built for."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from wasmer_wasi import WasiVersion, get_wasi_version, is_wasi_module

OLD, NEW, OTHER = "wasi_unstable", "wasi_snapshot_preview1", "env"
FUNCTION, MEMORY = 0, 2


class Import(NamedTuple):
    namespace: str
    kind: int = FUNCTION


class Info:
    def __init__(self, *imports: Import) -> None:
        self.imports = list(imports)


CASES = [
    ("nothing imported", [], None, None),
    ("snapshot0", [Import(OLD), Import(OLD)], WasiVersion.SNAPSHOT0, WasiVersion.SNAPSHOT0),
    ("snapshot1", [Import(NEW)], WasiVersion.SNAPSHOT1, WasiVersion.SNAPSHOT1),
    ("another namespace first", [Import(OTHER), Import(NEW)], None, WasiVersion.SNAPSHOT1),
    ("another namespace last", [Import(NEW), Import(OTHER)], None, WasiVersion.SNAPSHOT1),
    ("both versions", [Import(NEW), Import(OLD)], None, WasiVersion.SNAPSHOT1),
    ("both versions, old first", [Import(OLD), Import(NEW)], None, WasiVersion.SNAPSHOT0),
    ("only another namespace", [Import(OTHER)], None, None),
    ("a memory counts for nothing", [Import(OTHER, MEMORY), Import(NEW)], WasiVersion.SNAPSHOT1, WasiVersion.SNAPSHOT1),
    ("nor does one from WASI", [Import(NEW, MEMORY)], None, None),
]


@pytest.mark.parametrize(("imports", "strict", "loose"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_detection(imports: list[Import], strict: WasiVersion | None, loose: WasiVersion | None) -> None:
    info = Info(*imports)
    assert get_wasi_version(info, strict=True) is strict
    assert get_wasi_version(info, strict=False) is loose
    assert is_wasi_module(info) is (loose is not None)


def test_names() -> None:
    assert WasiVersion.LATEST.namespace == WasiVersion.SNAPSHOT1.namespace == NEW
    assert WasiVersion.SNAPSHOT0.namespace == OLD
    assert WasiVersion.parse("Snapshot0") is WasiVersion.SNAPSHOT0
    assert WasiVersion.parse("wasi_snapshot_preview1") is WasiVersion.SNAPSHOT1
    assert WasiVersion.parse("latest") is WasiVersion.LATEST
    with pytest.raises(ValueError, match="The WASI version snapshot7 doesn't exist; there are snapshot0, snapshot1"):
        WasiVersion.parse("snapshot7")
