"""Whole numbers as bytes, seven bits each (LEB128), small ones short."""

from collections.abc import Iterable


def pack(numbers: Iterable[int]) -> bytes:
    """The bytes of `numbers`, none of them negative."""
    out = bytearray()
    for number in numbers:
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)
    return bytes(out)


class Reader:
    """Takes numbers and bytes off `data`, one after another. Raises IndexError past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        """The next number."""
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise IndexError("past the end")
        return self._data[start : self._at]


def zigzag(number: int) -> int:
    """A number of either sign as one that is not negative: 0, -1, 1, -2 … as 0, 1, 2, 3 …"""
    return number << 1 if number >= 0 else (-number << 1) - 1


def unzigzag(number: int) -> int:
    """The inverse of `zigzag`."""
    return (number >> 1) ^ -(number & 1)
