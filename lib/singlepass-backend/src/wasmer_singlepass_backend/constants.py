"""The constants of one function, which core places 16-aligned behind its code."""

from __future__ import annotations

from librt.strings import BytesWriter, write_i64_le

from wasmer_runtime_core.support.annotations import Final, final, i64


@final
class ConstantPool:
    """Each constant once; `value` is its bits as a signed integer."""

    def __init__(self) -> None:
        self.out: BytesWriter = BytesWriter()
        self.places: Final[dict[tuple[int, int, int], int]] = {}

    def restart(self) -> bytes:
        """The bytes so far; the pool is empty after."""
        if not self.places:
            return b""
        data = self.out.getvalue()
        self.out = BytesWriter()
        self.places.clear()
        return data

    def _align(self, size: i64) -> i64:
        out = self.out
        while len(out) & (size - 1):
            out.append(0)
        return len(out)

    def word32(self, value: i64) -> i64:
        """Place of four bytes (signed 32-bit value)."""
        key = (4, int(value), 0)
        place = self.places.get(key)
        if place is None:
            place = int(self._align(4))
            low = value & 0xFFFFFFFF
            out = self.out
            out.append(low & 0xFF)
            out.append((low >> 8) & 0xFF)
            out.append((low >> 16) & 0xFF)
            out.append((low >> 24) & 0xFF)
            self.places[key] = place
        return i64(place)

    def word64(self, value: i64) -> i64:
        """Place of eight bytes."""
        key = (8, int(value), 0)
        place = self.places.get(key)
        if place is None:
            place = int(self._align(8))
            write_i64_le(self.out, value)
            self.places[key] = place
        return i64(place)

    def word128(self, low: i64, high: i64) -> i64:
        """Place of sixteen bytes, 16-aligned."""
        key = (16, int(low), int(high))
        place = self.places.get(key)
        if place is None:
            place = int(self._align(16))
            write_i64_le(self.out, low)
            write_i64_le(self.out, high)
            self.places[key] = place
        return i64(place)
