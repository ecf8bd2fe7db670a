"""Other models to hold the teacher against: Hugging Face folders with the corpus' own tokenizer."""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.errors import UserError
from core.models.gate import check_packed
from core.models.loading import check_same_tokenizer, check_vocabulary, load_model, load_tokenizer


def files_of(folder: str) -> list[Path]:
    """The files of a model folder; raises UserError when there is none."""
    path = Path(folder)
    if not path.is_dir():
        # An arm of a run is missing because it wasn't trained yet.
        is_arm = path.parent.name == "arms"
        hint = f"run `winnow distill arm={path.name}` first" if is_arm else "check the path"
        raise UserError(f"no model folder at {folder}; {hint}")
    return sorted(file for file in path.iterdir() if file.is_file())


def load_reference(folder: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """The model in `folder`, ready to be asked.

    Raises UserError when it can't be read, when it reads tokens by other numbers than `tokenizer` (its
    log-likelihoods would be those of another text), and when packed texts see each other in it.
    """
    check_same_tokenizer(load_tokenizer(folder), tokenizer, folder)
    model = load_model(folder)
    check_vocabulary(model, tokenizer, f"the reference {folder}")
    check_packed(model, f"the reference {folder}")
    return model.eval().requires_grad_(False)
