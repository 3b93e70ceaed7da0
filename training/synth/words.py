"""Word lists that texts are made from: Chinese words by frequency, English words, invented names and places."""

from __future__ import annotations

import random
import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from pydoc_data import topics

import jieba
from faker import Faker


def vocabulary(name: str) -> list[str]:
    """The entries of one of the word lists in `training/synth/vocabulary/`."""
    return (Path(__file__).with_name("vocabulary") / f"{name}.txt").read_text(encoding="utf-8").split()


@dataclass(frozen=True, slots=True)
class WordList:
    """Words with cumulative weights, to draw from in O(log n)."""

    words: Sequence[str]
    cumulative: Sequence[float]

    @classmethod
    def of(cls, counts: dict[str, float], power: float) -> WordList:
        """Weights are counts to a power below 1, so that rare words are seen."""
        words = sorted(counts)
        return cls(words, list(accumulate(counts[w] ** power for w in words)))

    def draw(self, rng: random.Random) -> str:
        """One word at random."""
        return self.words[min(bisect(self.cumulative, rng.random() * self.cumulative[-1]), len(self.words) - 1)]


def chinese_words(charset: set[str]) -> WordList:
    """The words of jieba's dictionary whose characters are all classes."""
    counts: dict[str, float] = {}
    path = Path(jieba.__file__).with_name("dict.txt")
    for line in path.read_text(encoding="utf-8").splitlines():
        word, count, *_ = line.split(" ")
        if charset.issuperset(word):
            counts[word] = max(1.0, float(count))
    return WordList.of(counts, 0.6)


def english_words() -> WordList:
    """The words of Python's own language reference, with their counts there."""
    text = " ".join(topics.topics.values())
    counts = Counter(re.findall(r"[A-Za-z][A-Za-z']*[a-z]|[AaI]", text))
    return WordList.of(dict(counts), 0.5)


@dataclass(frozen=True, slots=True)
class Inventions:
    """Made-up names, companies, addresses, banks and cities."""

    names: Sequence[str]
    companies: Sequence[str]
    addresses: Sequence[str]
    cities: Sequence[str]
    emails: Sequence[str]
    urls: Sequence[str]


def inventions(seed: int, count: int = 3000) -> Inventions:
    """Draw `count` of each from Faker's Chinese provider."""
    fake = Faker("zh_CN")
    fake.seed_instance(seed)
    return Inventions(
        names=[fake.name() for _ in range(count)],
        companies=[fake.company() for _ in range(count)],
        addresses=[fake.address().rsplit(" ", 1)[0] for _ in range(count)],
        cities=[fake.city_name() for _ in range(count // 4)],
        emails=[fake.email() for _ in range(count // 4)],
        urls=[fake.url() for _ in range(count // 4)],
    )
