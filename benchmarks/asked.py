"""What may be asked of a run."""

import argparse


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast it is, as ratios measured side by side in one run."
    )
    parser.add_argument("--quick", action="store_true", help="everything small, within a minute: does it run at all?")
    parser.add_argument("--full", action="store_true", help="with ten million people as well (needs 15 GB of disk)")
    parser.add_argument("--rounds", type=int, help="interleaved rounds, of which the median counts (5; quick: 1)")
    parser.add_argument("--seconds", type=int, help="how long one round of load lasts (5; quick: 1)")
    parser.add_argument("--only", default="", help="some of them, such as S1,S4")
    return parser.parse_args()
