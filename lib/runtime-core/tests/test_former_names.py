"""Modules are found by the names that they had before they were put into rooms."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from wasmer_runtime_core.former_names import FORMER_NAMES, MOVED_MEMBERS, PACKAGE, present_name


@pytest.mark.parametrize("former", FORMER_NAMES)
def test_a_former_name_has_all_that_the_present_one_has(former: str) -> None:
    present = import_module(PACKAGE + FORMER_NAMES[former])
    specification = present.__spec__
    found = import_module(PACKAGE + former)
    for name in getattr(present, "__all__", [name for name in vars(present) if not name.startswith("_")]):
        assert getattr(found, name) is getattr(present, name)
    assert present.__spec__ is specification
    assert present_name(PACKAGE + FORMER_NAMES[former]) is None


@pytest.mark.parametrize(("former", "member"), [(name, each) for name, row in MOVED_MEMBERS.items() for each in row])
def test_members_that_have_parted_are_found(former: str, member: str) -> None:
    home = import_module(PACKAGE + MOVED_MEMBERS[former][member])
    assert getattr(import_module(PACKAGE + former), member) is getattr(home, member)


@pytest.mark.parametrize(
    "imported", ["wasm.body import text", "wasm.operators import internal", "wasm.body import Body"]
)
def test_packages_that_were_modules_give_their_modules_too(imported: str) -> None:
    """In a new process, where the package is asked for the name before the module is there."""
    subprocess.run([sys.executable, "-c", f"from wasmer_runtime_core.{imported}"], check=True)


def test_what_lies_in_a_package_of_a_former_name_runs_once() -> None:
    for former, present in (
        ("asm.x64.records", "codegen.x64.records"),
        ("asm.x64.forms.rows", "codegen.x64.forms.rows"),
        ("middleware.metering", "compiling.middleware.metering"),
        ("dwarf.units", "wasm.debug.dwarf.units"),
    ):
        assert import_module(PACKAGE + former) is import_module(PACKAGE + present)


def test_modules_that_are_packages_now_have_what_they_had() -> None:
    from wasmer_runtime_core.wasm.body import Body  # type: ignore[attr-defined]
    from wasmer_runtime_core.wasm.operators import BY_MNEMONIC  # type: ignore[attr-defined]

    assert Body.__name__ == "Body" and BY_MNEMONIC["nop"].code == 1


def test_in_either_order() -> None:
    program = """
import sys
import wasmer_runtime_core.pipeline as former
from wasmer_runtime_core import compile_with, Memory
assert former.compile_with is compile_with
import wasmer_runtime_core.memory
assert wasmer_runtime_core.memory.Memory is Memory
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_other_names_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"wasmer_runtime_core\.nothing"):
        import_module("wasmer_runtime_core.nothing")
    with pytest.raises(ModuleNotFoundError):
        import_module("wasmer_runtime_core.asm.z80")
