"""What a browser says it is, in two words that somebody knows their own device by."""

import re

# The first that fits: many pretend to be others, so who is pretended to be stands last.
BROWSERS = (
    ("Edge", r"\bEdg"),
    ("Opera", r"\bOPR/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"),
    ("Chrome", r"\bChrome/|\bCriOS/|\bHeadlessChrome/"),
    ("Safari", r"\bSafari/"),
)
SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b"),
    ("Linux", r"\bLinux\b"),
)


def in_words(user_agent: str) -> str:
    """ "Firefox, Linux"; for what is no browser that we know, the first of its own words."""
    known = [next((name for name, says in words if re.search(says, user_agent)), "") for words in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, known)) or user_agent[:40] or "?"
