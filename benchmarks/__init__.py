"""mriloop beside its peers: each module measures one promise and returns rows; `python -m benchmarks` runs them all."""
