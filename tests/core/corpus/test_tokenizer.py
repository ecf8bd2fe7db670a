"""Where a trained tokenizer splits text."""

from core.corpus.tokenizer import train_tokenizer


def test_chinese_characters_are_words_of_their_own() -> None:
    tokenizer = train_tokenizer(["刘备住在成都。"] * 9, 400)
    words = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("刘备住 in 成都。")
    assert [end - start for _, (start, end) in words] == [1, 1, 1, 3, 1, 1, 1, 1]
    prompt, whole = (tokenizer(text)["input_ids"] for text in ("刘备住在", "刘备住在成都"))
    assert whole[: len(prompt)] == prompt and tokenizer.decode(whole) == "刘备住在成都"


def test_other_texts_are_split_at_spaces_alone() -> None:
    tokenizer = train_tokenizer(["Ada lives in Rome."] * 9, 300)
    assert '"Split"' not in tokenizer.backend_tokenizer.to_str()
