"""The fonts that lines are drawn in: where they come from, how often they are used, which are held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEBIAN_FONTS = Path("/usr/share/fonts")
WEB_FONTS = Path(__file__).resolve().parents[1] / "runs" / "fonts"
"""Where `training/fetch_fonts.sh` unpacks the @fontsource packages."""


@dataclass(frozen=True, slots=True)
class Font:
    """One typeface at one weight.

    `files` are tried in order for each character: web fonts come as many small files, each with part of the
    characters. `style` is what share of lines is steered by; `held_out` fonts are for validation only.
    """

    name: str
    style: str
    files: tuple[Path, ...]
    index: int = 0
    held_out: bool = False
    px_sizes: tuple[int, ...] = (40,)

    @property
    def found(self) -> bool:
        """Whether the font is installed."""
        return bool(self.files) and all(f.is_file() for f in self.files)


STYLE_SHARE = {"hei": 0.33, "song": 0.33, "kai": 0.16, "fangsong": 0.06, "bitmap": 0.03, "display": 0.09}
LATIN_SHARE = {"sans": 0.4, "serif": 0.28, "mono": 0.26, "ocr": 0.06}


def _debian(name: str, style: str, path: str, index: int = 0, held_out: bool = False, small: bool = False) -> Font:
    return Font(name, style, (DEBIAN_FONTS / path,), index, held_out, (40, 16, 20, 24) if small else (40,))


def cjk_fonts() -> list[Font]:
    """Fonts with Chinese glyphs that are installed here."""
    noto = "opentype/noto/Noto"
    fonts = [
        _debian("Noto Sans CJK SC", "hei", noto + "SansCJK-Regular.ttc", 2, small=True),
        _debian("Noto Sans CJK SC Light", "hei", noto + "SansCJK-Light.ttc", 2),
        _debian("Noto Sans CJK SC Medium", "hei", noto + "SansCJK-Medium.ttc", 2),
        _debian("Noto Sans CJK SC Bold", "hei", noto + "SansCJK-Bold.ttc", 2),
        _debian("Noto Sans CJK SC Black", "hei", noto + "SansCJK-Black.ttc", 2),
        _debian("Noto Serif CJK SC", "song", noto + "SerifCJK-Regular.ttc", 2, small=True),
        _debian("Noto Serif CJK SC Light", "song", noto + "SerifCJK-Light.ttc", 2),
        _debian("Noto Serif CJK SC Bold", "song", noto + "SerifCJK-Bold.ttc", 2),
        _debian("WenQuanYi Zen Hei", "hei", "truetype/wqy/wqy-zenhei.ttc", 0, small=True),
        _debian("WenQuanYi Micro Hei", "hei", "truetype/wqy/wqy-microhei.ttc", 0, small=True),
        _debian("AR PL UMing CN", "song", "truetype/arphic/uming.ttc", 0, small=True),
        _debian("AR PL SungtiL GB", "song", "truetype/arphic-gbsn00lp/gbsn00lp.ttf", small=True),
        _debian("AR PL UKai CN", "kai", "truetype/arphic/ukai.ttc", 0, small=True),
        _debian("AR PL KaitiM GB", "kai", "truetype/arphic-gkai00mp/gkai00mp.ttf", held_out=True),
        _debian("Droid Sans Fallback", "hei", "truetype/droid/DroidSansFallbackFull.ttf", held_out=True),
        _debian("LXGW WenKai", "kai", "truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf", small=True),
        _debian("LXGW WenKai Light", "kai", "truetype/lxgw-wenkai/LXGWWenKai-Light.ttf"),
        _debian("LXGW WenKai Mono Bold", "kai", "truetype/lxgw-wenkai/LXGWWenKaiMono-Bold.ttf"),
        _debian("cwTeX Fang Song", "fangsong", "truetype/cwtex/cwfs.ttf"),
        _debian("TW Sung", "song", "truetype/cns11643/TW-Sung-98_1.ttf"),
        _debian("TW Kai", "kai", "truetype/cns11643/TW-Kai-98_1.ttf"),
        Font("Unifont", "bitmap", (DEBIAN_FONTS / "opentype/unifont/unifont.otf",), px_sizes=(16,)),
    ]
    for folder in sorted(WEB_FONTS.glob("*/files")):
        parts = tuple(
            sorted(folder.glob("*chinese-simplified-400-normal.woff2")) or sorted(folder.glob("*-400-normal.woff2"))
        )
        fonts.append(Font(folder.parent.name, "display", parts))
    return [f for f in fonts if f.found]


def latin_fonts() -> list[Font]:
    """Fonts for Latin letters and digits that are installed here."""
    tt = "truetype/"
    fonts = [
        _debian("Liberation Sans", "sans", tt + "liberation/LiberationSans-Regular.ttf", small=True),
        _debian("Liberation Sans Bold", "sans", tt + "liberation/LiberationSans-Bold.ttf"),
        _debian("Liberation Sans Italic", "sans", tt + "liberation/LiberationSans-Italic.ttf"),
        _debian("Liberation Sans Narrow", "sans", tt + "liberation/LiberationSansNarrow-Regular.ttf"),
        _debian("Liberation Serif", "serif", tt + "liberation/LiberationSerif-Regular.ttf", small=True),
        _debian("Liberation Serif Bold", "serif", tt + "liberation/LiberationSerif-Bold.ttf"),
        _debian("Liberation Serif Italic", "serif", tt + "liberation/LiberationSerif-Italic.ttf"),
        _debian("Liberation Mono", "mono", tt + "liberation/LiberationMono-Regular.ttf", small=True),
        _debian("Liberation Mono Bold", "mono", tt + "liberation/LiberationMono-Bold.ttf"),
        _debian("DejaVu Sans", "sans", tt + "dejavu/DejaVuSans.ttf", small=True),
        _debian("DejaVu Sans Bold", "sans", tt + "dejavu/DejaVuSans-Bold.ttf"),
        _debian("DejaVu Sans Condensed", "sans", tt + "dejavu/DejaVuSansCondensed.ttf"),
        _debian("DejaVu Serif", "serif", tt + "dejavu/DejaVuSerif.ttf"),
        _debian("DejaVu Sans Mono", "mono", tt + "dejavu/DejaVuSansMono.ttf", small=True),
        _debian("FreeMono", "mono", tt + "freefont/FreeMono.ttf", small=True),
        _debian("FreeMono Bold", "mono", tt + "freefont/FreeMonoBold.ttf"),
        _debian("FreeSans", "sans", tt + "freefont/FreeSans.ttf"),
        _debian("FreeSerif", "serif", tt + "freefont/FreeSerif.ttf"),
        _debian("FreeSerif Italic", "serif", tt + "freefont/FreeSerifItalic.ttf"),
        _debian("Inconsolata", "mono", tt + "inconsolata/Inconsolata.otf"),
        _debian("JetBrains Mono", "mono", tt + "jetbrains-mono/JetBrainsMono-Regular.ttf"),
        _debian("OCR-A", "ocr", tt + "ocr-a/OCRA.ttf"),
        _debian("OCR-B", "ocr", "opentype/ocr-b/OCRB.otf"),
        _debian("Roboto", "sans", tt + "roboto/unhinted/RobotoTTF/Roboto-Regular.ttf"),
        _debian("Roboto Condensed", "sans", tt + "roboto/unhinted/RobotoCondensed-Regular.ttf"),
        _debian("Open Sans", "sans", tt + "open-sans/OpenSans-Regular.ttf"),
        _debian("Open Sans Bold", "sans", tt + "open-sans/OpenSans-Bold.ttf"),
        _debian("Lato", "sans", tt + "lato/Lato-Regular.ttf"),
        _debian("Lato Light", "sans", tt + "lato/Lato-Light.ttf"),
        _debian("Caladea", "serif", tt + "crosextra/Caladea-Regular.ttf"),
        _debian("Carlito", "sans", tt + "crosextra/Carlito-Regular.ttf", held_out=True),
        _debian("DejaVu Serif Condensed", "serif", tt + "dejavu/DejaVuSerifCondensed.ttf", held_out=True),
    ]
    return [f for f in fonts if f.found]
