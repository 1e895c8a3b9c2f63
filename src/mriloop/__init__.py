"""mriloop closes the loop after an MRI."""

__version__ = "0.1.0"
