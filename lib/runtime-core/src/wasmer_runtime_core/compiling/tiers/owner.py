"""`Owner`: a module as the background knows it."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.backend import CompilerConfig

Answer = tuple[int, str, bool, Any]
"""Number of a function, backend, whether it was compiled, and what `Code.replace` takes or the reason."""


class Owner:
    """A module whose functions are compiled in the background.

    Attributes:
        binary: the module.
        config: how it is compiled; without middlewares.
        key: what the background calls it by; 0: it does not know it yet.
        come: answers that the module has not looked at yet.
    """

    def __init__(self, binary: bytes, config: CompilerConfig) -> None:
        self.binary: Final = binary
        self.config: Final = config
        self.key = 0
        self.come: Final[list[Answer]] = []
