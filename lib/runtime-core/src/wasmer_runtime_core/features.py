"""The features of WebAssembly beyond its first release, in one table: a row per proposal.

What is here can be switched off, by the name that wasmtime gives it::

    CompilerConfig(features={"simd": False})

A module that uses what is switched off, or what is not here yet, is an `UnsupportedFeatureError`
that says which feature. `wasm.operators.proposals` knows how those that are not here are told by,
`wasm.validation.switched_off` where the others show; which operators a feature has, the rows of both tables of
operators say.
This module is imported when a configuration names a feature, or on the way to such an error.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PROPOSAL: Final = "proposal"
"""Of a feature that is in no release yet."""
TOOL: Final = "deprecated"
"""Of one that will be in none, and that tools write all the same."""


class Feature(NamedTuple):
    """A row.

    Attributes:
        name: what a configuration and an error call it: wasmtime's name (`Config.wasm_…`), or wasmparser's.
        title: the same in words, as the error says it: "uses {title}".
        release: of the specification that has it; `PROPOSAL`, `TOOL`.
        here: it runs, and is on unless a configuration switches it off.
    """

    name: str
    title: str
    release: str
    here: bool = False


# fmt: off
FEATURES: Final = (
    Feature("sign_extension",           "sign-extension operators",               "2.0", True),
    Feature("saturating_float_to_int",  "saturating float-to-int conversions",    "2.0", True),
    Feature("multi_value",              "multiple results",                       "2.0", True),
    Feature("bulk_memory",              "bulk memory operations",                 "2.0", True),
    Feature("reference_types",          "reference types",                        "2.0", True),
    Feature("simd",                     "SIMD",                                   "2.0", True),
    Feature("extended_const",           "extended constant expressions",          "3.0", True),
    Feature("tail_call",                "tail calls",                             "3.0", True),
    Feature("exceptions",               "exceptions",                             "3.0", True),
    Feature("function_references",      "typed function references",              "3.0", True),
    Feature("gc",                       "garbage collection",                     "3.0", True),
    Feature("multi_memory",             "several memories",                       "3.0", True),
    Feature("memory64",                 "memory64",                               "3.0", True),
    Feature("relaxed_simd",             "relaxed SIMD",                           "3.0", True),
    Feature("legacy_exceptions",        "exceptions in their legacy encoding",    TOOL, True),
    Feature("threads",                  "threads",                                PROPOSAL, True),
    Feature("shared_everything_threads", "shared-everything threads",             PROPOSAL),
    Feature("component_model",          "the component model",                    PROPOSAL),
    Feature("wide_arithmetic",          "wide arithmetic",                        PROPOSAL),
    Feature("stack_switching",          "stack switching",                        PROPOSAL),
    Feature("custom_page_sizes",        "custom page sizes",                      PROPOSAL),
    Feature("memory_control",           "memory control",                         PROPOSAL),
    Feature("custom_descriptors",       "custom descriptors",                     PROPOSAL),
)
# fmt: on
BY_NAME: Final = {row.name: row for row in FEATURES}


def switched_off(features: Mapping[str, bool]) -> frozenset[str]:
    """The features that a configuration switches off.

    Args:
        features: by name whether it is on.

    Raises:
        ValueError: no feature is called that, or one that is not here is to be on.
    """
    for name, on in features.items():
        row = BY_NAME.get(name)
        if row is None:
            raise ValueError(f"no feature is called {name!r}; there is: {', '.join(BY_NAME)}")
        if on and not row.here:
            raise ValueError(f"the feature {name} cannot be switched on: this version does not run {row.title}")
    return frozenset(name for name, on in features.items() if not on and BY_NAME[name].here)


OF_BACKENDS: Final = {"exceptions": "throw, try", "gc": "structs, arrays, i31, casts"}
"""Features that not every backend has: name -> what of it a backend has to compile. Backends that have one say so in
an attribute `features`, a set of names."""


def check_backend(needed: frozenset[str], backend: str, features: Collection[str]) -> None:
    """See that a backend has what a validated module needs (`DecodedModule.needed`).

    Args:
        backend: its name.
        features: those of `OF_BACKENDS` that it has.

    Raises:
        UnsupportedFeatureError: it lacks one.
    """
    for name in sorted(needed.difference(features)):
        title = BY_NAME[name].title
        without = ValidationError(f"the {backend} backend does not compile {title}")
        raise UnsupportedFeatureError(name, title, OF_BACKENDS[name], False, without, backend=backend)


def unsupported(
    name: str,
    use: str,
    without: DecodeError | ValidationError,
    function: int | None = None,
    missing: bool = False,
) -> UnsupportedFeatureError:
    """The error for a module that uses a feature.

    Args:
        name: of the feature.
        use: what it is told by: "return_call", "a shared memory".
        without: what is wrong with the module where nobody knows the feature, and where.
        function: in which one, by index.
        missing: this is not here, though other parts of the feature may be.
    """
    row = BY_NAME[name]
    return UnsupportedFeatureError(name, row.title, use, row.here and not missing, without, function)
