"""How a distribution of this project is built: the one implementation behind every `hatch_build.py`.

A wheel holds, beside the Python sources, a *bundle* of the bytecode of its modules (`bundles`), so it is for one
version of Python; and two kinds of machine code, where the distribution has them. The *hot modules*, listed in
the distribution's own ``pyproject.toml``, are compiled by mypyc, all of them as one group, so that
calls between them are native calls; they are not in the bundle. And core has one *C library*, built by its
`native/build.py`::

    [tool.hatch.build.targets.wheel.hooks.custom]
    modules = ["wasm/reader.py", "wasm/text/*.py", "!wasm/text/script.py"]  # below src/<package>
    native = true

An ordinary wheel includes the extension modules; an editable install has them copied beside the
sources, where Python prefers them to the ``.py`` files. A stale one would shadow an edited source,
so every editable build first removes those that an earlier one left.

``WASMER_PURE=1`` compiles no Python module: the same sources run interpreted, slower, and must
behave the same. The C library is built either way, nothing works without it. Whatever else goes wrong
ends the build; there is no silent fall-back, because it would look like a slow machine.

This file is loaded by path while core itself is being built (`hatch_build.py` of each distribution
does it), so it imports nothing of its own package. It runs as a script too (`main`): mypyc and
setuptools change the state of the process they run in, and that had better not be the frontend's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OPTIMIZATION: Final = "3"

HIDDEN: Final = "-fvisibility=hidden"
"""Functions of a group call each other without a detour, and loading it looks up no name but Python's own."""

PURE: Final = "WASMER_PURE"


