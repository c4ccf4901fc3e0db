from __future__ import annotations

from featurekit.data.words import vocabulary, word_numbers, words_of


def test_case_and_punctuation_do_not_count():
    assert word_numbers("Well, DONE!").tolist() == word_numbers("well done").tolist()


def test_an_apostrophe_is_inside_a_word():
    assert len(word_numbers("it's don’t 42 x-ray")) == 5


def test_a_chinese_character_is_a_word():
    numbers = word_numbers("我很高兴 happy")
    assert len(numbers) == 5
    assert numbers[1] == word_numbers("很")[0]


def test_silence_has_no_words():
    assert word_numbers("").shape == word_numbers(" ... ").shape == (0,)


def test_numbers_are_in_range_spread_and_never_the_padding():
    numbers = word_numbers(" ".join(f"{a}{b}{c}" for a in "abcdefg" for b in "aeiou" for c in "klmnp"))
    assert numbers.min() >= 1
    assert numbers.max() <= 2**32
    assert len(set(numbers.tolist())) == len(numbers)


def test_numbers_are_the_same_in_every_run():
    assert word_numbers("happy").tolist() == [3203236810]


def test_spanish_words_keep_their_accents_in_either_of_their_two_spellings():
    assert words_of("¡Qué película! Año") == ["qué", "película", "año"]
    assert words_of("pel\u0069\u0301cula") == words_of("pel\u00edcula")


def test_marks_belong_to_their_letters():
    assert words_of("हिन्दी में") == ["हिन्दी", "में"]
    assert words_of("كِتَاب") == ["كِتَاب"]


def test_the_vocabulary_has_every_word_once_with_its_number():
    found = vocabulary(["Good, good film", "", "a film"])
    assert list(found) == ["a", "film", "good"]
    assert [found["a"], found["film"]] == word_numbers("a film").tolist()
