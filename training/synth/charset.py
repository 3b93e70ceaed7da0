"""The classes that our recogniser tells apart."""

from __future__ import annotations

ASCII = "".join(map(chr, range(0x20, 0x7F)))
CJK_PUNCTUATION = "、。《》〈〉「」『』【】〔〕〖〗・…—～‘’“”·！（），：；？〇々〃"
MONEY_AND_UNITS = "¥￥£€＄％℃℉㎡㎏㎜㎝㎞㎎㏄№°′″‰§¤"
MARKS = "※★☆○●◎◇◆□■△▲▽▼√✓✔✗×÷±≈≠≤≥∞∑∏∠⊥∥∵∴→←↑↓⊗⊕♀♂①②③④⑤⑥⑦⑧⑨⑩ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩΩαβγδεθλμπρστφωΔΣΦ©®™²³ø"
FOLDED = "￥＄％"
"""Characters that a label folds to their ASCII or narrow twin; none of them is a class."""


def gb2312_characters() -> str:
    """The 6,763 Chinese characters of GB 2312, in code order (rows 16 to 87)."""
    out = []
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                out.append(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    return "".join(out)


def labels() -> list[str]:
    """Every character class in model order; the class of `labels()[i]` is i + 1, class 0 is the CTC blank."""
    seen = dict.fromkeys(ASCII + CJK_PUNCTUATION + MONEY_AND_UNITS + MARKS + gb2312_characters())
    return [c for c in seen if c not in FOLDED]


def fold(text: str) -> str:
    """A text as its label is written: full-width letters, digits and ￥ in their ASCII or narrow form.

    CJK punctuation, which a reader sees as different from its ASCII twin, is kept.
    """
    table = {
        0xFFE5: "¥",
        0x3000: " ",
        0xA0: " ",
        0xFF04: "$",
        0xFF05: "%",
        0xFF0D: "-",
        0xFF0F: "/",
        0xFF0A: "*",
        0xFF0B: "+",
    }
    for first, last in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)):
        table.update({c: chr(c - 0xFEE0) for c in range(first, last + 1)})
    return text.translate(table)
