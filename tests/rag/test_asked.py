"""What questions ask for, in several languages, and whether a text has it."""

import pytest

from rag.asked import Asked, fully_answered
from rag.support.tokens import tokens


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("How often is the knife replaced?", "Replace it every 400,000 cases.", "Put it into box 3."),
        ("How often is the filter washed?", "It is washed weekly.", "It is washed cold."),
        ("When does the canteen close?", "Warm food: 11:45–13:15", "A dish costs £4.20."),
        ("How long does the leave last?", "6 weeks at full pay", "The leave is paid at 80 percent."),
        ("What does the lunch cost?", "It costs €8.", "It is served for 8 people."),
        ("How many weeks of leave do I get?", "You get 6 weeks.", "You get 30 minutes."),
        ("How many keys did we receive?", "Front door: 11 keys", "There are 7 lamps."),
        ("How loud is the machine?", "71 dB at the operator's place", "It weighs 71 kg."),
        ("Who approves the claim?", "It is approved by Ellen Marsh.", "It is approved in writing."),
        ("Wie lange dauert der Wechsel?", "höchstens 20 Minuten", "Das Messer ist scharf."),
        ("Wann ist die Küche offen?", "von 11:45 bis 13:15", "Sie liegt in Halle 2."),
        ("¿Cuánto cuesta el café?", "Cuesta 2 euros.", "Se sirve en la sala 3."),
        ("¿Cuándo se entregan los gastos?", "en un plazo de 30 días", "con el formulario"),
        ("更换需要多长时间?", "不超过20分钟", "由王伟负责"),
    ],
)
def test_an_answer_has_the_kind_of_thing_that_is_asked_for(question: str, answer: str, other: str) -> None:
    asked = Asked.of(question)

    assert asked.kind_in(answer)
    assert not asked.kind_in(other)


def test_a_question_for_neither_a_number_nor_a_name_takes_any_text() -> None:
    assert Asked.of("Does the firm pay for a chair?").kind_in("It does.")


def test_codes_and_names_with_a_number_must_be_there() -> None:
    asked = Asked.of("What does the fault E-61 of the Plover 400 mean?")

    assert asked.codes_in(tokens("Plover 400: code E-61", "en"))
    assert not asked.codes_in(tokens("Plover 400: code E-16", "en"))
    assert not asked.codes_in(tokens("Plover 300: code E-61", "en"))


def test_every_part_of_a_question_must_be_answered() -> None:
    question = "When may I fly business class, and who has to agree?"

    assert fully_answered(question, "Above 7 hours, if Ellen Marsh agrees.")
    assert not fully_answered(question, "Business class is possible above 7 hours.")


def test_the_words_of_the_question_are_no_answer() -> None:
    assert not fully_answered("Is the Avocet loud?", "The Avocet is loud.")
    assert fully_answered("Is the Avocet loud?", "The Avocet is as loud as a lorry.")
