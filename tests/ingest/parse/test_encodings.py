"""Bytes to text, in any encoding."""

import pytest

from ingest.parse.encodings import decoded
from ingest.parse.language import language_of

GERMAN = "Die Prüfung dauert länger: größere Mengen müssen gewogen werden. „Das weiß“ der Schichtführer – für 15 €."
POLISH = "Zażółć gęślą jaźń. Dział kadr przyjmuje wnioski o urlop, które należy złożyć pięć dni wcześniej."
FRENCH = "L'été était très chaud cette année. Où ça ? Chez l'élève, à Noël ; cœur, naïve façade."
TURKISH = "Çalışanların yıllık izin hakkı yirmi gündür. Başvuru beş gün önceden yapılmalıdır."
RUSSIAN = "Сотрудники имеют право на ежегодный отпуск. Заявление подаётся заранее, как мы и говорили."
JAPANESE = "社員は年次有給休暇を取得することができます。申請は五日前までに提出してください。"
CHINESE = "员工每年享有二十天的带薪年假。申请必须提前五天提交。"
KOREAN = "직원은 매년 이십 일의 유급 휴가를 받을 수 있습니다. 신청은 오일 전에 제출해야 합니다."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "utf-32-be"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        (POLISH, "cp1250"),
        (TURKISH, "cp1254"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift-jis"),
        (JAPANESE, "euc-jp"),
        (JAPANESE, "iso2022-jp"),
        (CHINESE, "gb18030"),
        (KOREAN, "euc-kr"),
    ],
    ids=lambda value: value if len(value) < 12 else "",
)
def test_the_encoding_is_told_from_the_bytes(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text


def test_a_few_bad_bytes_in_utf_8_are_lost_and_nothing_else() -> None:
    raw = GERMAN.encode() * 3

    assert decoded(raw + b"\xff" + raw) == GERMAN * 3 + "\ufffd" + GERMAN * 3


def test_what_the_file_says_of_itself_decides_where_the_bytes_do_not() -> None:
    assert decoded("Zażółć".encode("iso8859-2"), "iso-8859-2") == "Zażółć"
    assert decoded(b"\x93quoted\x94", "iso-8859-1") == "“quoted”"


def test_zero_bytes_and_marks_within_the_text_go() -> None:
    assert decoded(b"\xef\xbb\xbfone\x00\r\n\xef\xbb\xbftwo\rthree") == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (GERMAN, "de"),
        (RUSSIAN, "ru"),
        (JAPANESE, "ja"),
        (KOREAN, "ko"),
        (CHINESE * 3, "zh"),
        ("The keys of the yard are kept by the porter, who hands them out to staff for the day.", "en"),
        ("يحق للموظفين الحصول على إجازة سنوية", "ar"),
        ("SKU-8847 A-12 450 B-07 289", None),
        ("", None),
    ],
)
def test_a_language_is_told_by_script_and_common_words_or_not_at_all(text: str, language: str | None) -> None:
    assert language_of(text) == language
