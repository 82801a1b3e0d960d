"""A recipe: everything about a run, read from YAML, from a packaged file or one of your own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from rewardkit._messages import did_you_mean, shorten_repr, translate_phrases
from rewardkit.config import dump, read_yaml, write_yaml
from rewardkit.registry import is_registered
from rewardkit.train.recipe_sections import (
    BackendName,
    Compare,
    Data,
    Lora,
    Model,
    PositiveInt,
    Prompt,
    Questions,
    Rewards,
    Save,
    Section,
    Tracker,
    Training,
)

_PACKAGED_FOLDER = files("rewardkit.train") / "recipes"


class RecipeError(ValueError):
    """A mistake in a recipe, a run folder or the machine's setup; the message says what to do."""


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
    rewards: Annotated[Rewards, Field(min_length=1)]
    training: Training
    questions: Questions = Questions()
    compare: Compare = Compare()
    save: Save = Save()
    report_to: tuple[Tracker, ...] = ()
    show_every: PositiveInt = 10
    """Show a sampled completion after every so many steps."""

    @model_validator(mode="after")
    def _check_compared_rows(self) -> Self:
        data = self.data
        if self.compare.rows is None and not (data.held_out or data.test_file or data.test_split):
            message = "compare.rows: null is all held-out or test rows, and the recipe has none"
            raise ValueError(f"{message}; give data.test_file (--test FILE) or data.held_out")
        return self

    @classmethod
    def load(cls, source: str | Path, changes: Mapping[str, Any] | None = None) -> Self:
        """Load a packaged recipe by its name, or a YAML file by its path.

        `changes` are values by key path, which replace those of the file. Raises RecipeError with
        the line and the key path of each mistake.

        >>> Recipe.load("smollm2_arithmetic", {"training.learning_rate": 1e-5}).training.max_steps
        150
        """
        label, text = str(source), read_recipe_text(source)
        try:
            data = read_yaml(text)
        except ValueError as error:
            raise RecipeError(f"{label}: {error}") from None
        if not isinstance(data, dict):
            raise RecipeError(f"{label}: expected a mapping with model, lora, data and so on")
        # validated first without the changes, since only the file's own mistakes have a line
        recipe = cls._validate_data(data, label, text)
        if not changes:
            return recipe
        rewards: Any = {"rewards": True, "compare": {"rewards"}}  # replaced by the file's own
        defaults = recipe.model_dump(mode="json", exclude=rewards)
        for key_path, value in changes.items():
            _set_key(data, key_path, value, defaults)
        return cls._validate_data(data, "command line")

    @classmethod
    def _validate_data(cls, data: Mapping[str, Any], label: str, text: str | None = None) -> Self:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = error.errors(include_url=False)
        tree = None if text is None else _parse_tree(text)
        found = [
            (*_locate_problem(tree, location, description), description)
            for problem in problems
            for location, description in _describe_problem(problem)
        ]
        # pydantic reports a union's failure at the value and inside it; the inner one says more
        outer = {keys[:size] for keys, _, _ in found for size in range(len(keys))}
        lines = [
            f"{label}{line}: {'.'.join(keys)}: {description}" if keys else f"{label}: {description}"
            for keys, line, description in found
            if keys not in outer
        ]
        raise RecipeError("\n".join(dict.fromkeys(lines)))

    def as_yaml(self) -> str:
        """Return the whole recipe, with all defaults, as YAML text that reads back equal."""
        data = self.model_dump(mode="json", exclude={"rewards": True, "compare": {"rewards"}})
        data["rewards"] = read_yaml(dump(list(self.rewards)))
        if self.compare.rewards:
            data["compare"]["rewards"] = read_yaml(dump(list(self.compare.rewards)))
        return write_yaml(data)


# Where recipes are --------------------------------------------------------------------------------


def recipe_names() -> list[str]:
    """List the names of the packaged recipes, sorted.

    >>> "smollm2_arithmetic" in recipe_names()
    True
    """
    names = [Path(file.name) for file in _PACKAGED_FOLDER.iterdir()]
    return sorted(name.stem for name in names if name.suffix == ".yaml")


def read_recipe_text(source: str | Path) -> str:
    """Read the text of a packaged recipe or of a file.

    >>> print(read_recipe_text("smollm2_length").splitlines()[1])
    description: SmolLM2 135M learns to explain in 50 characters, in minutes
    """
    path = Path(source)
    # a name has neither folder nor suffix, so that it never depends on the working directory
    is_name = isinstance(source, str) and path.name == source and not path.suffix
    if is_name and source not in recipe_names():
        hint = did_you_mean(str(source), recipe_names())
        message = f"no packaged recipe {source!r}; the name of a file of your own ends in .yaml"
        raise RecipeError(f"{message}{hint or '; `rewardkit recipes` lists the packaged ones'}")
    try:
        file = _PACKAGED_FOLDER / f"{source}.yaml" if is_name else path
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"file not found: {source}") from None
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


