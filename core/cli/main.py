"""The command line: ``winnow VERB [overrides]``.

A verb names one stage function (``conf/verbs.yaml``), imported only when it runs, so that help
answers at once. Every override is checked before the stage starts; what the user can mend is one
line on stderr and exit status 2, anything else keeps its traceback.
"""

import argparse
import importlib
import json
import os
import re
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from core.config import compose
from core.errors import UserError, explain, nearest
from core.runs import cores, processes
from core.runs.memory import keep_freed

if TYPE_CHECKING:  # Hydra takes .3 s to import: too long for --help
    from omegaconf import DictConfig

# Only a default: what the user has set in the environment wins.
QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0, 2 for what the user can mend, 130 interrupted,
    1 where nobody reads on.
    """
    keep_freed()
    try:
        if processes.are_several():
            _join()
        _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        if _is_read():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is still to be flushed
        return 1
    except KeyboardInterrupt:
        print("winnow: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        print(f"winnow: {line}", file=sys.stderr)
        return 2
    return 0


def _is_read() -> bool:
    """Whether anybody still reads the standard output; `head` for one ends when it has enough."""
    output = select.poll()
    output.register(1, select.POLLOUT)
    return not any(event & (select.POLLERR | select.POLLHUP) for _, event in output.poll(0))


def _dispatch(argv: list[str]) -> None:
    verbs = yaml.safe_load((compose.CONF / "verbs.yaml").read_text())
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_overview(verbs))
        return
    if argv[0] == "--version":
        print(f"winnow {version('winnow-lm')}")
        return
    verb = argv[0]
    if verb not in verbs:
        hint = nearest(verb, verbs) or f"; the verbs are {', '.join(verbs)}"
        raise UserError(f"no verb '{verb}'{hint}")
    args = _parse(argv[1:], verbs[verb])
    if args.help:
        print(_verb_help(verb, verbs[verb]))
    elif args.cfg:
        from omegaconf import OmegaConf

        for cfg in compose.jobs(args.overrides, args.multirun):
            print(OmegaConf.to_yaml(cfg), end="")
    else:
        jobs = [compose.ready(cfg) for cfg in compose.jobs(args.overrides, args.multirun)]
        if args.words:
            # What OmegaConf would take for an interpolation is text.
            jobs[0].words = [word.replace("${", r"\${") for word in args.words]
        if args.multirun:
            args.overrides = compose.as_typed(args.overrides, multirun=True)
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        is_search = args.multirun and "sweep" in verbs[verb] and jobs[0].sweep.objectives
        module, _, function = verbs[verb]["sweep" if is_search else "target"].rpartition(".")
        stage = getattr(importlib.import_module(module), function)
        if verb != "run":  # which looks at the load for its jobs
            _limit_threads(jobs[0].get("threads"))
        if is_search:
            stage(compose.ready(compose.shared(args.overrides)), partial(_sweep, args.overrides))
        elif args.multirun:
            _sweep(args.overrides, stage)
        else:
            stage(jobs[0])


def _limit_threads(threads: int | None) -> None:
    """Let PyTorch, where the verb uses it, take no more cores than are free, or as many as it is told."""
    if "torch" in sys.modules and not processes.are_several():
        sys.modules["torch"].set_num_threads(cores.chosen(1, threads)[1])


def _join() -> None:
    """Of processes launched together, one talks."""
    from core.runs.console import console

    processes.join()
    console.quiet = not processes.is_main()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        known = [action.option_strings[-1] for action in self._actions if action.option_strings]
        flags = ["-m" if flag == "--multirun" else flag for flag in known]
        flags = ["--cfg job" if flag == "--cfg" else flag for flag in flags]
        raise UserError(f"{message}; the flags are {', '.join(flags)}")


# What Hydra takes for an override; a question may hold an equals sign too.
OVERRIDE = re.compile(r"[+~]{0,2}[\w./@${}:-]+=")


def _parse(argv: list[str], entry: Mapping[str, Any]) -> argparse.Namespace:
    """The flags, `overrides`, and for a verb that takes words, such as a question, its `words`."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    for flag, override in entry.get("flags", {}).items():
        parser.add_argument(f"--{flag}", action="append_const", dest="flags", const=override)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("-c", "--cfg", choices=["job"])
    parser.add_argument("overrides", nargs="*")
    args = parser.parse_intermixed_args(argv)
    args.words = []
    if "words" in entry:
        args.words = [word for word in args.overrides if not OVERRIDE.match(word)]
        args.overrides = [word for word in args.overrides if OVERRIDE.match(word)]
        if args.words and args.multirun:
            raise UserError(f"-m sweeps over options: it takes no {entry['words']}")
    args.overrides += getattr(args, "flags", None) or []
    return args


