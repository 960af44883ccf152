"""Text for people: what a terminal would obey is written out, everything else is left alone."""

from __future__ import annotations

import sys
import unicodedata

from wasmer_runtime_core.support.printable import printable


def test_what_can_be_read_stays() -> None:
    for text in ("", "add", "a b", "naïve", "加算", "f::<u8>", r"back\slash", "'quoted'"):
        assert printable(text) == text


def test_controls_and_formats_are_written_out() -> None:
    assert printable("\x1b]0;owned\x07\r\n\t\0\x7f\x9b") == r"\x1b]0;owned\x07\r\n\t\x00\x7f\x9b"
    assert printable("\u202eabc\u2066\u200b\u2028\ufeff") == r"\u202eabc\u2066\u200b\u2028\ufeff"
    assert printable("\U000e0041\ud800") == r"\U000e0041\ud800"
    assert printable("first\nsec\x1bond", "\n") == "first\nsec\\x1bond"


def test_no_character_of_unicode_gets_through() -> None:
    """Controls, formats, surrogates, and what separates lines or paragraphs."""
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number)) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            shown = printable(chr(number))
            assert shown.isascii() and shown.isprintable(), hex(number)
