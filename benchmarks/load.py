"""Load over HTTP from many clients at once: by wrk where it is on PATH, else by threads of our own."""

import http.client
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import cpu
from benchmarks.stack import Web

HERE = Path(__file__).resolve().parent
JOIN = {"name": "Ada Lovelace", "persona": "agency", "use_case": "we plan content for small teams and want automation"}
HEADERS = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"}


@dataclass(frozen=True)
class Load:
    """What one round came to."""

    answered: int
    refused: int  # every answer but 2xx, and what was not answered
    seconds: float
    web_cpu: float  # seconds of CPU, of the web server and of PostgreSQL
    database_cpu: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.answered - self.refused) / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU an answer; wall time where the system does not tell the CPU's."""
        spent = self.web_cpu + self.database_cpu or self.seconds
        return 1e6 * spent / max(1, self.answered)

    def __str__(self) -> str:
        web, database = (1e6 * spent / max(1, self.answered) for spent in (self.web_cpu, self.database_cpu))
        return f"{self.rate:.0f}/s, CPU {web:.0f} + {database:.0f} µs"


def ask(web: Web, what: str, *, clients: int, seconds: int, codes: Path | None = None) -> Load:
    """Lets so many clients ask for so long: "join" or "redeem" with the codes of a file, always by new people."""
    postmaster = int(os.environ["BENCH_POSTMASTER"])
    before = cpu.seconds(web.pid), cpu.seconds(postmaster)
    by = wrk if shutil.which("wrk") else threads
    answered, refused, took = by(web, what, clients, seconds, str(codes or ""))
    return Load(answered, refused, took, cpu.seconds(web.pid) - before[0], cpu.seconds(postmaster) - before[1])


def wrk(web: Web, what: str, clients: int, seconds: int, codes: str) -> tuple[int, int, float]:
    threads = min(2, clients)
    command = ["wrk", f"-t{threads}", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "ask.lua")]
    command += [web.url, "--", what, secrets.token_hex(4), str(threads), codes]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"ANSWERED (\d+) REFUSED (\d+) MICROSECONDS (\d+)", said)
    assert found, said
    return int(found[1]), int(found[2]), int(found[3]) / 1e6


def threads(web: Web, what: str, clients: int, seconds: int, codes: str) -> tuple[int, int, float]:
    """The same in a process of its own, so that it shares no lock with who measures."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.load",
        web.url,
        what,
        str(clients),
        str(seconds),
        codes,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answered, refused, took = said.split()
    return int(answered), int(refused), float(took)


def bodies(what: str, codes: str, clients: int, number: int) -> Iterator[bytes]:
    """What client `number` sends, one after the other, until its codes are spent."""
    tag = secrets.token_hex(4)
    texts = Path(codes).read_text().split() if codes else []
    own = texts if len(texts) == 1 else texts[number::clients]
    for n in count():
        person = {"email": f"p{tag}-{n}@gmail.com"}
        if what == "join":
            yield json.dumps(person | JOIN).encode()
        elif n < len(own) or len(texts) == 1:
            yield json.dumps(person | {"code": own[0 if len(texts) == 1 else n]}).encode()
        else:
            return


PATHS = {"join": "/api/waitlist/join", "redeem": "/api/invites/redeem"}


def client(url: str, what: str, codes: str, clients: int, number: int, end: float) -> tuple[int, int]:
    """One client on one connection that is kept."""
    answered = refused = 0
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    for body in bodies(what, codes, clients, number):
        if time.monotonic() > end:
            break
        forwarded = ".".join(str(part) for part in secrets.token_bytes(4))
        connection.request("POST", PATHS[what], body, HEADERS | {"X-Forwarded-For": forwarded})
        response = connection.getresponse()
        response.read()
        answered, refused = answered + 1, refused + (response.status >= 300)
    return answered, refused


def main(url: str, what: str, clients: str, seconds: str, codes: str) -> None:
    start = time.monotonic()
    crowd, end = int(clients), start + int(seconds)
    with ThreadPoolExecutor(crowd) as pool:
        said = list(pool.map(lambda n: client(url, what, codes, crowd, n, end), range(crowd)))
    print(sum(one[0] for one in said), sum(one[1] for one in said), time.monotonic() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
