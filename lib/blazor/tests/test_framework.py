"""What is in a directory ``_framework``: the forms of its boot configuration, and directories that are none."""

from __future__ import annotations

import json
from pathlib import Path

import made
import pytest

from wasmer_blazor import UnknownFramework, open_framework
from wasmer_blazor.framework import without_fingerprint

LIBRARY = "System.Private.CoreLib"
INTEROP = "System.Runtime.InteropServices.JavaScript"
OF_8 = {"resources": {"wasmNative": {"dotnet.native.wasm": ""}, "assembly": {f"{LIBRARY}.wasm": "sha256-x"}}}
OF_9 = {
    "resources": {
        "fingerprinting": {f"{LIBRARY}.abcdefghi0.wasm": f"{LIBRARY}.wasm"},
        "wasmNative": {"dotnet.native.wasm": "sha256-x"},
        "coreAssembly": {f"{LIBRARY}.abcdefghi0.wasm": "sha256-x"},
        "assembly": {f"{INTEROP}.abcdefghi0.wasm": "sha256-x", "Absent.abcdefghi0.wasm": "sha256-x"},
    },
    "environmentVariables": {"NAME": "value", "NUMBER": 1},
}
OF_10 = {
    "resources": {
        "wasmNative": [{"name": "dotnet.native.wasm", "hash": "sha256-x"}],
        "coreAssembly": [{"virtualPath": f"{LIBRARY}.wasm", "name": f"{LIBRARY}.abcdefghi0.wasm"}],
        "assembly": [{"virtualPath": f"{INTEROP}.wasm", "name": f"{INTEROP}.abcdefghi0.wasm"}],
    },
    "runtimeConfig": {"runtimeOptions": {"configProperties": {"A": True, "B": "text", "C": 2, "D": None, "E": []}}},
}


def test_the_form_of_8(tmp_path: Path) -> None:
    found = open_framework(made.framework(tmp_path, b"", version=8, boot=OF_8))
    assert found.assemblies == {f"{LIBRARY}.wasm": tmp_path / f"{LIBRARY}.wasm"}
    assert found.version == (8, 0, 0, 0)
    assert found.native == tmp_path / "dotnet.native.wasm"


def test_the_form_of_9(tmp_path: Path) -> None:
    found = open_framework(made.framework(tmp_path, b"", boot=OF_9, names="fingerprinted"))
    assert found.assemblies == {f"{each}.wasm": tmp_path / f"{each}.abcdefghi0.wasm" for each in (LIBRARY, INTEROP)}
    assert found.environment == {"NAME": "value"}
    assert found.has(LIBRARY) and not found.has("Absent")


@pytest.mark.parametrize("file", ["dotnet.js", "dotnet.boot.js"])
def test_the_form_of_10(tmp_path: Path, file: str) -> None:
    made.framework(tmp_path, b"", version=10, names="fingerprinted")
    (tmp_path / file).write_text(f"start(/*json-start*/{json.dumps(OF_10)}/*json-end*/);")
    found = open_framework(tmp_path)
    assert found.assemblies == {f"{each}.wasm": tmp_path / f"{each}.abcdefghi0.wasm" for each in (LIBRARY, INTEROP)}
    assert found.properties == {"A": "true", "B": "text", "C": "2"}


def test_javascript_without_a_configuration(tmp_path: Path) -> None:
    made.framework(tmp_path, b"", names="fingerprinted")
    (tmp_path / "dotnet.js").write_text("loads blazor.boot.json")
    assert set(open_framework(tmp_path).assemblies) == {f"{LIBRARY}.wasm", f"{INTEROP}.wasm"}


@pytest.mark.parametrize("below", ["_framework", "wwwroot/_framework"])
def test_a_directory_above(tmp_path: Path, below: str) -> None:
    made.framework(tmp_path / below, b"")
    assert open_framework(tmp_path).folder == tmp_path / below


def test_no_name_leads_out_of_the_directory(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wasm"
    secret.write_bytes(made.wrapped(made.webcil("secret")))
    boot = {
        "resources": {"assembly": [{"name": "../secret.wasm"}, {"name": f"{LIBRARY}.wasm", "virtualPath": "../x.wasm"}]}
    }
    boot["resources"]["assembly"].append({"name": f"{LIBRARY}.wasm"})
    boot["resources"]["assembly"] += [{"name": str(secret)}, {"name": 1}, "text", None]  # type: ignore[list-item]
    found = open_framework(made.framework(tmp_path / "_framework", b"", boot=boot))
    assert set(found.assemblies) == {"x.wasm", f"{LIBRARY}.wasm"}
    assert all(path.parent == tmp_path / "_framework" for path in found.assemblies.values())


def test_directories_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UnknownFramework, match="no such directory"):
        open_framework(tmp_path / "absent")
    with pytest.raises(UnknownFramework, match=r"no \.NET runtime"):
        open_framework(tmp_path)
    (tmp_path / "dotnet.native.wasm").write_bytes(b"")
    with pytest.raises(UnknownFramework, match="no assembly"):
        open_framework(tmp_path)
    (tmp_path / "Some.wasm").write_bytes(b"")
    with pytest.raises(UnknownFramework, match=LIBRARY):
        open_framework(tmp_path)


@pytest.mark.parametrize("version", [7, 11])
def test_other_versions(tmp_path: Path, version: int) -> None:
    with pytest.raises(UnknownFramework, match=rf"has \.NET {version}\.0: \.NET 8 to 10 can be run"):
        open_framework(made.framework(tmp_path, b"", version=version))


@pytest.mark.parametrize(
    ("boot", "says"),
    [
        ("{", "no JSON"),
        ("[1]", "no object"),
        ("[" * 100_000, "no JSON"),
        ('{"a": "' + "x" * (17 << 20) + '"}', "more than"),
    ],
    ids=["truncated", "a list", "deep", "long"],
)
def test_boot_configurations_that_are_none(tmp_path: Path, boot: str, says: str) -> None:
    with pytest.raises(UnknownFramework, match=says):
        open_framework(made.framework(tmp_path, b"", boot=boot))


@pytest.mark.parametrize(
    "boot", [{"resources": 1}, {"resources": {"assembly": 5, "wasmNative": "x"}, "runtimeConfig": []}]
)
def test_values_of_other_kinds_are_passed_over(tmp_path: Path, boot: object) -> None:
    assert open_framework(made.framework(tmp_path, b"", boot=boot)).properties == {}


def test_fingerprints() -> None:
    assert without_fingerprint("System.Text.Json.3fm0130zj1.wasm") == "System.Text.Json.wasm"
    assert without_fingerprint("System.Text.Json.wasm") == "System.Text.Json.wasm"
    assert without_fingerprint("System.Collections.dll") == "System.Collections.dll"
