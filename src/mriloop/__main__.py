"""`python -m mriloop` is `mriloop`."""

from mriloop.cli import main

main()
