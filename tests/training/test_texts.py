from __future__ import annotations

import random

import pytest

from training.synth import fields
from training.synth.charset import FOLDED, fold, gb2312_characters, labels
from training.synth.text import TextSampler
from training.synth.words import inventions

UNITS = {"仟": 1000, "佰": 100, "拾": 10}


def test_no_class_stands_twice_and_folded_characters_are_no_classes() -> None:
    assert len(set(labels())) == len(labels())
    assert not set(FOLDED) & set(labels())


def test_the_classes_hold_all_of_gb2312_and_ascii() -> None:
    assert len(gb2312_characters()) == 6763
    assert set(gb2312_characters()) <= set(labels())
    assert {chr(c) for c in range(0x20, 0x7F)} <= set(labels())


@pytest.mark.parametrize(
    ("printed", "label"),
    [("ＡＢｃ１２３", "ABc123"), ("￥１００％", "¥100%"), ("（大写）：", "（大写）："), ("　", " ")],
)
def test_a_label_folds_letters_and_digits_but_keeps_chinese_punctuation(printed: str, label: str) -> None:
    assert fold(printed) == label


def test_texts_hold_only_classes_single_spaces_and_no_more_characters_than_asked() -> None:
    sampler, known = TextSampler(5), set(labels())
    for _ in range(3000):
        text = sampler.draw(1, 20)
        assert 1 <= len(text) <= 20
        assert set(text) <= known
        assert text == " ".join(text.split())


def test_texts_of_one_seed_are_the_same() -> None:
    first, second = TextSampler(9), TextSampler(9)
    assert [first.draw(1, 9) for _ in range(50)] == [second.draw(1, 9) for _ in range(50)]


def _value_of_group(text: str) -> int:
    total, digit = 0, 0
    for c in text:
        if c in UNITS:
            total, digit = total + digit * UNITS[c], 0
        else:
            digit = fields.CAPITALS.index(c)
    return total + digit


def test_amounts_in_capitals_can_be_read_back() -> None:
    rng = random.Random(2)
    for _ in range(500):
        text = fields.capital_amount(rng)
        whole = text.split("圆")[0].split("元")[0] if "元" in text or "圆" in text else ""
        whole = whole.removeprefix("⊗").removeprefix("(负数)").removeprefix("人民币")
        for group in whole.split("万"):
            assert 0 <= _value_of_group(group) < 10_000


def test_labelled_values_have_their_label_in_front() -> None:
    rng, made = random.Random(3), inventions(3, count=20)
    labels_seen = {"".join(x.split()) for x in fields.LABELS}
    for _ in range(100):
        text = "".join(fields.labelled(rng, made).split())
        assert any(text.startswith(x) for x in labels_seen)
