"""A smaller model cut from a larger one: the layers and MLP units that do most on given text stay.

A layer's importance is how much it turns the residual stream, the mean of 1 − cos(its input, its output)
(ShortGPT, arXiv 2403.03853). An MLP unit's is the norm of its activation over all tokens times that of the
weights it writes with (after Minitron, arXiv 2407.14679, which ranks by activations): how much it adds to
the stream. Both are measured once, in the whole model.

Shape suffixes: those of core/signal/signal.py; L layers, K units of an MLP.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from core.errors import UserError, nearest
from core.models.gate import say_the_same
from core.models.kfac import PackedBatch
from core.models.loading import new_model
from core.models.taught import IGNORED

GATED = ("gate_proj", "up_proj", "down_proj")


def resized(
    config: PretrainedConfig, changes: Mapping[str, Any], kept_layers: list[int] | None = None
) -> PretrainedConfig:
    """The configuration with some sizes changed; raises UserError for an unknown one, and for
    one that the architecture can't have.

    What it says of each layer (such as `layer_types`) is kept for `kept_layers`; without these, a model of
    another depth has what its architecture has by default.
    """
    text = config.get_text_config()
    if text is not config:  # the language model's part of one that does more
        whole = copy.deepcopy(config)
        for name in type(config).sub_configs:
            if getattr(whole, name, None) is whole.get_text_config():
                setattr(whole, name, resized(text, changes, kept_layers))
                return whole
    check_names(config, changes)
    known, own_name = config.to_dict(), config.attribute_map
    depth = getattr(config, "num_hidden_layers", None)
    if changes.get("num_hidden_layers", depth) != depth:
        for key, value in list(known.items()):
            if "layer" in key and isinstance(value, list) and len(value) == depth:
                known[key] = None if kept_layers is None else [value[n] for n in kept_layers]
    sizes = {own_name.get(key, key): value for key, value in changes.items()}
    try:
        return type(config).from_dict({**known, **sizes})
    except (
        Exception
    ) as error:  # each architecture has rules of its own, and of most no class of error
        reason = str(error).strip().splitlines()[-1].strip()
        raise UserError(f"student: {type(config).__name__} can't have {sizes}: {reason}") from error


def check_names(config: PretrainedConfig, changes: Mapping[str, Any]) -> None:
    """Raise UserError for a size that the configuration doesn't have."""
    known, own_name = config.to_dict(), config.attribute_map
    for key in changes:
        if own_name.get(key, key) not in known:
            raise UserError(
                f"student.{key}: {type(config).__name__} has no such size{nearest(key, known)}"
            )


def most_important(importance: Tensor, num_kept: int) -> list[int]:
    """The indices of the `num_kept` largest values, in ascending order."""
    return sorted(importance.argsort(descending=True, stable=True)[:num_kept].tolist())


@torch.no_grad()
def layer_importance(model: PreTrainedModel, batches: Iterable[PackedBatch]) -> Tensor:
    """Importance of each layer, in [0, 2]: (L,). Measured where a taught token is predicted."""
    _, layers = layers_of(model)
    turned_L, count = torch.zeros(len(layers), dtype=torch.float64), 0

    def watch(number: int, inputs: Tensor, output: Tensor, predicts_BT: Tensor) -> None:
        cosine_BT = F.cosine_similarity(inputs.float(), output.float(), dim=-1)
        turned_L[number] += (1 - cosine_BT[predicts_BT]).sum().double().cpu()

    for batch in batches:
        count += _read(model, batch, {n: (layer, watch) for n, layer in enumerate(layers)})
    return turned_L / max(count, 1)


@torch.no_grad()
def unit_importance(model: PreTrainedModel, batches: Iterable[PackedBatch]) -> dict[str, Tensor]:
    """Importance of each unit of each gated MLP, by the MLP's name: (K,). Measured where a taught token is
    predicted.

    Raises UserError for a model without such MLPs.
    """
    mlps = gated_mlps(model)
    squares = {
        name: torch.zeros(mlp.down_proj.in_features, dtype=torch.float64)
        for name, mlp in mlps.items()
    }

    def watch(name: str, inputs: Tensor, output: Tensor, predicts_BT: Tensor) -> None:
        squares[name] += inputs[predicts_BT].double().square().sum(0).cpu()

    for batch in batches:
        _read(model, batch, {name: (mlp.down_proj, watch) for name, mlp in mlps.items()})
    return {
        name: squares[name].sqrt() * mlp.down_proj.weight.double().norm(dim=0).cpu()
        for name, mlp in mlps.items()
    }


