"""How much one input may hold, and what a conversion may cost, before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20
HONEST_RATIO = 100  # MR images deflate to a third; masked ones to a fiftieth
SMALL_ARCHIVE = 256 * MEBIBYTE  # below it the ratio does not matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on what a sender may make this machine do. The names and defaults are those of `mriloop.settings`.

    max_files : files in one input
    max_file_mb : size of one file, also when a gzip or a deflated transfer syntax is expanded, in MiB
    max_unpacked_mb : size of an archive when unpacked, in MiB
    convert_timeout_s : wall time of one conversion or decoding, in seconds
    convert_memory_gb : address space of one conversion or decoding, in GiB
    """

    max_files: int = 200_000
    max_file_mb: float = 2048
    max_unpacked_mb: float = 16_384
    convert_timeout_s: float = 300
    convert_memory_gb: float = 4.0

    @property
    def max_file_bytes(self) -> int:
        """The cap on one file in bytes."""
        return int(self.max_file_mb * MEBIBYTE)

    @property
    def max_unpacked_bytes(self) -> int:
        """The cap on everything that one input expands to, in bytes."""
        return int(self.max_unpacked_mb * MEBIBYTE)

    def unpacked_bytes(self, packed: int) -> int:
        """Return the cap on an archive of `packed` bytes when unpacked: no honest one grows a hundredfold."""
        return min(self.max_unpacked_bytes, max(SMALL_ARCHIVE, HONEST_RATIO * packed))
