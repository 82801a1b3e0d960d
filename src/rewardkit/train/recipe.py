"""A recipe: everything about a run, read from YAML, from a packaged file or one of your own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from rewardkit import presets
from rewardkit._yaml import read, write
from rewardkit.component import dump
from rewardkit.reward import Reward
from rewardkit.train.sections import (
    BackendName,
    Compare,
    Data,
    Lora,
    Model,
    PositiveInt,
    Probe,
    Prompt,
    Save,
    Section,
    Tracker,
    Training,
)

_PACKAGED_FOLDER = files("rewardkit.train") / "recipes"


class RecipeError(ValueError):
    """A mistake in a recipe, a run folder or the machine's setup; the message says what to do."""


def _replace_preset_names(given: Any) -> Any:
    # a preset wins over a registered reward of the same name: recipes are about presets
    items = given if isinstance(given, tuple) else [given]
    known = {name: getattr(presets, name) for name in presets.__all__}
    known |= {f"published.{name}": getattr(presets.published, name) for name in presets.__all__}
    return tuple(known.get(item, item) if isinstance(item, str) else item for item in items)


class Recipe(Section):
    """Everything about a run: model, LoRA, data, prompt, rewards, trainer and what is saved."""

    description: str = ""
    """One line for `rewardkit recipes`."""
    backend: BackendName = "unsloth"
    model: Model
    lora: Lora
    data: Data
    prompt: Prompt = Prompt()
    completion: str
    """A perfect completion, with `{answer}` for the reference: the preflight scores it."""
    rewards: Annotated[
        tuple[Reward, ...], Field(min_length=1), BeforeValidator(_replace_preset_names)
    ]
    """One reward or a list, as mappings or names; presets by name too."""
    training: Training
    probe: Probe = Probe()
    compare: Compare = Compare()
    save: Save = Save()
    report_to: tuple[Tracker, ...] = ()
    show_every: PositiveInt = 10
    """Show a sampled completion after every so many steps."""

    @classmethod
    def load(cls, source: str | Path, changes: Mapping[str, Any] | None = None) -> Self:
        """Load a packaged recipe by its name, or a YAML file by its path.

        `changes` are values by key path, which replace those of the file. Raises RecipeError with
        the line and the key path of each mistake.

        >>> Recipe.load("smollm2_arithmetic", {"training.learning_rate": 1e-5}).training.max_steps
        150
        """
        label, text = _read_source(source)
        try:
            data = read(text)
        except ValueError as error:
            raise RecipeError(f"{label}: {error}") from None
        if not isinstance(data, dict):
            raise RecipeError(f"{label}: expected a mapping with model, lora, data and so on")
        # validated first without the changes, since only the file's own mistakes have a line
        recipe = cls._validate(data, label, yaml.compose(text, Loader=yaml.SafeLoader))
        if not changes:
            return recipe
        for key_path, value in changes.items():
            _set_key(data, key_path, value)
        return cls._validate(data, "command line", None)

    @classmethod
    def _validate(cls, data: Mapping[str, Any], label: str, tree: Any) -> Self:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            found = [
                (*_locate_problem(tree, each), _describe_problem(each)) for each in error.errors()
            ]
        # pydantic reports a union's failure at the value and inside it; the inner one says more
        outer = {keys[:size] for keys, _, _ in found for size in range(len(keys))}
        lines = [
            f"{label}{line}: {'.'.join(keys)}: {problem}"
            for keys, line, problem in found
            if keys not in outer
        ]
        raise RecipeError("\n".join(dict.fromkeys(lines)))

    def as_yaml(self) -> str:
        """Return the whole recipe, with all defaults, as YAML text that reads back equal."""
        data = self.model_dump(mode="json", exclude={"rewards"})
        return write({**data, "rewards": read(dump(list(self.rewards)))})


# Where recipes are --------------------------------------------------------------------------------


def recipe_names() -> list[str]:
    """List the names of the packaged recipes, sorted.

    >>> "smollm2_arithmetic" in recipe_names()
    True
    """
    names = [Path(file.name) for file in _PACKAGED_FOLDER.iterdir()]
    return sorted(name.stem for name in names if name.suffix == ".yaml")


