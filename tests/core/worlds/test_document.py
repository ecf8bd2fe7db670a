from random import Random

from core.worlds import document


def test_a_redrawn_document_changes_the_value_alone_and_spans_follow_the_text():
    pieces = document.fill("{value} is where {name} lives.", "Mira", "Oslo", ["Rome"])
    assert document.spans(pieces) == [(0, 4, "memory"), (14, 18, "name")]
    assert document.text(document.redraw(pieces, Random(0))) == "Rome is where Mira lives."


def test_how_a_value_of_several_words_goes_on_other_documents_tell_too():
    pieces = document.fill("{name} lives in {value}.", "Mira", "Tel Aviv", ["Rome"])
    assert document.spans(pieces) == [(0, 4, "name"), (14, 17, "memory"), (17, 22, "name")]
