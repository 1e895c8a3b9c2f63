"""mriloop closes the loop after an MRI.

For researchers: `from mriloop import check_array, check_file, check_folder, compare, align, compare_bids`. They load on
first use, so that `import mriloop` costs nothing; their types stand in `__init__.pyi`.
"""

from typing import Any

__version__ = "0.1.0"
_LIBRARY = {
    "check_array": "api",
    "check_file": "api",
    "check_folder": "api",
    "align": "compare_api",
    "compare": "compare_api",
    "compare_bids": "compare_api",
}


def __getattr__(name: str) -> Any:
    """Load the library when one of its calls is asked for."""
    if name in _LIBRARY:
        from importlib import import_module

        return getattr(import_module(f"mriloop.{_LIBRARY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name the calls of the library, loaded or not."""
    return sorted([*globals(), *_LIBRARY])
