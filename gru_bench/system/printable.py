"""Text from outside, made safe for a terminal."""

import re

# Control characters, of which a terminal takes some for commands, and marks that reverse the
# direction of what follows them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Returns the text with its control characters written out as escapes; line ends stay."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
