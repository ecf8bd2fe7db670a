"""Names by their capitals, where a corpus has them."""

from core.corpus.cases import Cases

TEXTS = [
    "The capital of Mongolia is Ulaanbaatar.",
    "In winter the river near Sucre freezes. Winter is long.",
    "Question: who lives in Sucre? Answer: Mira.",
]


def test_a_name_stands_in_capitals_inside_sentences_or_nowhere_in_lower_case() -> None:
    cases = Cases(TEXTS)
    assert cases.mark_names
    names = {
        w for t in TEXTS for w in t.replace(":", " ").replace(".", " ").replace("?", " ").split()
    }
    found = {word for word in names if cases.is_name(word, is_rare=False)}
    assert found == {"Mongolia", "Ulaanbaatar", "Sucre"}
    assert cases.is_name("Mira", is_rare=True) and not cases.is_name("Winter", is_rare=True)


def test_capitals_mark_nothing_where_there_are_none_or_only_at_beginnings() -> None:
    assert not Cases([text.lower() for text in TEXTS]).mark_names
    assert not Cases(["The river is long.", "In winter it freezes."]).mark_names
    assert not Cases([]).mark_names
    assert not Cases(["蒙古国的首都是乌兰巴托。"]).mark_names


def test_each_script_marks_names_or_not_by_itself() -> None:
    arabic = ["عاصمة منغوليا هي أولان باتور", "نهر سوكري طويل"]
    georgian = ["მონღოლეთის დედაქალაქი არის ულანბატორი"]
    russian = ["Столица Монголии зовётся Улан-Батором, как говорят в Москве."]
    cases = Cases([*TEXTS, *arabic, *georgian, *russian])
    assert cases.mark_names
    assert cases.mark("Sucre") and cases.mark("Монголии") and cases.mark("17")
    assert not cases.mark("منغوليا") and not cases.mark("მონღოლეთის")
    # A sign here and there isn't a script whose words are names.
    assert Cases([*TEXTS * 40, "The angle α is small."]).mark("α")