def _read_source(source: str | Path) -> tuple[str, str]:
    """Return the label for messages, and the text of a recipe."""
    path = Path(source)
    # a name has neither folder nor suffix, so that it never depends on the working directory
    is_name = isinstance(source, str) and path.name == source and not path.suffix
    if is_name and source not in recipe_names():
        names = ", ".join(recipe_names())
        raise RecipeError(f"no packaged recipe {source!r}; there are {names}; a file ends in .yaml")
    try:
        file = _PACKAGED_FOLDER / f"{source}.yaml" if is_name else path
        return str(source), file.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{source}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise RecipeError(f"{source}: {error}") from None


class RecipeInfo(NamedTuple):
    """A packaged recipe in one line."""

    name: str
    description: str
    model: str
    needs: tuple[str, ...]
    """What the machine needs beyond the extra `train`, in words."""


def list_recipes() -> list[RecipeInfo]:
    """List the packaged recipes."""
    recipes = {name: Recipe.load(name) for name in recipe_names()}
    return [
        RecipeInfo(name, recipe.description, recipe.model.name, list_needs(recipe))
        for name, recipe in recipes.items()
    ]


def list_needs(recipe: Recipe) -> tuple[str, ...]:
    """List what a recipe needs beyond the extra `train`: GPU, packages, the hub, trackers.

    >>> list_needs(Recipe.load("smollm2_length"))
    ('hub: model',)
    """
    unsloth = recipe.backend == "unsloth"
    from_hub = {
        "model": not Path(recipe.model.name).is_dir(),
        "dataset": recipe.data.hub is not None,
    }
    parts = {
        "GPU": unsloth or recipe.model.load_in_4bit,
        "unsloth": unsloth,
        "vLLM": recipe.model.fast_inference,
        "bitsandbytes": recipe.model.load_in_4bit,
        "reasoning-gym": recipe.data.made == "gsm_symbolic",
        f"hub: {' and '.join(what for what, needed in from_hub.items() if needed)}": any(
            from_hub.values()
        ),
    }
    return (*(part for part, needed in parts.items() if needed), *recipe.report_to)


# Changes from the command line --------------------------------------------------------------------


def _set_key(data: dict[str, Any], key_path: str, value: Any) -> None:
    """Set a value in nested data; a number in the path is a list's index."""
    *sections, last = key_path.split(".")
    target: Any = data
    for position, key in enumerate(sections):
        if isinstance(target, dict):
            # a section that the file leaves out has only defaults, so it starts empty
            target = target.setdefault(key, {})
        else:
            target = target[_find_index(target, key, ".".join(sections[:position]), key_path)]
    if isinstance(target, dict):
        target[last] = value
    else:
        target[_find_index(target, last, ".".join(sections), key_path)] = value


def _find_index(target: Any, key: str, section: str, key_path: str) -> int:
    if not isinstance(target, list):
        message = f"{section} is {target!r}, which has no keys; set {section} itself"
        raise RecipeError(f"command line: {key_path}: {message}")
    if not (key.isdecimal() and int(key) < len(target)):
        expected = f"an index from 0 to {len(target) - 1}"
        raise RecipeError(f"command line: {key_path}: {section} is a list; expected {expected}")
    return int(key)


# Mistakes, with their position in the file --------------------------------------------------------


def _locate_problem(node: Any, problem: Any) -> tuple[tuple[str, ...], str]:
    """Return the key path of a validation error, and `:LINE` where the YAML is known."""
    keys, line = list[str](), ":1" if node else ""
    for key in map(str, problem["loc"]):
        children = dict(_list_children(node))
        if key in children:
            name, node = children[key]
            line = f":{name.start_mark.line + 1}"
        elif node and problem["type"] != "missing":
            continue  # pydantic's name for one of several types, which is not a key of the file
        keys.append(key)
    return tuple(keys), line


def _list_children(node: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((name.value, (name, value)) for name, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(index), (item, item)) for index, item in enumerate(node.value))


_PROBLEMS = {"extra_forbidden": "no such key", "missing": "missing"}
_YAML_WORDS = {
    "Input should be": "expected",
    "Tuple should have": "expected",
    "a valid tuple": "a list",
    "a valid dictionary": "a mapping",
}
"""Pydantic's words for types, and those of YAML."""


def _describe_problem(problem: Any) -> str:
    if problem["type"] in _PROBLEMS:
        return _PROBLEMS[problem["type"]]
    text = problem["msg"].removeprefix("Value error, ").partition(" or instance of ")[0]
    for pydantic_words, yaml_words in _YAML_WORDS.items():
        text = text.replace(pydantic_words, yaml_words)
    given = problem["input"]
    return text if isinstance(given, dict | list | tuple) else f"{text}; got {given!r}"
