"""Messages between a job and whoever waits for it: pickles in frames, large arrays beside them without a copy."""

from __future__ import annotations

import pickle
import socket
import struct
import time
from collections.abc import Sequence

CALL, READY, PROGRESS, RESULT, ERROR, LOST_ERROR, NO_MEMORY = b"C", b"Y", b"P", b"R", b"E", b"L", b"M"

_HEAD = struct.Struct("!cI")
_SIZE = struct.Struct("!Q")

Frame = list[bytes | memoryview]


class Closed(Exception):  # noqa: N818 - an event of the wire, not a fault of it
    """The other side is gone."""


def pack(kind: bytes, value: object) -> Frame:
    """Return the parts of a message. Raises what pickle raises for a value that cannot travel."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts: Frame = [content, *(buffer.raw() for buffer in buffers)]
    sizes = b"".join(_SIZE.pack(memoryview(part).nbytes) for part in parts)
    return [_HEAD.pack(kind, len(parts)) + sizes, *parts]


def unpack(parts: Sequence[bytes | bytearray]) -> object:
    """Return the value of a message; its arrays lie in the buffers that were received, and may be written to."""
    return pickle.loads(parts[0], buffers=parts[1:])


class Wire:
    """One end of a socket pair. `deadline` is in seconds of `time.monotonic`; TimeoutError when it passes."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def send(self, frame: Frame, deadline: float | None = None) -> None:
        """Send the parts of a message. Raises Closed when nobody reads any more."""
        try:
            for part in frame:
                self.end.settimeout(_left(deadline))
                self.end.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def receive(self, deadline: float | None = None) -> tuple[bytes, list[bytearray]]:
        """Return the kind and the parts of the next message. Raises Closed when there will be none."""
        kind, count = _HEAD.unpack(self._exactly(_HEAD.size, deadline))
        sizes = [_SIZE.unpack(self._exactly(_SIZE.size, deadline))[0] for _ in range(count)]
        return kind, [self._exactly(size, deadline) for size in sizes]

    def close(self) -> None:
        """Hang up."""
        self.end.close()

    def _exactly(self, size: int, deadline: float | None) -> bytearray:
        content = bytearray(size)
        view = memoryview(content)
        while view:
            self.end.settimeout(_left(deadline))
            try:
                count = self.end.recv_into(view)
            except ConnectionResetError:
                raise Closed from None
            if count == 0:
                raise Closed
            view = view[count:]
        return content


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
