"""Folders that hold something else than a whole causal language model: told before anything is loaded."""

from pathlib import Path

from transformers import PretrainedConfig

from core.errors import UserError

ADAPTER = "adapter_config.json"
PICKLED = "pytorch_model*.bin*"


def check_files(folder: Path) -> None:
    """Raise UserError for an adapter, and for weights that reading them could run code of.

    Without the package peft transformers passes over an adapter beside a model, so the model before it was
    trained would be asked in its place.
    """
    if (folder / ADAPTER).is_file():
        raise UserError(
            f"{folder} holds an adapter ({ADAPTER}), which is no model by itself: merge it into its model "
            "(merge_and_unload in peft), and save that into a folder of its own"
        )
    pickled = sorted(path.name for path in folder.glob(PICKLED))
    if pickled and not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{folder}: its weights are pickled ({pickled[0]}), and reading them could run code: load the "
            "model where you trust it, and save it again (save_pretrained), which writes safetensors"
        )


def check_causal(config: PretrainedConfig, folder: str | Path) -> None:
    """Raise UserError for a model with an encoder: transformers would load its decoder alone."""
    if config.is_encoder_decoder:
        raise UserError(
            f"{folder}: {config.model_type} is an encoder and a decoder, and its decoder alone is another "
            "model: take one that only continues a text"
        )
