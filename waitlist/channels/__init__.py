"""The ways to reach a person. Each channel reads what somebody typed into a Contact with a canonical form."""

from dataclasses import dataclass
from types import ModuleType

from waitlist.channels import email, phone

CHANNELS: dict[str, ModuleType] = {"email": email, "phone": phone}


@dataclass(frozen=True, slots=True)
class Contact:
    """An address as typed (what we mail to) and its canonical form (what is compared)."""

    kind: str
    as_typed: str
    canonical: str

    @property
    def domain(self) -> str:
        """The domain of an e-mail address, "" for a phone."""
        return self.canonical.partition("@")[2]


def read(kind: str, text: str) -> Contact:
    """The contact in the text; ValueError with a sentence for the person when there is none."""
    as_typed, canonical = CHANNELS[kind].read(text)
    return Contact(kind, as_typed, canonical)


def read_any(text: str) -> Contact:
    """The contact in a field that takes either: what has an @ is an address, else a phone number."""
    return read("email" if "@" in text else "phone", text)