class CompileHook(BuildHookInterface[Any]):
    """Puts the bundle, the compiled hot modules and the C library of one distribution into its wheel."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Requirements of this build, beyond hatchling: the extra `build` of core, if anything is compiled."""
        if not self.config.get("modules") and not self.config.get("native"):
            return []
        for folder in (Path(self.root), Path(self.root).parent / "runtime-core"):
            path = folder / "pyproject.toml"
            project = tomllib.loads(path.read_text())["project"] if path.is_file() else {}
            if project.get("name") == "wasmer-runtime-core":
                return list(project["optional-dependencies"]["build"])
        return ["wasmer-runtime-core[build]>=0.1,<0.2"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it packs a wheel; `version` is "standard" or "editable"."""
        if self.target_name != "wheel":
            return
        source = Path(self.root, "src")
        if version == "editable":
            remove_extensions(source)
        modules = [] if is_pure() else self._modules(source)
        native = self.config.get("native")
        package = self._package()
        self._made = tempfile.TemporaryDirectory(prefix="wasmer-build-")  # removed with this object
        target = Path(self._made.name)
        if modules or native:
            self._compile(version, build_data, source, target, modules)
        if version != "editable":
            made = target / package / _beside("bundles.py").NAME
            made.parent.mkdir(parents=True, exist_ok=True)
            self._run(source, "bundle", str(made), package, *modules)
            build_data["force_include"][str(made)] = f"{package}/{made.name}"
            if not modules and not native:
                build_data["tag"] = "cp{}{}-none-any".format(*sys.version_info)

    def _compile(
        self, version: str, build_data: dict[str, Any], source: Path, target: Path, modules: list[str]
    ) -> None:
        """Make the machine code, and have it packed; `target` is a directory for it."""
        try:
            native_build().check_platform()
        except Exception as error:  # its BuildError: a sentence that says what to install
            self.app.abort(f"{self.metadata.name} cannot be built: {error}")
        package = self._package()
        if modules:
            self._run(source, "compile", str(target), package, *modules)
        if self.config.get("native"):
            self._run(source, "native", str(target / package / "native"))

        for extension in sorted(target.rglob("*" + extension_suffix())):
            place = extension.relative_to(target)
            if place.parts[0] == "temporary":
                continue
            if version == "editable":
                shutil.copy2(extension, source / place)
            else:
                build_data["force_include"][str(extension)] = str(place)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def _package(self) -> str:
        """Name of the import package."""
        return str(self.metadata.name).replace("-", "_")

    def _modules(self, source: Path) -> list[str]:
        """Paths of the hot modules relative to `source`."""
        package = source / self._package()
        try:
            return [str(path.relative_to(source)) for path in hot_modules(package, self.config.get("modules", []))]
        except LookupError as error:
            self.app.abort(f"pyproject.toml of {self.metadata.name}: {error}")
            raise

    def _siblings(self) -> list[str]:
        """Source directories of the other distributions, if this one lies in the repository."""
        folder = Path(self.root).parent
        return [str(path) for path in sorted(folder.glob("*/src"))] if (folder / "runtime-core").is_dir() else []

    def _run(self, source: Path, *arguments: str) -> None:
        """Do one step of `main` in a process of its own; its output appears if it fails."""
        paths = [str(source), *self._siblings(), os.environ.get("MYPYPATH", "")]
        path = os.pathsep.join(filter(None, paths))
        result = subprocess.run(
            [sys.executable, "-P", __file__, *arguments],
            cwd=source,
            env=dict(os.environ, MYPYPATH=path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if result.returncode:
            tail = "\n".join(result.stdout.splitlines()[-60:])
            self.app.abort(f"{tail}\n\nBuilding {self.metadata.name} failed (step: {arguments[0]}), see above.")


def hot_modules(package: Path, patterns: Sequence[str]) -> list[Path]:
    """The modules that `patterns` choose below the directory `package`.

    A pattern with a ``!`` before it takes away what earlier ones chose.

    Raises:
        LookupError: a pattern chooses, or takes away, nothing.
    """
    chosen: dict[Path, None] = {}
    for pattern in patterns:
        matches = sorted(package.glob(pattern.removeprefix("!")))
        if pattern.startswith("!"):
            matches = [path for path in matches if path in chosen]
            for path in matches:
                del chosen[path]
        else:
            chosen.update(dict.fromkeys(matches))
        if not matches:
            raise LookupError(f"no module matches {pattern!r}")
    return list(chosen)


def is_pure() -> bool:
    """Whether this build is to leave the Python modules uncompiled."""
    return os.environ.get(PURE, "") not in ("", "0")


def extension_suffix() -> str:
    """``.cpython-311-x86_64-linux-gnu.so`` or its like."""
    return str(sysconfig.get_config_var("EXT_SUFFIX"))


def native_build() -> ModuleType:
    """Core's `native/build.py`: it knows what a compiler needs, and builds the C library."""
    return _beside("native/build.py")


def _beside(name: str) -> ModuleType:
    """A module of core by its path: what it is in may not be there yet."""
    path = Path(__file__).parent / name
    specification = importlib.util.spec_from_file_location(f"wasmer_build_{path.stem}", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def remove_extensions(source: Path) -> list[Path]:
    """Remove every extension module below `source`, a ``src`` directory; return what was there."""
    stale = sorted(path for path in source.rglob("*.so") if path.is_file())
    for path in stale:
        path.unlink()
    return stale


def large_products(c: Iterable[str]) -> list[str]:
    """The functions, by name, in which C that mypyc wrote, line by line, multiplies Python's ints.

    Amid a product of factors of more than 30 bits Python looks for signals. What a handler raises there mypyc takes for
    want of memory, and ends the process. docs/performance.md says what stands in the place of such a product.
    """
    found: dict[str, None] = {}
    function = ""
    for line in c:
        if line[:1].isalpha():
            begins = re.match(r".*\bCPyDef_(\w+)\(.*\{", line)
            function = begins.group(1).replace("___", ".") if begins else function
        elif "CPyTagged_Multiply(" in line:
            found[function] = None
    return list(found)


def _compile(target: Path, group: str, modules: list[str]) -> None:
    """Compile `modules`, paths relative to the working directory, to extension modules in `target`."""
    from mypyc.build import mypycify
    from setuptools import setup

    temporary = target / "temporary"
    options = ["--config-file=", "--follow-imports=silent", f"--cache-dir={temporary / 'mypy'}"]
    extensions: list[Any] = mypycify(
        [*options, *modules],
        opt_level=OPTIMIZATION,
        debug_level="0",
        target_dir=str(temporary),
        group_name=group,
    )
    for extension in extensions:
        extension.extra_compile_args.append(HIDDEN)
    written = list(temporary.glob("*.c"))
    products = large_products(line for path in written for line in path.read_text().splitlines())
    if products:
        sys.exit(f"Products of Python's ints in {', '.join(products)}: see the rules in docs/performance.md.")
    for path in written:
        path.write_text(_beside("generated_c.py").lightened(path.read_text()))
    arguments = ["-q", "build_ext", f"--build-lib={target}", f"--build-temp={temporary}"]
    setup(name="extensions", packages=[], py_modules=[], ext_modules=extensions, script_args=arguments)


def bundled(package: Path, compiled: Iterable[str]) -> bytes:
    """The bundle of the package in this directory, without the modules at these paths, which are relative to what it is
    in, and what is imported before bundles are looked into."""
    bundles = _beside("bundles.py")
    left_out = {*compiled, f"{package.name}/__init__.py", f"{package.name}/bundles.py"}
    modules = []
    for path in sorted(package.rglob("*.py")):
        place = str(path.relative_to(package.parent))
        if place not in left_out:
            is_package = path.name == "__init__.py"
            name = ".".join((path.parent if is_package else path.with_suffix("")).relative_to(package.parent).parts)
            code = compile(path.read_bytes(), place, "exec", dont_inherit=True, optimize=0)
            modules.append((name, is_package, code))
    made: bytes = bundles.bundle(modules)
    return made


def main(step: str, target: str, *arguments: str) -> None:
    """``compile TARGET GROUP MODULE…``, ``native TARGET`` or ``bundle FILE PACKAGE MODULE…``."""
    if step == "compile":
        _compile(Path(target), arguments[0], list(arguments[1:]))
    elif step == "bundle":
        Path(target).write_bytes(bundled(Path(arguments[0]), arguments[1:]))
    else:
        native_build().build(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
