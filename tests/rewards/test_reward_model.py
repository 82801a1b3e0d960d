from __future__ import annotations

import pickle
from contextlib import contextmanager
from pathlib import Path

import pytest

import rewardkit as rk
from endpoint import serving
from rewardkit.rewards import Correct, Relative, RewardModel, Where
from tiny_run import save_tiny_model

CHATS = [
    ([{"role": "system", "content": "be kind"}, {"role": "user", "content": "1 + 1"}], "2"),
    ([{"role": "user", "content": "say something long"}], "a b c d e f g " * 4),
    ([{"role": "user", "content": "1 + 1"}], "22222"),
    ([{"role": "user", "content": "1 + 1"}], "2"),
]


def make_batch(rows=CHATS, **columns):
    prompts, texts = zip(*rows, strict=True)
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    return rk.Batch(completions, prompts=[*prompts], columns=columns)


def save_classifier(folder: Path, outputs: int, *, template: bool = True) -> str:
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    save_tiny_model(folder)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.num_labels = outputs
    if outputs > 1:
        config.id2label = {0: "rude", 1: "kind"}
        config.label2id = {"rude": 0, "kind": 1}
    torch.manual_seed(1)
    transformers.LlamaForSequenceClassification(config).save_pretrained(folder)
    if not template:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        tokenizer.chat_template = None
        tokenizer.save_pretrained(folder)
        (folder / "chat_template.jinja").unlink(missing_ok=True)
    return str(folder)


@pytest.fixture(scope="module")
def scalar(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("scalar"), 1)


@pytest.fixture(scope="module")
def two_labels(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("labels"), 2)


def classify_alone(folder, texts):
    """The logits of each text by itself, as the model's card would show it."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts]


RENDERED = [
    "<system>be kind<user>1 + 1<assistant>2",
    "<user>say something long<assistant>" + ("a b c d e f g " * 4).strip(),
    "<user>1 + 1<assistant>22222",
    "<user>1 + 1<assistant>2",
]


def test_values_equal_those_of_each_row_alone(scalar):
    reward = RewardModel(model=scalar, batch_size=3, device="cpu")
    values = [score.value for score in reward.score(make_batch())]
    expected = [logits.item() for logits in classify_alone(scalar, RENDERED)]
    assert len(set(expected)) == 4
    assert values == pytest.approx(expected, abs=1e-5)


def test_a_label_has_its_probability(two_labels):
    alone = classify_alone(two_labels, RENDERED)
    expected = [logits.softmax(0)[1].item() for logits in alone]
    for label in ("kind", 1):
        reward = RewardModel(model=two_labels, label=label, device="cpu")
        assert [row.value for row in reward.score(make_batch())] == pytest.approx(expected)
    assert reward.bounds == (0.0, 1.0)


def test_a_model_without_a_chat_template_reads_the_texts(tmp_path):
    folder = save_classifier(tmp_path / "model", 1, template=False)
    reward = RewardModel(model=folder, device="cpu", show_prompt=False)
    texts = ["12 + 3", "4"]
    (long, short) = (logits.item() for logits in classify_alone(folder, texts))
    assert reward(completions=texts) == pytest.approx([long, short], abs=1e-5)
    pairs = RewardModel(model=folder, device="cpu")(prompts=["1 + 2", "1 + 2"], completions=texts)
    both = [logits.item() for logits in classify_alone(folder, ["1 + 212 + 3", "1 + 24"])]
    assert pairs == pytest.approx(both, abs=1e-5)


def test_of_a_long_row_the_start_is_left_out(scalar):
    reward = RewardModel(model=scalar, device="cpu", max_tokens=5)
    (value,) = reward(prompts=["1 + 1"], completions=["abcdefgh"])
    assert value == pytest.approx(classify_alone(scalar, ["defgh"])[0].item(), abs=1e-5)
    # and of any, beyond the model's own 128
    whole = RewardModel(model=scalar, device="cpu")(prompts=["1"], completions=["ab" * 100])
    assert whole == pytest.approx([classify_alone(scalar, ["ab" * 64])[0].item()], abs=1e-5)


@pytest.mark.parametrize("label", [None, "friendly", 2])
def test_a_label_that_the_model_does_not_have_is_explained(two_labels, label):
    with pytest.raises(ValueError, match="expected one of the model's outputs: 0: rude, 1: kind"):
        RewardModel(model=two_labels, label=label, device="cpu").score(make_batch())


def test_a_missing_model_is_an_error(tmp_path):
    with pytest.raises(OSError, match=r"cannot load .*nowhere', expected a hub id or a folder: "):
        RewardModel(model=str(tmp_path / "nowhere")).score(make_batch())


def test_it_is_a_term_like_any_other(scalar):
    judged = RewardModel(model=scalar, device="cpu")
    batch = make_batch(task=["open", "open", "math", "open"], answer=["2"] * 4)
    total = Where(reward=Relative(reward=judged), column="task", equals="open") + Correct(
        verifier="number", extractor="whole"
    )
    again = pickle.loads(pickle.dumps(total))
    assert again == total
    assert again.score(batch) == total.score(batch)
    assert total.score(batch)[2].value == 0.0


# With an endpoint ---------------------------------------------------------------------------------


@contextmanager
def serving_rewards(answer, path="/pooling"):
    def check_path(_, request):
        reply = answer(request)
        return reply if isinstance(reply, tuple) else (200, reply, {})

    with serving(check_path, path=path) as server:
        yield server


def measure(request):
    """A reward model's stand-in: the length of what the assistant wrote."""
    return float(len(request["messages"][-1]["content"]))


