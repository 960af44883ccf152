"""Files that are packed beside a module: in the program's tree before anything is mounted, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import imitation

from wasmer_emscripten import load
from wasmer_emscripten.glue.packaged import MAX_FILES, Packed, packed
from wasmer_runtime_core.compiling.pipeline import read_module
from wasmer_vfs import MemoryDirectory

LISTED = 'loadPackage({"files": [%s], "remote_package_size": 11, "package_uuid": "x"});'
ENTRY = '{"filename": "%s", "start": %d, "end": %d}'
TWO = LISTED % ", ".join((ENTRY % ("/data/deep/one.txt", 0, 5), ENTRY % ("/two", 5, 11)))


@pytest.fixture(scope="module")
def module() -> bytes:
    return read_module(imitation())


def written(folder: Path, module: bytes, glue: str = TWO) -> Path:
    (folder / "packed.wasm").write_bytes(module)
    (folder / "packed.js").write_text(glue)
    return folder / "packed.wasm"


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        TWO.replace('"filename"', "filename").replace('"start"', "start").replace('"end"', "end").replace(" ", ""),
        TWO.replace('"', "'"),
    ],
)
def test_what_the_glue_lists_is_there(text: str, tmp_path: Path, module: bytes) -> None:
    assert packed(text) == [Packed("/data/deep/one.txt", 0, 5), Packed("/two", 5, 11)]
    path = written(tmp_path, module, text)
    (tmp_path / "packed.data").write_bytes(b"firstsecond")
    program = load(path)
    assert program.process.tree.mode_of(program.fs.stat("/two")) & 0o777 == 0o777
    assert program.fs.read_bytes("/data/deep/one.txt") == b"first" and program.fs.read_bytes("/two") == b"second"


def test_data_that_are_given_and_none(tmp_path: Path, module: bytes) -> None:
    (tmp_path / "other.data").write_bytes(b"FIRSTSECOND")
    for given in (b"FIRSTSECOND", tmp_path / "other.data", str(tmp_path / "other.data")):
        program = load(written(tmp_path, module), data=given)
        assert program.fs.read_bytes("/two") == b"SECOND"
    assert not load(written(tmp_path, module), data=None).fs.exists("/two")
    with pytest.raises(FileNotFoundError, match=r"/data/deep/one\.txt.*packed\.data.*data="):
        load(written(tmp_path, module))


def test_nothing_of_it_reaches_what_is_mounted(tmp_path: Path, module: bytes) -> None:
    place = tmp_path / "host"
    place.mkdir()
    memory = MemoryDirectory({"mine": b"mine"})
    program = load(written(tmp_path, module), data=b"firstsecond", mounts={"/data": str(place), "/data/deep": memory})
    assert list(place.iterdir()) == [] and program.fs.read_bytes("/data/deep/mine") == b"mine"
    assert not program.fs.exists("/data/deep/one.txt") and program.fs.read_bytes("/two") == b"second"
    escaping = LISTED % ENTRY.replace("%s", "../../..%s") % (place / "x", 0, 5)
    load(written(tmp_path, module, escaping), data=b"firstsecond", mounts={"/data": str(place)})
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(("start", "end"), [(0, 12), (12, 13), (5, 4), (0, 10**11)])
def test_a_file_that_is_not_in_the_data(start: int, end: int, tmp_path: Path, module: bytes) -> None:
    with pytest.raises(ValueError, match=r"/file lies behind the end of the data, which have 11 bytes"):
        load(written(tmp_path, module, LISTED % ENTRY % ("/file", start, end)), data=b"firstsecond")


def test_lists_of_any_length_and_other_texts() -> None:
    entry = ENTRY % ("/f", 0, 1)
    assert len(packed(LISTED % ",".join([entry] * 1000))) == 1000
    with pytest.raises(ValueError, match="more than"):
        packed(LISTED % ",".join([entry] * (MAX_FILES + 1)))
    for piece in ('{"filename":"', "{filename:", '{"filename":"a","start":', '{"', "'filename':'a\\\\'"):
        assert packed("remote_package_size" + piece * 20_000) == []
    assert packed(TWO.replace("remote_package_size", "size")) == []
