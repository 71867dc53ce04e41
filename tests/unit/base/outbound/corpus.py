"""URLs that try to reach this machine or its networks; ``PORT`` stands for the canary's port."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

_PATHS: Final = ("/", "/latest/meta-data/", "/?x=http://example.com", "/#@example.com")

_V4: Final = (
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
)
_V6: Final = (
    "::1",
    "::",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:7f00:0001",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%25lo",
    "fe80::1%251",
    "fec0::1",
    "ff02::1",
    "ff05::2",
    "::1%25lo",
)
_NAMES: Final = (
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost%2e",
    "loop.test",
    "loop.test.",
    "LoOp.TeSt",
    "six.test",
    "mapped.test",
    "metadata.test",
    "inside.test",
    "nat64.test",
    "linklocal.test",
    "both.test",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127｡0｡0｡1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "loc\u00adalhost",
    "loc\u200balhost",
    "xn--localhost-",
)
_ODD: Final = (
    "http://example.com@127.0.0.1:PORT/",
    "http://example.com:80@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT@example.com/",
    "http://user:pass@127.0.0.1:PORT/",
    "http://@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@example.com/",
    "http://127.0.0.1:PORT\\@example.com/",
    "http://example.com\\@127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:////127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT/",
    "HTTP://127.0.0.1:PORT/",
    "hTTp://[::1]:PORT/",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/ ",
    "http://127.0.0.1:PORT/\r\nHost: x",
    "http://127.0.0.1:PORT/\tx",
    "http://127.0.0.1\t:PORT/",
    "http://127.0.0.1%00.example.com:PORT/",
    "http://127.0.0.1%0a:PORT/",
    "http://127.0.0.1%20:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://127%2e0%2e0%2e1:PORT/",
    "http://127.0.0.1:0PORT/",
    "http://127.0.0.1:+PORT/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://[127.0.0.1]:PORT/",
    "http://[::1:PORT/",
    "http://::1:PORT/",
    "http://[::1]]:PORT/",
    "http://[v1.::1]:PORT/",
    "http://127.0.0.1,example.com:PORT/",
    "http://127.0.0.1;example.com:PORT/",
    "http://127.0.0.1&@example.com:PORT/",
    "http://127.0.0.1 @example.com:PORT/",
    "https://127.0.0.1:PORT/",
    "https://localhost:PORT/",
    "https://[::1]:PORT/",
    "ws://127.0.0.1:PORT/",
    "wss://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_GET%20/",
    "dict://127.0.0.1:PORT/info",
    "ldap://127.0.0.1:PORT/",
    "tftp://127.0.0.1:PORT/x",
    "jar:http://127.0.0.1:PORT!/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "unix:///run/x.sock",
    "http+unix://%2frun%2fx.sock/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "netdoc:///etc/passwd",
    "url:http://127.0.0.1:PORT/",
    "view-source:http://127.0.0.1:PORT/",
    "about:blank",
    "http://",
    "http://:PORT/",
    "http:",
    "",
    "http://127.0.0.1:PORT/" + "a" * 4000,
    "http://" + "a" * 300 + ".test:PORT/",
)


def urls(port: int) -> list[str]:
    """The whole corpus for a canary on ``port``."""
    return [url.replace("PORT", str(port)) for url in dict.fromkeys(_all())]


def _all() -> Iterator[str]:
    for text in _V4:
        yield f"http://{text}:PORT/"
    for text in ("127.0.0.1", "169.254.169.254", "10.0.0.1"):
        for form in _spellings(IPv4Address(text)):
            yield f"http://{form}:PORT/"
    for text in _V6:
        yield f"http://[{text}]:PORT/"
    for name in (*_NAMES, _wide("127.0.0.1"), _wide("localhost"), "127" + _wide(".0.0.1")):
        yield f"http://{name}:PORT/"
    for path in _PATHS:
        yield f"http://127.0.0.1:PORT{path}"
        yield f"http://loop.test:PORT{path}"
    yield from _ODD


def _spellings(address: IPv4Address) -> Iterator[str]:
    """The forms in which ``inet_aton`` takes an address."""
    a, b, c, d = address.packed
    number = int(address)
    yield str(number)
    yield hex(number)
    yield f"0x{number:08X}"
    yield f"{number:#o}".replace("o", "")
    yield f"0{number:o}"
    yield f"{a}.{b << 16 | c << 8 | d}"
    yield f"{a}.{b}.{c << 8 | d}"
    yield f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    yield f"000{a:o}.000{b:o}.{c}.{d}"
    yield f"0x{a:x}.{b}.0{c:o}.{d}"
    yield f"{a}.{b}.{c}.{d + 256}"
    yield f"{a + 256}.{b}.{c}.{d}"
    yield f"{a}.{b}.{c}.{d}."
    yield f"0{a}.{b}.{c}.{d}"


def _wide(text: str) -> str:
    """The full-width forms of ASCII characters, which IDNA maps back."""
    return "".join(chr(ord(char) + 0xFEE0) for char in text)