def _sweep(overrides: Sequence[str], stage: "Callable[[DictConfig], Any]") -> None:
    """Hand the sweep to Hydra, so that its launchers (processes, clusters) and sweepers can take it."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    own = [line for line in overrides if line.startswith("hydra.searchpath")]

    def job(_: "DictConfig") -> Any:
        # Composed as one command is, without what its experiment sets for what isn't chosen.
        point = HydraConfig.get().overrides.task
        # Not resolved: a `${` in it is the point's own.
        typed: Any = OmegaConf.to_container(point, resolve=False)
        return stage(compose.ready(compose.jobs([*own, *typed])[0]))

    # Hydra reads its arguments from sys.argv, and hides what a job raised unless told not to.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    logs = ["hydra/job_logging=stdout", "hydra.job_logging.root.level=WARNING"]
    folder = r"hydra.sweep.dir=${runs_dir}/sweeps/${now:%Y-%m-%d_%H-%M-%S}"
    given = compose.with_recipe(overrides)
    argv, sys.argv = sys.argv, ["winnow", "--multirun", *logs, folder, *given]
    try:
        hydra.main(version_base="1.3", config_path=str(compose.CONF), config_name="config")(job)()
    finally:
        sys.argv = argv


def _overview(verbs: Mapping[str, Mapping[str, str]]) -> str:
    lines = [f"  {verb:<9} {entry['help']}" for verb, entry in verbs.items()]
    return "\n".join(
        [
            "usage: winnow VERB [key=value ...] [-m] [--cfg job]",
            "",
            "Distil a language model into a core that keeps its skills and loses its memories.",
            "",
            *lines,
            "",
            "winnow VERB --help lists its options; winnow --version the version.",
            "Try: winnow run experiment=tiny",
        ]
    )


def _verb_help(verb: str, entry: Mapping[str, Any]) -> str:
    primary = yaml.safe_load((compose.CONF / "config.yaml").read_text())
    chosen = {
        name.split()[-1]: choice  # "optional experiment" names the group experiment
        for entry in primary.pop("defaults", [])
        if isinstance(entry, dict)
        for name, choice in entry.items()
    }
    groups = [f"  {name:<12} {_choices(name, choice)}" for name, choice in chosen.items()]
    options = [
        f"  {key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in compose.flatten(primary)
        if not isinstance(value, dict) and not key.startswith("hydra.")
    ]
    own = [entry["words"]] if "words" in entry else []
    own += [f"[--{flag}]" for flag in entry.get("flags", {})]
    return "\n".join(
        [
            f"usage: winnow {' '.join([verb, *own])} [key=value ...] [-m] [--cfg job]",
            "",
            f"{verb}: {entry['help']}",
            "",
            "groups (group=choice; * is the default):",
            *groups,
            "",
            "options (key=value; --cfg job shows those of the chosen groups too):",
            *options,
            "",
            "examples:",
            f"  winnow {verb} experiment=tiny",
            f"  winnow {verb} -m experiment=tiny seed=0,1 'run=tiny_${{seed}}'",
        ]
    )


def _choices(group: str, chosen: Any) -> str:
    default = chosen if isinstance(chosen, list) else [chosen]
    names = sorted(file.stem for file in (compose.CONF / group).glob("*.yaml"))
    return " | ".join(f"{name}*" if name in default else name for name in names)