def cut(
    model: PreTrainedModel,
    *,
    kept_layers: list[int] | None = None,
    kept_units: Mapping[str, list[int]] | None = None,
    seed: int,
) -> PreTrainedModel:
    """Copy a model with the numbered layers alone, and the numbered units of its gated MLPs.

    `kept_layers` or `kept_units` of None keeps all. `kept_units` are by the MLPs' names, as many of each.
    Raises UserError when the logits differ from those of the whole model with the other layers and units
    skipped.
    """
    prefix, layers = layers_of(model)
    kept_layers = list(range(len(layers))) if kept_layers is None else kept_layers
    changes = {"num_hidden_layers": len(kept_layers)}
    if kept_units:
        changes["intermediate_size"] = len(next(iter(kept_units.values())))
    smaller = new_model(resized(model.config, changes, kept_layers), seed)
    source = model.state_dict()
    for mlp, units in (kept_units or {}).items():
        for matrix in GATED:
            dim = 1 if matrix == "down_proj" else 0
            for part in ("weight", "bias") if dim == 0 else ("weight",):
                key = f"{mlp}.{matrix}.{part}"
                if key in source:
                    index = torch.tensor(units, device=source[key].device)
                    source[key] = source[key].index_select(dim, index)
    weights = {}
    for name in smaller.state_dict():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition(".")
            weights[name] = source.get(f"{prefix}{kept_layers[int(number)]}.{rest}")
        else:
            weights[name] = source.get(name)
    try:
        smaller.load_state_dict(weights)
        is_right = _says_the_same(model, smaller, kept_layers, kept_units or {})
    except (
        Exception
    ):  # a weight that the whole doesn't have, or whatever passing over a layer brings about
        is_right = False
    if not is_right:
        raise UserError(
            f"{type(model).__name__} can't be cut to layers {kept_layers}: what a layer does depends on its "
            "place; choose another student.num_hidden_layers, or student.start=fresh"
        )
    smaller.generation_config = copy.deepcopy(model.generation_config)
    return smaller


def _says_the_same(
    model: PreTrainedModel,
    smaller: PreTrainedModel,
    kept_layers: list[int],
    kept_units: Mapping[str, list[int]],
) -> bool:
    """Whether the smaller model is the whole one without what was cut, on a short text."""
    _, layers = layers_of(model)
    passed = [layer for number, layer in enumerate(layers) if number not in kept_layers]
    handles = [layer.register_forward_hook(_pass_over, with_kwargs=True) for layer in passed]
    for name, units in kept_units.items():
        down = model.get_submodule(f"{name}.down_proj")
        kept_K = torch.zeros(int(down.in_features), device=model.device)  # type: ignore[arg-type]
        kept_K[units] = 1
        handles.append(down.register_forward_pre_hook(lambda _, x, kept_K=kept_K: (x[0] * kept_K,)))
    try:
        return say_the_same(model, smaller.to(model.device))  # type: ignore[arg-type]
    finally:
        for handle in handles:
            handle.remove()


def _pass_over(_: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
    """Make a layer return its input."""
    inputs = args[0] if args else kwargs["hidden_states"]
    return (inputs, *output[1:]) if isinstance(output, tuple) else inputs


def layers_of(model: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The decoder's layers, and what their names begin with; raises UserError when they can't be told."""
    depth = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    own = _reading(model)
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth and id(module) in own:
            return f"{name}.", module
    raise UserError(
        f"{type(model).__name__} has no list of num_hidden_layers={depth} layers to cut from; "
        "try student.start=fresh"
    )


def _reading(model: PreTrainedModel) -> set[int]:
    """The ids of the modules that read text, in a model that may read pictures as well."""
    is_all = model.config.get_text_config() is model.config
    return {id(module) for module in (model if is_all else model.get_decoder()).modules()}


def gated_mlps(model: PreTrainedModel) -> dict[str, Any]:
    """The MLPs as wide as the configuration says, by name; raises UserError when there are none."""
    width = getattr(model.config.get_text_config(), "intermediate_size", None)
    own = _reading(model)
    mlps = {
        name: module
        for name, module in model.named_modules()
        if id(module) in own
        and all(isinstance(getattr(module, matrix, None), nn.Linear) for matrix in GATED)
    }
    if not mlps or any(mlp.down_proj.in_features != width for mlp in mlps.values()):
        raise UserError(
            f"{type(model).__name__} has no MLPs of gate_proj, up_proj and down_proj, all of one "
            "intermediate_size: their units can't be cut; take a Llama-like teacher"
        )
    return mlps


def _read(
    model: PreTrainedModel, batch: PackedBatch, watched: Mapping[Any, tuple[nn.Module, Any]]
) -> int:
    """Run the model's body on a batch, and show each watcher what went into its module and came out."""
    input_ids, position_ids, labels_BT = (x.to(model.device) for x in batch)
    predicts_BT = torch.zeros_like(labels_BT, dtype=torch.bool)
    predicts_BT[:, :-1] = labels_BT[:, 1:] != IGNORED
    with _hooked(watched, predicts_BT):
        model.base_model(input_ids=input_ids, position_ids=position_ids, use_cache=False)
    return int(predicts_BT.sum())


@contextmanager
def _hooked(watched: Mapping[Any, tuple[nn.Module, Any]], predicts_BT: Tensor) -> Iterator[None]:
    handles = []
    for key, (module, watch) in watched.items():

        def hook(
            _: nn.Module, args: Any, kwargs: Any, output: Any, key: Any = key, watch: Any = watch
        ) -> None:
            inputs = args[0] if args else kwargs["hidden_states"]
            watch(key, inputs, output[0] if isinstance(output, tuple) else output, predicts_BT)

        handles.append(module.register_forward_hook(hook, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
