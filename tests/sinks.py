"""A program outside that takes webhooks: a real HTTP server on loopback, with TLS or without."""

import contextlib
import datetime
import http.server
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Sink:
    """Keeps what it hears; answers the statuses it is told, then 200."""

    def __init__(self, tls: Path | None = None) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int | str] = []  # a text is a Location to be sent to
        self.trickles = False  # it sends its status byte by byte, and never comes to the end
        self.holds = threading.Event()  # set: it answers; cleared: it keeps everybody waiting
        self.holds.set()
        self.stopped = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def url(self, path: str = "/hooks", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def stop(self) -> None:
        self.holds.set()
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def handler(sink) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.heard.append(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                sink.holds.wait(30)
                if sink.trickles:
                    self.trickle()
                answer = sink.answers.pop(0) if sink.answers else 200
                self.send_response(307 if isinstance(answer, str) else answer)
                if isinstance(answer, str):
                    self.send_header("Location", answer)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def trickle(self) -> None:
                with contextlib.suppress(OSError):
                    while sink.trickles and not sink.stopped.wait(0.05):
                        self.wfile.write(b" ")

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        return Handler


def certificate(folder: Path, host: str) -> Path:
    """A key and a certificate for that name, in one file that may also be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / f"{host}.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
