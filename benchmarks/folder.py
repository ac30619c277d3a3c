"""What the relay does every half second besides delivering: it folds the counters. Delivering is measured apart (S7)."""

import time

from django.db import connection

from outbox import registry


def main() -> None:
    while True:
        for tick in registry.ticks:
            tick()
        connection.close()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
