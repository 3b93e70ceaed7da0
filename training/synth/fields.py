"""Texts as they stand on invoices, tickets, receipts and forms: numbers, codes, dates, amounts, labels."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from training.synth.words import Inventions, vocabulary

DIGITS = string.digits
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Alphabet of the unified social credit code (GB 32100-2015)."""
LABELS = vocabulary("labels")
UNITS = vocabulary("units")
CATEGORIES = vocabulary("categories")
BANKS = vocabulary("banks")
PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
CAPITALS = "零壹贰叁肆伍陆柒捌玖"


def digits(rng: random.Random, count: int) -> str:
    """A run of random digits."""
    return "".join(rng.choices(DIGITS, k=count))


def money(rng: random.Random) -> str:
    """An amount in figures as documents print it."""
    value = round(10 ** rng.uniform(0, 6.5), 2)
    text = f"{value:,.2f}" if rng.random() < 0.35 else f"{value:.2f}"
    sign = "-" if rng.random() < 0.07 else ""
    return (
        rng.choice(("¥", "¥", "¥", "", "", "¥ ", "￥", "CNY ", "RMB", "$"))
        + sign
        + text
        + rng.choice(("", "", "", "", "元"))
    )


def _group(value: int) -> str:
    out, gap = "", False
    for unit, power in (("仟", 1000), ("佰", 100), ("拾", 10), ("", 1)):
        digit = value // power % 10
        if digit:
            out += ("零" if gap and out else "") + CAPITALS[digit] + unit
            gap = False
        else:
            gap = True
    return out


def capital_amount(rng: random.Random) -> str:
    """An amount in Chinese capitals, written by the filling rules for payment papers."""
    cents = int(10 ** rng.uniform(1, 9))
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    high, low = divmod(yuan, 10_000)
    text = (_group(high) + "万" if high else "") + ("零" if high and 0 < low < 1000 else "") + _group(low)
    text = (text or "零") + rng.choice("圆圆元")
    if not jiao and not fen:
        text += "整"
    else:
        text += (CAPITALS[jiao] + "角" if jiao else "零") + (CAPITALS[fen] + "分" if fen else rng.choice(("", "整")))
    return rng.choice(("", "", "", "⊗", "人民币", "(负数)")) + text


def date(rng: random.Random) -> str:
    """A date or a time."""
    y, m, d = rng.randint(1990, 2035), rng.randint(1, 12), rng.randint(1, 28)
    clock = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    return rng.choice(
        (
            f"{y}年{m:02d}月{d:02d}日",
            f"{y}年{m:02d}月{d:02d}日",
            f"{y}年{m}月{d}日",
            f"{y}-{m:02d}-{d:02d}",
            f"{y}/{m}/{d}",
            f"{y}.{m:02d}.{d:02d}",
            f"{y}{m:02d}{d:02d}",
            f"{y}-{m:02d}-{d:02d} {clock}:{rng.randint(0, 59):02d}",
            clock,
            f"{y} 年 {m:02d} 月 {d:02d} 日",
            f"{y}年{m:02d}月{d:02d}日 {clock}开",
            f"{y}年",
            f"{m}月{d}日",
        )
    )


def identifier(rng: random.Random) -> str:
    """A number or code of the kinds that finance papers carry."""
    letters, mixed = string.ascii_uppercase, string.ascii_uppercase + DIGITS
    kind = rng.randrange(16)
    if kind <= 2:
        return "9" + rng.choice("123") + digits(rng, 6) + "".join(rng.choices(USCC, k=10))
    if kind <= 4:
        return digits(rng, rng.choice((8, 8, 10, 12, 12, 20, 20)))
    if kind == 5:
        return " ".join(digits(rng, 5) for _ in range(4))
    if kind == 6:
        return rng.choice(("1{}", "0{}-{}", "400-{}-{}", "+86 1{}")).format(
            digits(rng, rng.choice((3, 10))), digits(rng, rng.choice((4, 8)))
        )
    if kind == 7:
        return " ".join(digits(rng, 4) for _ in range(4)) + " " + digits(rng, 3)
    if kind == 8:
        return digits(rng, 17) + rng.choice(DIGITS + "X")
    if kind == 9:
        return (
            rng.choice(PROVINCES) + rng.choice(letters) + rng.choice(("·", "", "-")) + "".join(rng.choices(mixed, k=5))
        )
    if kind == 10:
        return "".join(rng.choices("0123456789+-*/<>", k=rng.randint(10, 28)))
    if kind == 11:
        return "-".join("".join(rng.choices(mixed, k=rng.randint(1, 5))) for _ in range(rng.randint(2, 4)))
    if kind == 12:
        return digits(rng, 6) + "****" + digits(rng, 4)
    if kind == 13:
        return (
            rng.choice("GDCZTK")
            + digits(rng, rng.randint(1, 4))
            + rng.choice(("", "次", " " + digits(rng, 2) + "车" + digits(rng, 2) + rng.choice("ABCDF") + "号"))
        )
    if kind == 14:
        return "".join(rng.choices(string.ascii_letters + DIGITS + DIGITS, k=rng.randint(3, 20)))
    return "".join(rng.choices(mixed, k=rng.randint(2, 14)))


