"""Character sets: the examples of PS3.5 annexes H, I, J and K, and what dirty headers hold."""

import pytest

from mriloop.edges.dicom.text import decode_text


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        (b"Buc^J\xe9r\xf4me", ("ISO_IR 100",), "Buc^Jérôme"),
        (b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", ("ISO_IR 126",), "Διονυσιος"),
        (b"\xbb\xee\xda\x63\x65\xdc\xd1yp\xd3", ("ISO_IR 144",), "Люкceмбypг"),
        (b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", ("ISO_IR 138",), "שרון^דבורה"),
        (b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", ("ISO_IR 127",), "قباني^لنزار"),
        (b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", ("GB18030",), "Wang^XiaoDong=王^小东="),
        ("Wang^XiaoDong=王^小東=".encode(), ("ISO_IR 192",), "Wang^XiaoDong=王^小東="),
        (
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            ("", "ISO 2022 IR 87"),
            "Yamada^Tarou=山田^太郎",
        ),
        (
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            ("", "ISO 2022 IR 149"),
            "Hong^Gildong=洪^吉洞",
        ),
    ],
)
def test_the_examples_of_the_standard(raw: bytes, charset: tuple[str, ...], text: str) -> None:
    assert decode_text(raw, charset) == (text,)


@pytest.mark.parametrize(
    ("raw", "charset", "values"),
    [
        (b"A\\B \\ C", (), ("A", "B", "C")),
        (b"head\0\0", (), ("head",)),
        (b"a\x07b\x1bc", (), ("abc",)),
        (b"\xff\xfe", ("ISO_IR 192",), ("\ufffd\ufffd",)),
        (b"caf\xe9", ("NO SUCH SET",), ("café",)),
        ("a\u202eb\u200b".encode(), ("ISO_IR 192",), ("ab",)),
        (b"\x1b$B\xff\xff\xff", ("", "ISO 2022 IR 87"), None),
    ],
)
def test_dirt_never_raises(raw: bytes, charset: tuple[str, ...], values: tuple[str, ...] | None) -> None:
    found = decode_text(raw, charset)
    assert values is None or found == values
