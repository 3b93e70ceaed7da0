"""What a training line says: words, invoice fields, random characters, Latin, look-alikes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.synth import fields
from training.synth.charset import CJK_PUNCTUATION, fold, gb2312_characters, labels
from training.synth.words import chinese_words, english_words, inventions, vocabulary

LOOKALIKES = vocabulary("lookalikes")
SENTENCE_MARKS = "，，，，。、；：？！"
SHORT_UNITS = ("mm", "cm", "kg", "km/h", "℃", "kW", "%", "MPa", "元", "号", "年", "m²", "Hz", "V", "GB")


class TextSampler:
    """Draws texts that consist of the model's characters only. Not thread-safe: one per process."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._charset = set(labels())
        self._chinese = gb2312_characters()
        self._common = self._chinese[:3755]
        self._words = chinese_words(self._charset)
        self._english = english_words()
        self._made = inventions(seed)
        self._marks = [c for c in labels() if c not in self._chinese]

    def draw(self, min_chars: int, max_chars: int) -> str:
        """One line of text of about `min_chars` to `max_chars` characters, folded as its label is written."""
        rng = self._rng
        for _ in range(20):
            text = fold(self._piece(rng.randint(min_chars, max_chars)))
            text = "".join(c for c in text if c in self._charset)
            text = self._cut(" ".join(text.split()), max_chars)
            if text:
                return text
        return rng.choice(self._chinese)

    def _cut(self, text: str, max_chars: int) -> str:
        if len(text) <= max_chars:
            return text
        start = self._rng.randint(0, len(text) - max_chars)
        return text[start : start + max_chars].strip()

    def _piece(self, length: int) -> str:
        rng = self._rng
        kind = rng.random()
        if kind < 0.20:
            return self._sentence(length)
        if kind < 0.36:
            return self._prose(length)
        if kind < 0.54:
            return self._random(length)
        if kind < 0.80:
            return self._field(length)
        if kind < 0.91:
            return self._latin(length)
        if kind < 0.94:
            return self._lookalikes(length)
        return rng.choice(("", " ")).join(
            (self._sentence(length // 2 + 1), rng.choice((self._field, self._latin, self._random))(length // 2 + 1))
        )

    def _sentence(self, length: int) -> str:
        rng, out = self._rng, ""
        while len(out) < length:
            out += self._words.draw(rng)
            if rng.random() < 0.15:
                out += rng.choice(SENTENCE_MARKS)
            elif rng.random() < 0.06:
                out = f"{out}{rng.choice('“（《「【(〈')}{self._words.draw(rng)}{rng.choice('”）》」】)〉')}"
        return out

    def _prose(self, length: int) -> str:
        """Running text of reports and contracts: numbered clauses, Latin names, figures and dashes among Chinese."""
        rng = self._rng
        out = rng.choice(
            ("", "", "", self._clause(), f"第{rng.randint(1, 30)}条 ", f"（{rng.choice('一二三四五六七八九十')}）")
        )
        while len(out) < length:
            out += "".join(self._words.draw(rng) for _ in range(rng.randint(1, 3)))
            out += rng.choice((self._inserted, self._inserted, lambda: rng.choice(SENTENCE_MARKS), lambda: ""))()
        return out + rng.choice(("", "。", "；", "，", "："))

    def _clause(self) -> str:
        rng = self._rng
        number = ".".join(str(rng.randint(1, 12)) for _ in range(rng.randint(1, 4)))
        return rng.choice(
            (f"{number} ", f"{number}.", f"{number}、", f"({rng.randint(1, 20)})", f"{rng.choice('abcdefi')}) ")
        )

    def _inserted(self) -> str:
        rng = self._rng
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        short = "".join(rng.choices(letters, k=rng.randint(1, 5)))
        kind = rng.randrange(12)
        if kind == 0:
            return short
        if kind == 1:
            return rng.choice(letters) + rng.choice("abcdefghilmnrtxy")
        if kind == 2:
            return f"{rng.randint(0, 999)}{rng.choice(('', f'.{rng.randint(0, 99)}'))}{rng.choice(SHORT_UNITS)}"
        if kind in (3, 8, 9):
            return rng.choice(("——", "——", "——", "—", "……", f"{rng.randint(1, 9)}-{rng.randint(2, 99)}"))
        if kind in (10, 11):
            return (
                f"{rng.choice((short, rng.choice(letters.lower()), f'{rng.choice(letters)}i'))}{rng.choice('；，：、')}"
            )
        if kind == 4:
            parts = ",".join(f"{rng.choice(letters)}{rng.choice('iixyn12')}" for _ in range(rng.randint(2, 6)))
            return rng.choice(("({})", "（{}）", "[{}]", "{}")).format(parts)
        if kind == 5:
            return f"第{rng.randint(1, 40)}{rng.choice('章节条款页次期')}"
        if kind == 6:
            return self._english.draw(rng)
        if kind == 7:
            return f"{short}{rng.choice('-/ ')}{rng.randint(1, 9999)}"
        return f"{rng.choice('“（《')}{self._words.draw(rng)}{short}{rng.choice('”）》')}"

    def _random(self, length: int) -> str:
        rng = self._rng
        pool: Sequence[str] = self._chinese if rng.random() < 0.8 else self._common
        chars = rng.choices(pool, k=length)
        if rng.random() < 0.3:
            for i in range(length):
                if rng.random() < 0.3:
                    chars[i] = rng.choice(self._marks)
        return "".join(chars)

    def _field(self, length: int) -> str:
        rng, out = self._rng, ""
        while len(out) < length:
            kind = rng.random()
            if out:
                out += rng.choice(("", " ", " "))
            if kind < 0.14:
                out += fields.label(rng)
            elif kind < 0.28:
                out += fields.money(rng)
            elif kind < 0.42:
                out += fields.identifier(rng)
            elif kind < 0.54:
                out += fields.quantity(rng)
            elif kind < 0.62:
                out += fields.date(rng)
            elif kind < 0.68:
                out += fields.capital_amount(rng)
            elif kind < 0.76:
                out += (
                    f"*{rng.choice(fields.CATEGORIES)}*{self._words.draw(rng)}{rng.choice(('', self._words.draw(rng)))}"
                )
            elif kind < 0.88:
                out += fields.place(rng, self._made)
            else:
                out += fields.labelled(rng, self._made)
            if rng.random() < 0.6:
                break
        return out

    def _latin(self, length: int) -> str:
        rng, out = self._rng, ""
        case = rng.choice((str, str, str.upper, str.title, str.lower))
        while len(out) < length:
            word = self._english.draw(rng) if rng.random() < 0.85 else fields.identifier(rng)
            out += case(word) + (
                rng.choice((", ", ". ", "; ", ": ", "-", "/", " (", ") ")) if rng.random() < 0.15 else " "
            )
        return out.strip()

    def _lookalikes(self, length: int) -> str:
        rng, out = self._rng, ""
        while len(out) < length:
            out += rng.choice(rng.choice(LOOKALIKES))
            if rng.random() < 0.4:
                out += rng.choice(
                    (
                        rng.choice(self._chinese),
                        rng.choice(fields.DIGITS),
                        rng.choice(CJK_PUNCTUATION),
                        self._words.draw(rng),
                    )
                )
        return out