def quantity(rng: random.Random) -> str:
    """A short number as table cells hold it: a quantity, rate, unit price, dimension."""
    n = rng.randint(0, 9999)
    choices: tuple[Callable[[], str], ...] = (
        lambda: str(rng.randint(0, 9)),
        lambda: str(n),
        lambda: f"{n / 100:.2f}",
        lambda: f"{rng.choice((0, 1, 3, 6, 9, 13, 17))}%",
        lambda: f"{n / 10**6:.8f}",
        lambda: f"{rng.randint(0, 100)}.{rng.randint(0, 99)}%",
        lambda: f"{n}{rng.choice(UNITS)}",
        lambda: rng.choice(UNITS),
        lambda: rng.choice(("免税", "不征税", "***", "*", "-", "--", "/", "无", "0.00")),
        lambda: f"{rng.randint(1, 999)}*{rng.randint(1, 999)}",
        lambda: f"{rng.randint(1, 99)}×{rng.randint(1, 99)}mm",
        lambda: f"({rng.randint(1, 99)})",
        lambda: f"{rng.randint(1, 30)}.",
        lambda: f"第{rng.randint(1, 99)}页",
        lambda: f"{n}g/袋",
        lambda: f"共{rng.randint(1, 9)}页 第{rng.randint(1, 9)}页",
        lambda: f"No.{n}",
        lambda: f"№ {digits(rng, 8)}",
        lambda: f"{n / 10:.1f}℃",
    )
    return rng.choice(choices)()


def label(rng: random.Random) -> str:
    """A form's label, sometimes spread with gaps, with or without its colon."""
    text = rng.choice(LABELS)
    if 2 <= len(text) <= 4 and rng.random() < 0.35:
        text = " ".join(text)
    return text + rng.choice(("", "", ":", ":", "：", "："))


def labelled(rng: random.Random, made: Inventions) -> str:
    """A label with its value."""
    value = rng.choice(
        (
            money,
            date,
            identifier,
            quantity,
            capital_amount,
            lambda r: r.choice(made.names),
            lambda r: r.choice(made.companies),
        )
    )(rng)
    return label(rng) + rng.choice(("", "", "", " ")) + value


def place(rng: random.Random, made: Inventions) -> str:
    """A party of an invoice: name, address, bank."""
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice(made.names)
    if kind == 1:
        return rng.choice(made.companies)
    if kind == 2:
        return rng.choice(made.addresses) + rng.choice(("", " 0" + digits(rng, 3) + "-" + digits(rng, 8)))
    if kind == 3:
        return (
            rng.choice(BANKS)
            + rng.choice(made.cities)
            + rng.choice(("支行", "分行", "营业部"))
            + rng.choice(("", " " + digits(rng, rng.choice((12, 16, 19)))))
        )
    if kind == 4:
        return rng.choice(made.cities) + rng.choice(("", "站", "市", "东站", "南站", "西站", "北站"))
    if kind == 5:
        return rng.choice((*made.emails, *made.urls))
    return rng.choice(made.cities) + rng.choice(
        (
            "增值税普通发票",
            "增值税专用发票",
            "增值税电子普通发票",
            "出租汽车统一发票",
            "通行费",
            "国家税务局通用机打发票",
        )
    )
