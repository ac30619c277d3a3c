"""How fast it is, as ratios measured side by side in one run: `make bench`, or `python -m benchmarks --quick`."""
