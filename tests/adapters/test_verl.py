"""`compute_score` through verl's own loader, managers and worker."""

from __future__ import annotations

import asyncio

import pytest

from rewardkit.adapters.verl import compute_score
from server import serving
from system_rows import GROUPED, TWO_COLUMNS, import_snippet, write_rows

pytestmark = pytest.mark.adapter
verl = pytest.importorskip("verl")
metrics = pytest.importorskip("verl.trainer.ppo.metric_utils")
loop = pytest.importorskip("verl.experimental.reward_loop.reward_loop")
reward = pytest.importorskip("verl.trainer.ppo.reward")
config = pytest.importorskip("omegaconf").OmegaConf
np = pytest.importorskip("numpy")
ray = pytest.importorskip("ray")
tokenizers = pytest.importorskip("tokenizers")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FILL = "<pad>"


class CharacterTokenizer:
    """One token per character, and 0 to fill a row."""

    def decode(self, tokens, *, skip_special_tokens):
        assert skip_special_tokens
        return "".join(map(chr, tokens.tolist()))


FILE = """\
from rewardkit.adapters.verl import make_compute_score

compute_score = make_compute_score({path!r})
"""


def make_settings(path, **options):
    function = {"path": "pkg://rewardkit.adapters.verl", "name": "compute_score"}
    function["reward_kwargs"] = {"rewards": str(path), **options}
    manager = {"source": "register", "name": "naive"}
    return {"reward": {"custom_reward_function": function, "reward_manager": manager}}


def make_manager(path, **options):
    settings = config.create(make_settings(path, **options))
    return reward.load_reward_manager(settings, CharacterTokenizer())


def save_tokenizer(folder, texts):
    """Save a tokenizer with one token per character, and return its numbers."""
    numbers = {each: number for number, each in enumerate(sorted({*"".join(texts)}), start=1)}
    model = tokenizers.models.WordLevel({FILL: 0, **numbers}, unk_token=FILL)
    made = tokenizers.Tokenizer(model)
    made.decoder = tokenizers.decoders.Fuse()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=FILL,
        eos_token=FILL,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
    return numbers


def make_data(rows, number=ord):
    longest = max(map(len, rows.texts))
    padded = [[*map(number, text)] + [0] * (longest - len(text)) for text in rows.texts]
    responses = torch.tensor(padded)
    prompts = torch.ones(len(padded), 1, dtype=torch.long)
    lengths = torch.tensor([len(text) for text in rows.texts])
    mask = (torch.arange(longest) < lengths[:, None]).long()
    return verl.DataProto.from_dict(
        tensors={
            "prompts": prompts,
            "responses": responses,
            "attention_mask": torch.cat([prompts, mask], dim=1),
        },
        non_tensors={
            "data_source": np.array(["questions"] * len(padded), dtype=object),
            "reward_model": np.array([{"ground_truth": each} for each in rows.answers]),
            "extra_info": np.array([{"index": row} for row in range(len(padded))]),
        },
    )


def test_a_manager_gives_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    manager, data = make_manager(rows.yaml), make_data(rows)

    async def run():
        # the worker's own: one task per sample
        return await asyncio.gather(
            *(manager.run_single(data[row : row + 1]) for row in range(len(data)))
        )

    manager.loop = asyncio.new_event_loop()
    found = manager.loop.run_until_complete(run())
    totals = [each["reward_score"] for each in found]
    assert totals == pytest.approx(rows.totals, abs=1e-9)
    infos = [each["reward_extra_info"] for each in found]
    assert {tuple(info) for info in infos} == {(*infos[0],)}  # else verl raises KeyError
    for name, values in rows.values.items():
        assert [info[name] for info in infos] == values
    assert [info["bad_reference"] for info in infos] == [
        float(answer == "n/a") for answer in rows.answers
    ]
    count = len(infos)
    columns = {name: [info[name] for info in infos] for name in infos[0]}
    logged = metrics.process_validation_metrics(["d"] * count, [*range(count)], columns)["d"]
    known = [value for value in rows.values["right"] if value is not None]
    assert logged["right"]["mean@1"] == pytest.approx(sum(known) / len(known))
    scores = type(manager).assemble_rm_scores(data, totals).sum(dim=1)
    assert scores.tolist() == pytest.approx(rows.totals, abs=1e-9)


