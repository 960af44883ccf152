"""One module in many processes, and on many machines: `SharedModule` travels as a hash (docs/processes.md)."""

from __future__ import annotations

from wasmer_runtime_core.running.sharing import SharedModule, keep
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed.diagnostics.plugin import WorkerPlugin

__all__ = ["SharedModule", "dask_plugin", "keep"]


def dask_plugin(shared: SharedModule) -> WorkerPlugin:
    """What gives each worker of a Dask cluster a module before its first task, those that come later too.

    ``client.register_plugin(dask_plugin(shared))``: the artifact travels once to each worker. Workers on this machine
    need none: they map it.

    Raises:
        ModuleNotFoundError: `distributed` is not installed.
    """
    from distributed.diagnostics.plugin import WorkerPlugin

    class Kept(WorkerPlugin):  # type: ignore[misc]  # which checkers may not see
        """Keeps the module of an artifact."""

        name = f"wasmer-{shared.hash.hex()}"

        def __init__(self, artifact: bytes) -> None:
            self.artifact = artifact

        def setup(self, worker: Any) -> None:
            keep(self.artifact)

    return Kept(shared.artifact())
