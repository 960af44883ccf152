"""The options of compiling: which modules are taken (features, limits), and whether results are deterministic."""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.features import FEATURES, switched_off
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any
from wasmer_runtime_core.support.functions import wraps

if TYPE_CHECKING:
    from collections.abc import Callable


def compiling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets a `CompilerConfig` as ``config``, or None if nothing asked for one.

    If what stands around it gives a ``config``, that is what the options change.
    """

    @wraps(command)
    def with_config(
        *args: Any, config: CompilerConfig | None = None, limits: dict[str, int], deterministic: bool, **options: Any
    ) -> Any:
        chosen = {row.name: options.pop(_parameter(row.name)) for row in FEATURES}
        features = {name: on for name, on in chosen.items() if on is not None}
        if features or limits or deterministic:
            config = (config or CompilerConfig())._replace(
                features=features, implementation_limits=limits, deterministic=deterministic
            )
        return command(*args, config=config, **options)

    with_options = click.option(
        "--implementation-limit",
        "limits",
        metavar="NAME=N",
        multiple=True,
        callback=_parse_limits,
        help="How many of something a module may have, such as locals=60000.",
    )(with_config)
    with_options = click.option(
        "--deterministic", is_flag=True, help="The same results to the bit on every backend: NaNs are canonical."
    )(with_options)
    for row in reversed(FEATURES):
        option = row.name.replace("_", "-")
        with_options = click.option(
            f"--enable-{option}/--disable-{option}",
            _parameter(row.name),
            default=None,
            callback=_check_feature,
            hidden=not row.here,
            help=f"Whether a module may use {row.title}. Default: it may.",
        )(with_options)
    return with_options


def _parameter(feature: str) -> str:
    return f"feature_{feature}"


def _check_feature(context: click.Context, parameter: click.Parameter, on: bool | None) -> bool | None:
    if on is not None:
        try:
            switched_off({(parameter.name or "").removeprefix(_parameter("")): on})
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return on


def _parse_limits(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, int]:
    limits: dict[str, int] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            limits[name] = int(number)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not of the form NAME=N") from None
        try:
            ImplementationLimits(limits)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return limits
