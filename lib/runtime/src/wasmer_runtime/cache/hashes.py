"""`WasmHash`: what identifies a module's bytes. BLAKE2b, of 64 bytes (Wasmer's is its parallel variant: others)."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, Self, final

if TYPE_CHECKING:
    from typing_extensions import Buffer

HASH_BYTES: Final = 64


def blake2b(size: int) -> Any:
    """A hash of so many bytes, to be updated. `hashlib` would load OpenSSL, which takes longer than most hashes."""
    try:
        from _blake2 import blake2b as made
    except ImportError:  # a Python that keeps it elsewhere
        from hashlib import blake2b as made
    return made(digest_size=size)


@final
class WasmHash:
    """The hash of a module in the binary format, or whatever else a program wants to find a compiled module by."""

    __slots__ = ("_digest",)

    def __init__(self, digest: bytes) -> None:
        """
        Raises:
            ValueError: these are not 64 bytes.
        """
        if len(digest) != HASH_BYTES:
            raise ValueError(f"a hash has {HASH_BYTES} bytes, not {len(digest)}")
        self._digest = bytes(digest)

    @classmethod
    def generate(cls, wasm: Buffer) -> Self:
        """The hash of these bytes."""
        state = blake2b(HASH_BYTES)
        state.update(wasm)
        return cls(state.digest())

    @classmethod
    def decode(cls, text: str) -> Self:
        """The hash that `encode` gave this text for.

        Raises:
            ValueError: it is not one of 128 hexadecimal digits.
        """
        if len(text) != 2 * HASH_BYTES or not text.isascii() or not text.isalnum():
            raise ValueError(f"a hash is written with {2 * HASH_BYTES} hexadecimal digits, not as {text!r}")
        return cls(bytes.fromhex(text))

    def encode(self) -> str:
        """As hexadecimal digits."""
        return self._digest.hex()

    def __bytes__(self) -> bytes:
        return self._digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WasmHash) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"WasmHash.decode({self.encode()!r})"
