"""Deterministic detectors of what a text should not hold: secrets, personal data, injected orders.

A score says how much was found, never that a text is safe. The rules are few and written down: each a
pattern that takes time linear in the text, some with the checksum of what they find (docs/receipts.md).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

METHOD: Final = "batchin-detectors/v1: secrets, personal data, prompt injection"
_SLICE: Final = 16_384  # one search holds the interpreter no longer than this takes
_OVERLAP: Final = 256  # no rule matches more
_WHOLE: Final = 100


def _luhn(text: str) -> bool:
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = [
        digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(digits[::-1])
    ]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 1


def _iban(text: str) -> bool:
    """ISO 13616: the four first characters go to the end, and the whole is 1 modulo 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(digit, 36)) for digit in plain[4:] + plain[:4])) % 97 == 1


def _resident(text: str) -> bool:
    """GB 11643: the last character checks the 17 before it (ISO 7064 mod 11-2)."""
    total = sum(int(digit) * (1 << (17 - at)) for at, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Detector:
    """``weight`` in hundredths: the score of a text in which nothing else is found."""

    name: str
    weight: int
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = _any


DETECTORS: Final = (
    Detector("private_key", 100, re.compile(r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----")),
    Detector("aws_access_key", 90, re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Detector(
        "github_token", 90, re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,200}|github_pat_\w{60,100})\b")
    ),
    Detector("slack_token", 90, re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,200}")),
    Detector("google_api_key", 90, re.compile(r"\bAIza[\w-]{35}(?![\w-])")),
    Detector("payment_secret_key", 90, re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,200}\b")),
    Detector(
        "model_api_key", 90, re.compile(r"\b(?:sk-[A-Za-z0-9_-]{20,200}|batchin_api_[\w-]{32,128})")
    ),
    Detector(
        "json_web_token",
        60,
        re.compile(r"\beyJ[\w-]{8,100}\.eyJ[\w-]{8,100}(?:\.|[\w-])"),
    ),
    Detector(
        "password",
        60,
        re.compile(
            r"\b(?i:password|passwd|secret|api[_-]?key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?[^\s\"'<>{}$]{8,64}"
        ),
    ),
    Detector("payment_card", 80, re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]*\d)"), _luhn),
    Detector(
        "us_ssn", 70, re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
    ),
    Detector("cn_resident_id", 80, re.compile(r"(?<!\d)[1-9]\d{16}[\dXx](?![\dA-Za-z])"), _resident),
    Detector(
        "iban", 60, re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _iban
    ),
    Detector(
        "email",
        30,
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{2,63}){1,4}"),
    ),
    Detector("phone", 30, re.compile(r"(?<![\w+])(?:\+[1-9](?:[ -]?\d){7,14}|1[3-9]\d{9})(?!\w)")),
    Detector(
        "injected_order",
        70,
        re.compile(
            r"\b(?i:ignore|disregard|forget)\s{1,4}(?i:all\s{1,4})?(?i:of\s{1,4})?(?i:the|your|any|my)?\s{0,4}"
            r"(?i:previous|prior|above|earlier|preceding)\s{1,4}"
            r"(?i:instructions?|prompts?|rules|messages?|directions)"
            r"|\b(?i:reveal|print|repeat|show)\s{1,4}(?i:me\s{1,4})?(?i:your|the)\s{1,4}(?i:hidden\s{1,4})?"
            r"(?i:system\s{1,4}prompt)"
            r"|(?:忽略|无视|忘记)(?:你)?(?:所有|全部)?(?:之前|以上|前面|先前)的?(?:所有|全部)?的?(?:指令|提示|规则|指示)"
        ),
    ),
)
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Risk:
    """``score`` in [0, 1] with four decimals; ``findings`` how often each detector matched."""

    score: str
    findings: Mapping[str, int]


def risk_of(texts: Iterable[str]) -> Risk:
    """What the detectors find: 1 minus the product of (1 - weight) over those that matched at all."""
    found: Counter[str] = Counter()
    for text in texts:
        for detector in DETECTORS:
            found[detector.name] += _count(detector, text)
    findings = {detector.name: found[detector.name] for detector in DETECTORS if found[detector.name]}
    left, whole = 1, 1
    for detector in DETECTORS:
        if detector.name in findings:
            left, whole = left * (_WHOLE - detector.weight), whole * _WHOLE
    tenths_permille = (20_000 * (whole - left) + whole) // (2 * whole)  # half up
    return Risk(f"{tenths_permille // 10_000}.{tenths_permille % 10_000:04d}", findings)


def _count(detector: Detector, text: str) -> int:
    """Matches by where they begin; a slice looks a little back and ahead, so that none is cut."""
    total = 0
    for start in range(0, len(text), _SLICE):
        begin, end = max(0, start - _OVERLAP), start + _SLICE
        piece = text[begin : end + _OVERLAP]
        for match in detector.pattern.finditer(piece):
            at = begin + match.start()
            if start <= at < end and detector.holds(match.group()):
                total += 1
    return total
