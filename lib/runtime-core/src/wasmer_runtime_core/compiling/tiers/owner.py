"""`Owner`: a module as the background knows it."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wasmer_runtime_core.contract.backend import CompilerConfig

    class WholeModules(Protocol):
        """Who compiles a module as a whole, and may keep it. It is pickled, for the process in the background."""

        def backend(self, binary: bytes) -> str:
            """Whose code the last tier is, of this module; "": the module is not compiled as a whole."""

        def found(self, binary: bytes, config: CompilerConfig) -> Any:
            """The module in its last tier, if it was compiled before: a `StoredModule`, or None."""

        def make(self, binary: bytes, backend: str, config: CompilerConfig) -> bytes:
            """Compile it, in the background: an artifact."""

        def load(self, artifact: int) -> Any:
            """The `StoredModule` in a file, whose descriptor is taken.

            Raises:
                CacheError: it cannot be used here.
            """


Job = tuple[int, str, int]
"""Number of a function, who compiles it, and `FUNCTION`; or where in its old code, in bytes, a call is in a loop that
it never leaves: at the head of that it goes on in other code (`loops`)."""
Answer = tuple[int, str, int, bool, Any]
"""A job, whether it was done, and what `Code.replace` takes, or an `EnteredLoop`, or the reason. Of a whole module
(`WHOLE`) what was compiled is the descriptor of a file in memory, with an artifact."""

FUNCTION: Final = -1
"""A job that is no loop."""

GONE: Final = -1
"""In place of a function's number: the module is not needed any more."""
WHOLE: Final = -2
"""Likewise: all of its functions are meant, as one artifact."""


class Owner:
    """A module whose functions are compiled in the background.

    Attributes:
        binary: the module.
        config: how it is compiled; without middlewares.
        key: what the background calls it by; 0: it does not know it yet.
        come: answers that the module has not looked at yet.
    """

    def __init__(self, binary: bytes, config: CompilerConfig, whole: Callable[[], WholeModules] | None = None) -> None:
        """`whole`: gives `whole`, when that is wanted first."""
        self.binary: Final = binary
        self.config: Final = config
        self._make_whole: Final = whole
        self._whole: WholeModules | None = None
        self.key = 0
        self.come: Final[list[Answer]] = []

    @property
    def whole(self) -> WholeModules | None:
        """Who compiles it as a whole, or None. A module that does not run for long never imports that."""
        if self._whole is None and self._make_whole is not None:
            self._whole = self._make_whole()
        return self._whole
