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


def test_a_table_or_a_list_stays_together() -> None:
    table = "| name | capital |\n| Mongolia | Ulaanbaatar |"
    entry = "name: Mongolia\ncapital: Ulaanbaatar\nregion: Asia"
    assert passages_of(f"{table}\n\n{entry}\n\nOne is. Two is.", 1) == [
        table,
        entry,
        "One is.",
        "Two is.",
    ]


def test_each_part_of_a_long_table_has_its_head() -> None:
    rows = [f"| country {n} | town {n} |" for n in range(100)]
    found = passages_of("\n".join(["| country | capital |", *rows]), 1)
    assert all(passage.startswith("| country | capital |\n| country ") for passage in found)
    assert [row for passage in found for row in passage.splitlines()[1:]] == rows
    assert max(map(len, found)) < 500


def test_lines_that_end_as_sentences_do_are_none() -> None:
    assert passages_of("A: Who is?\nB: Mira is.", 1) == ["A: Who is?", "B: Mira is."]