def test_columns_of_extra_info_and_rewards_that_verl_cannot_call(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(TWO_COLUMNS)
    manager = make_manager(path, columns=["second"])
    found = manager.compute_score(
        data_source="d",
        solution_str="<answer>4</answer>",
        ground_truth="4",
        extra_info={"second": "5"},
    )
    assert (found["score"], found["right"], found["also"]) == (1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"columns=\['second'\]"):
        compute_score("d", "4", "4", rewards=str(path))
    path = tmp_path / "grouped.yaml"
    path.write_text(GROUPED)
    with pytest.raises(ValueError, match="varied: compares the completions of a group"):
        compute_score("d", "4", "4", rewards=str(path))


def test_the_rewards_of_a_file_are_checked_when_verl_loads_it(tmp_path):
    path, file = tmp_path / "grouped.yaml", tmp_path / "reward.py"
    path.write_text(GROUPED)
    file.write_text(FILE.format(path=str(path)))
    settings = make_settings(path)
    settings["reward"]["custom_reward_function"] = {"path": str(file), "name": "compute_score"}
    with pytest.raises(RuntimeError) as caught:
        reward.load_reward_manager(config.create(settings), CharacterTokenizer())
    assert "varied: compares the completions of a group" in str(caught.value.__cause__)


@pytest.mark.parametrize("own_file", [False, True])
def test_the_remote_manager_gets_the_totals_of_training_from_a_server(own_file, tmp_path):
    rows = write_rows(tmp_path)
    ray.init("local", num_cpus=2, include_dashboard=False)
    try:
        with serving(rows.yaml) as server:
            settings = make_settings(server.url)
            settings["reward"]["reward_manager"]["name"] = "remote"
            if own_file:
                file = tmp_path / "reward.py"
                file.write_text(FILE.format(path=server.url))
                function = {"path": str(file), "name": "compute_score"}
                settings["reward"]["custom_reward_function"] = function
            settings["reward"]["num_workers"] = 1
            manager = reward.load_reward_manager(config.create(settings), CharacterTokenizer())
            data = make_data(rows)

            async def run():
                return await asyncio.gather(
                    *(manager.run_single(data[row : row + 1]) for row in range(len(data)))
                )

            manager.loop = asyncio.new_event_loop()
            found = manager.loop.run_until_complete(run())
    finally:
        ray.shutdown()
    totals = [each["reward_score"] for each in found]
    assert totals == pytest.approx(rows.totals, abs=1e-9)


def test_workers_on_a_ray_cluster_give_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    folder = str(tmp_path / "tokenizer")
    numbers = save_tokenizer(folder, rows.texts)
    settings = make_settings(rows.yaml)
    settings["reward"] |= {"num_workers": 2, "reward_model": {"enable": False}}
    settings["actor_rollout_ref"] = {"model": {"path": folder, "tokenizer_path": folder}}
    ray.init("local", num_cpus=2, include_dashboard=False)
    try:
        manager = loop.RewardLoopManager(config.create(settings))
        found = manager.compute_rm_score(make_data(rows, numbers.__getitem__))
    finally:
        ray.shutdown()
    # verl keeps a row's total at its last token; that of an empty completion is the row's last
    totals = found.batch["rm_scores"].sum(dim=1).tolist()
    assert totals == pytest.approx(rows.totals, abs=1e-9)
    values = found.non_tensor_batch["score"].tolist()
    assert values == pytest.approx(rows.totals, abs=1e-9)


def test_the_page_s_file_scores_a_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import_snippet("verl", tmp_path)
    settings = make_settings("rewards.yaml")
    settings["reward"]["custom_reward_function"] = {"path": "snippet.py", "name": "compute_score"}
    manager = reward.load_reward_manager(config.create(settings), CharacterTokenizer())
    row = {"data_source": "d", "solution_str": "<answer>42</answer>", "ground_truth": "42"}
    assert manager.compute_score(**row)["right"] == 1.0
