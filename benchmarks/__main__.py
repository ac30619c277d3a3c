"""Starts the servers of one run, has everything measured on them, and takes them away again."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import stack
from benchmarks.asked import arguments

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    arguments()  # wrong usage is said before anything is started
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as folder:
        running = stack.start(Path(folder))
        try:
            return subprocess.run(stack.with_django("measure"), cwd=ROOT, env=running.environ, check=False).returncode
        except KeyboardInterrupt:
            return 130
        finally:
            running.stop()


if __name__ == "__main__":
    sys.exit(main())
