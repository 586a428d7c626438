"""Words: the same for a text and for who asks about it, in every script."""

import pytest

from rag.lexical.words import query_words, words


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The approved requests of the Bank", "en", ["approv", "request", "bank"]),
        ("Über die Straße gehen", "de", ["strass", "geh"]),
        ("la política de vacaciones", "es", ["polit", "vacacion"]),
        ("Straßen", "xx", ["strassen"]),
        ("保险条款", "zh", ["保险", "险条", "条款"]),
        ("มาสาย", "th", ["มา", "าส", "สา", "าย"]),
        ("हिन्दी भाषा।", "hi", ["हिन्दी", "भाषा"]),
        ("Ünïcode fi", None, ["unicod", "fi"]),
    ],
)
def test_a_text_becomes_words(text: str, language: str | None, expected: list[str]) -> None:
    assert words(text, language) == expected


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("see ERR-4032.", "err4032"),
        ("since v2.3.1", "v231"),
        ("NP_30117", "np30117"),
        ("C++ and C#", "cplusplus"),
        ("in C#", "csharp"),
        ("e-mail", "email"),
    ],
)
def test_a_code_is_found_whole_and_by_its_parts(text: str, whole: str) -> None:
    found = words(text, "en")

    assert whole in found
    assert len(found) > 1


def test_an_acronym_is_no_stop_word_unless_all_is_in_capitals() -> None:
    assert words("IT pays WHO", "en") == ["it", "pay", "who"]
    assert words("IT IS THE RULE", "en") == ["rule"]


def test_words_hold_letters_and_digits_alone_whatever_the_text() -> None:
    text = 'a\'b "c" (d) e*f g:h -i NEAR/2 j^k <b>l</b> 50% \x00 ½ ² ' + "x" * 60

    assert all(word.isalnum() and len(word) <= 40 for word in words(text, "en"))


def test_a_query_word_has_its_forms_in_all_languages() -> None:
    found = query_words("Wie viele Fenster habe ich?", ["de", "en"])

    assert [word.forms for word in found] == [("fenst", "fenster"), ("hab", "habe")]


def test_a_query_of_stop_words_alone_keeps_them() -> None:
    assert [word.forms for word in query_words("what is this", ["en"])] == [("what",), ("is",), ("this",)]
