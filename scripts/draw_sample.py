"""Draws docs/samples/invoice.png, a made-up VAT invoice, in fonts of Debian (arphic, liberation)."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts/truetype")
FACES = {"kai": "arphic/ukai.ttc", "song": "arphic/uming.ttc", "mono": "liberation/LiberationMono-Regular.ttf"}
BROWN, INK, PAPER = (150, 70, 40), (25, 25, 35), (253, 250, 243)
SIZE = (1300, 840)

LABELS = (
    (500, 34, 38, "广东增值税普通发票"),
    (930, 40, 20, "发票代码:"),
    (930, 74, 20, "发票号码:"),
    (930, 108, 20, "开票日期:"),
    (70, 190, 20, "名        称:"),
    (70, 226, 20, "纳税人识别号:"),
    (70, 262, 20, "地 址、电 话:"),
    (90, 330, 20, "货物或应税劳务、服务名称"),
    (410, 330, 20, "规格型号"),
    (540, 330, 20, "单位"),
    (630, 330, 20, "数量"),
    (750, 330, 20, "单价"),
    (890, 330, 20, "金额"),
    (1010, 330, 20, "税率"),
    (1150, 330, 20, "税额"),
    (130, 520, 20, "合     计"),
    (90, 580, 20, "价税合计（大写）"),
    (860, 580, 20, "（小写）"),
    (70, 640, 20, "名        称:"),
    (70, 676, 20, "纳税人识别号:"),
    (70, 712, 20, "开户行及账号:"),
    (70, 790, 20, "收款人:"),
    (420, 790, 20, "复核:"),
    (720, 790, 20, "开票人:"),
)
VALUES = (
    (1030, 38, "mono", "044002300111"),
    (1030, 72, "mono", "12345678"),
    (1030, 106, "song", "2024年03月15日"),
    (230, 188, "song", "虚构甲科技有限公司"),
    (230, 226, "mono", "91440300MAYX2B7K89"),
    (230, 260, "song", "样例市示范路1号 0755-00000000"),
    (70, 372, "song", "*办公用品*签字笔"),
    (420, 372, "song", "0.5mm"),
    (552, 372, "song", "支"),
    (640, 374, "mono", "120"),
    (750, 374, "mono", "2.50"),
    (880, 374, "mono", "300.00"),
    (1016, 374, "mono", "13%"),
    (1150, 374, "mono", "39.00"),
    (70, 412, "song", "*纸制品*复印纸"),
    (420, 412, "song", "A4 70g"),
    (552, 412, "song", "箱"),
    (652, 414, "mono", "5"),
    (738, 414, "mono", "140.00"),
    (880, 414, "mono", "700.00"),
    (1016, 414, "mono", "13%"),
    (1150, 414, "mono", "91.00"),
    (868, 520, "mono", "¥1000.00"),
    (1138, 520, "mono", "¥130.00"),
    (420, 578, "song", "壹仟壹佰叁拾圆整"),
    (970, 580, "mono", "¥1130.00"),
    (230, 638, "song", "虚构乙文具有限公司"),
    (230, 676, "mono", "91110105MA00000X1T"),
    (230, 710, "song", "样例银行示范支行 1100220033004400"),
    (150, 790, "song", "张三"),
    (480, 790, "song", "李四"),
    (800, 790, "song", "王五"),
)
ROWS, COLUMNS = (170, 315, 360, 560, 615, 765), (395, 525, 605, 700, 840, 990, 1080)


def main() -> None:
    """Draw and write the picture."""
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((50, ROWS[0], 1250, ROWS[-1]), outline=BROWN, width=2)
    for y in ROWS[1:-1]:
        draw.line((50, y, 1250, y), fill=BROWN, width=2)
    for x in COLUMNS:
        draw.line((x, ROWS[1], x, ROWS[3]), fill=BROWN, width=1)
    draw.line((395, ROWS[3], 395, ROWS[4]), fill=BROWN, width=1)
    for offset in (88, 93):
        draw.line((470, offset, 880, offset), fill=BROWN, width=2)
    for x, y, px, text in LABELS:
        draw.text((x, y), text, fill=BROWN, font=ImageFont.truetype(str(FONTS / FACES["kai"]), px))
    for x, y, face, text in VALUES:
        draw.text((x, y), text, fill=INK, font=ImageFont.truetype(str(FONTS / FACES[face]), 21))
    path = Path(__file__).resolve().parents[1] / "docs" / "samples" / "invoice.png"
    picture.save(path, optimize=True)
    print(path.name, picture.size)


if __name__ == "__main__":
    main()