def ask(server, **fields):
    fields = {"model": "m", "retries": 0, "deadline": 20.0, "name": "rm", **fields}
    return RewardModel(base_url=server.url.removesuffix("/v1"), **fields)


REPLIES = {
    "pooling": lambda value: {"data": [{"index": 0, "data": [value]}]},
    "classify": lambda value: {"data": [{"index": 0, "label": "LABEL_0", "probs": [value]}]},
    "embeddings": lambda value: {"data": [{"object": "embedding", "embedding": [value]}]},
}


@pytest.mark.parametrize("route", REPLIES)
def test_an_endpoint_is_sent_the_conversation(route):
    with serving_rewards(lambda got: REPLIES[route](measure(got)), f"/{route}") as server:
        batch = make_batch()
        scores = ask(server, route=route).score(batch)
    assert [row.value for row in scores] == [1.0, 55.0, 5.0, 1.0]
    assert batch.metrics == {"rm/failed": 0.0}
    assert {request["model"] for request in server.requests} == {"m"}
    sent = [request["messages"] for request in server.requests]
    assert [*CHATS[0][0], {"role": "assistant", "content": "2"}] in sent


def test_a_cross_encoder_is_sent_two_texts():
    def answer(request):
        return {"data": [{"score": len(request["text_1"]) + len(request["text_2"]) / 100}]}

    with serving_rewards(answer, "/score") as server:
        values = ask(server, route="score")(prompts=["ab", "ab"], completions=["c", "c" * 7])
    assert values == [2.01, 2.07]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"data": [{"data": [0.1, 0.2]}]}, "the reply has 2 numbers; name one by label="),
        ({"data": []}, "is the route right"),
        ({"choices": []}, "is the route right"),
        ("no JSON", "is the route right"),
        ({"data": [{"data": ["high"]}]}, "in place of a number"),
        ((500, {"error": {"message": "out of memory"}}, {}), "out of memory"),
    ],
)
def test_any_other_reply_abstains(reply, why):
    with serving_rewards(lambda _: reply) as server:
        batch = make_batch()
        scores = ask(server).score(batch)
    assert {row.value for row in scores} == {None}
    assert why in scores[0].why
    assert batch.metrics == {"rm/failed": 1.0}


def test_one_of_several_outputs_by_its_index():
    with serving_rewards(lambda _: {"data": [{"probs": [0.25, 0.75]}]}, "/classify") as server:
        scores = ask(server, route="classify", label=1).score(make_batch())
        beyond = ask(server, route="classify", label=2).score(make_batch())
    assert {row.value for row in scores} == {0.75}
    assert beyond[0].why == "ReplyError: the reply has 2 numbers, and none at 2"


def test_a_named_label_of_an_endpoint_is_refused():
    with pytest.raises(ValueError, match="give the output's index"):
        RewardModel(model="m", base_url="http://127.0.0.1:1", label="kind")


def test_the_key_is_sent_and_not_kept(monkeypatch):
    monkeypatch.setenv("RM_KEY", "abc123")
    with serving_rewards(lambda got: REPLIES["pooling"](measure(got))) as server:
        reward = ask(server, api_key_env="RM_KEY")
        reward.score(make_batch())
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer abc123"}
    assert "abc123" not in repr(reward)
    assert b"abc123" not in pickle.dumps(reward)