def _set_key(data: dict[str, Any], key_path: str, value: Any, defaults: Any) -> None:
    """Set a value in nested data; a number in the path is a list's index."""
    *sections, last = key_path.split(".")
    target: Any = data
    for position, key in enumerate(sections):
        if isinstance(target, dict):
            defaults = defaults.get(key) if isinstance(defaults, dict) else None
            # a section that the file leaves out has only defaults, so it starts empty; an item of
            # a list has the others beside it
            target = target.setdefault(key, defaults if isinstance(defaults, list) else {})
        else:
            defaults = None  # the file has the list, and with it the items
            target = target[_find_index(target, key, ".".join(sections[:position]), key_path)]
    if isinstance(target, dict):
        target[last] = value
    else:
        target[_find_index(target, last, ".".join(sections), key_path)] = value


def _find_index(target: Any, key: str, section: str, key_path: str) -> int:
    if not isinstance(target, list):
        message = f"{section} is {target!r}, not a mapping; set {section} itself"
        raise RecipeError(f"command line: {key_path}: {message}")
    if not (key.isdecimal() and int(key) < len(target)):
        expected = f"an index from 0 to {len(target) - 1}"
        raise RecipeError(f"command line: {key_path}: {section} is a list; expected {expected}")
    return int(key)


# Mistakes, with their position in the file --------------------------------------------------------


def _parse_tree(text: str) -> Any:
    import yaml  # slow to import, and only mistakes need the lines

    return yaml.compose(text, Loader=yaml.SafeLoader)


def _locate_problem(
    node: Any, location: Sequence[Any], description: str
) -> tuple[tuple[str, ...], str]:
    """Return the key path of a mistake, and `:LINE` where the YAML is known."""
    is_absent = description.startswith("missing")
    keys, line = list[str](), ":1" if node else ""
    for key in map(str, location):
        children = dict(_list_children(node))
        if key in children:
            name, node = children[key]
            line = f":{name.start_mark.line + 1}"
        elif node and not is_absent:
            continue  # pydantic's name for one of several types, which is not a key of the file
        keys.append(key)
    return tuple(keys), line


def _list_children(node: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    kind = getattr(node, "id", None)
    if kind == "mapping":
        yield from ((name.value, (name, value)) for name, value in node.value)
    elif kind == "sequence":
        yield from ((str(index), (item, item)) for index, item in enumerate(node.value))


def _describe_problem(problem: Any) -> list[tuple[tuple[Any, ...], str]]:
    """Return the location and the description of each mistake in one of pydantic's problems."""
    kind, location, given = problem["type"], problem["loc"], problem["input"]
    # a reward may also be a component, which no YAML file can hold
    expected = translate_phrases(problem["msg"]).partition(" or instance of ")[0]
    if kind == "extra_forbidden":
        near = did_you_mean(str(location[-1]), _list_keys(location[:-1]))
        return [(location, f"no such key{near}")]
    if kind == "missing":
        return [(location, "missing")]
    if kind == "path_not_file":
        return [(location, f"file not found: {given}")]
    if kind != "value_error":
        return [(location, f"got {shorten_repr(given)}, expected {expected}")]
    if "rewards" not in location[:2]:  # at the top, and in `compare`
        # a section's own check starts with the field
        keys, _, rest = expected.partition(": ")
        inner = keys.split(".") if keys.partition(".")[0] in _list_keys(location) else []
        return [((*location, *inner), rest if inner else expected)]
    lines = [_split_component_path(line) for line in expected.splitlines()]
    return [((*location, *path), line) for path, line in lines]


def _split_component_path(message: str) -> tuple[list[str], str]:
    """Split a component's error into the path of the field and the rest.

    >>> _split_component_path("linear.terms.1: correct.verifier: number.rel_tol: got 'x' (str)")
    (['terms', '1', 'verifier', 'rel_tol'], "got 'x' (str)")
    """
    path: list[str] = []
    # a component names itself, then the field; the error of a component in the field follows
    while (found := re.match(r"([\w./-]*?\w+)((?:\.\w+)*): ", message)) and (
        is_registered(found[1])
    ):
        path += found[2].split(".")[1:]
        message = message[found.end() :]
    return path, message


def _list_keys(location: tuple[Any, ...]) -> list[str]:
    """List the keys of the section at a location; none for anything but a section."""
    section: Any = Recipe
    for key in location:
        field = getattr(section, "model_fields", {}).get(key)
        section = getattr(field, "annotation", None)
    return [*getattr(section, "model_fields", {})]
