from core.store.passages import MOST_CHARACTERS, passages_of


def test_passages_end_with_sentences() -> None:
    text = "One is. Two is!  Three\nFour? Five."
    assert passages_of(text, 1) == ["One is.", "Two is!", "Three", "Four?", "Five."]
    assert passages_of(text, 2) == ["One is. Two is!", "Three Four?", "Five."]
    assert all(len(piece) <= MOST_CHARACTERS for piece in passages_of("word " * 999, 1))


def test_passages_of_scripts_without_spaces() -> None:
    text = "一だ。「二だ。」三？四"
    assert passages_of(text, 1) == ["一だ。", "「二だ。」", "三？", "四"]
    assert passages_of(text, 2) == ["一だ。「二だ。」", "三？四"]
    assert passages_of("यह है। वह है।", 1) == ["यह है।", "वह है।"]
