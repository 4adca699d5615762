"""Makes the bundled typeface from Pretendard 1.3.9; see README.md. Needs fontTools 4.

    npm pack pretendard@1.3.9 && tar xzf pretendard-1.3.9.tgz
    python3 make_fonts.py package/dist/public/static/alternative .
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

RANGES = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x3FF),  # Latin, Greek
    (0x2010, 0x2027), (0x2030, 0x203A), (0x2070, 0x20BF),  # punctuation, raised and lowered digits, currencies
    (0x2116, 0x2116), (0x2122, 0x2122), (0x2150, 0x215E),  # №, ™, fractions
    (0x2190, 0x21FF), (0x2200, 0x22FF),  # arrows, mathematical signs
    (0x2318, 0x2318), (0x2325, 0x2327),  # keys
    (0x25A0, 0x25FF), (0x26A0, 0x26A0), (0x2713, 0x2713), (0x2717, 0x2717),  # shapes, warning sign, tick, cross
    (0x3131, 0x3163),  # jamo
]


def ks_x_1001_hangul():
    """The 2,350 syllables: rows 16 to 40 of the standard, bytes B0A1 to C8FE of EUC-KR."""
    rows = (bytes((lead, trail)) for lead in range(0xB0, 0xC9) for trail in range(0xA1, 0xFF))
    return {ord(pair.decode("euc_kr")) for pair in rows}


def tabular(font):
    """Glyph of each digit that its `tnum` feature substitutes."""
    gsub = font["GSUB"].table
    lookups = {i for record in gsub.FeatureList.FeatureRecord if record.FeatureTag == "tnum"
               for i in record.Feature.LookupListIndex}
    found = {}
    for i in lookups:
        for table in gsub.LookupList.Lookup[i].SubTable:
            found.update(getattr(table, "ExtSubTable", table).mapping)
    return found


def make(source, target, weight):
    font = TTFont(source / f"Pretendard-{weight}.ttf")
    swap = tabular(font)
    for table in font["cmap"].tables:
        for digit in range(ord("0"), ord("9") + 1):
            if digit in table.cmap:
                table.cmap[digit] = swap.get(table.cmap[digit], table.cmap[digit])
    options = Options()
    options.hinting = False
    options.layout_features = ["kern"]
    options.name_IDs = ["*"]
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes={c for low, high in RANGES for c in range(low, high + 1)} | ks_x_1001_hangul())
    subsetter.subset(font)
    # The licence reserves the name.
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            text = record.toUnicode().replace("Pretendard", "Tuneplan Sans")
            record.string = text.replace(" ", "") if record.nameID in (3, 6) else text
    font.save(target / f"TuneplanSans-{weight}.ttf")


if __name__ == "__main__":
    for weight in ("Regular", "SemiBold"):
        make(Path(sys.argv[1]), Path(sys.argv[2]), weight)
