"""Saved models: merged weights, GGUF, the hub, and checks of the reloaded models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rewardkit.train import Recipe
from rewardkit.train.folder import RunFolder
from rewardkit.train.saved import (
    MAX_ROUNDING_SHARE,
    compare_merged_weights,
    push_to_hub,
    save_gguf,
)
from tiny_run import read_json, write_recipe


def test_the_saved_models_are_the_trained_one(run: Path) -> None:
    checks = read_json(run / "checks.json")
    assert checks["blank_tensors"] == []
    different = checks["without_adapter"]["mean"]
    for name in ("adapter", "merged_16bit"):
        assert checks[name]["fits"]
        assert checks[name]["greatest"] < 1e-3  # all in float32 here
        assert checks[name]["mean"] < different / 10
    weights = checks["merged_16bit"]["weights"]
    assert weights["off"] < 1e-6 < weights["learnt"]


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")  # peft reads it
def test_merged_weights_are_compared_with_base_plus_adapter(run: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    base, adapter = run.parent / "model", run / "adapter"
    untrained = compare_merged_weights(str(base), adapter, base)
    assert untrained is not None
    assert untrained["off"] == pytest.approx(untrained["learnt"])  # it lacks what was learnt
    shutil.copytree(run / "merged_16bit", tmp_path / "merged")
    weights = safetensors.load_file(tmp_path / "merged" / "model.safetensors")
    rounded = {name: tensor.bfloat16().float() for name, tensor in weights.items()}
    safetensors.save_file(rounded, tmp_path / "merged" / "model.safetensors", {"format": "pt"})
    found = compare_merged_weights(str(base), adapter, tmp_path / "merged")
    assert found is not None
    assert 2**-11 < found["off"] < MAX_ROUNDING_SHARE


def test_gguf_files_are_made_by_llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llama = tmp_path / "llama"
    (llama / "build" / "bin").mkdir(parents=True)
    (llama / "convert_hf_to_gguf.py").write_text(
        "import sys; _, model, _, out, _, kind = sys.argv; open(out, 'w').write(kind)"
    )
    monkeypatch.setenv("LLAMA_CPP_PATH", str(llama))
    kinds = ["q8_0", "q4_k_m", "f16"]
    notes = save_gguf(tmp_path / "merged_16bit", kinds)
    if shutil.which("llama-quantize") is None:
        assert "q4_k_m needs llama-quantize" in notes[1]
    tool = llama / "build" / "bin" / "llama-quantize"
    tool.write_text('#!/bin/sh\necho "$3 of $(cat $1)" > $2\n')
    tool.chmod(0o755)
    notes = save_gguf(tmp_path / "merged_16bit", kinds)
    assert notes == [f"save.gguf: wrote model-{kind}.gguf" for kind in kinds]
    written = [(tmp_path / f"model-{kind}.gguf").read_text().strip() for kind in kinds]
    assert written == ["q8_0", "Q4_K_M of f16", "f16"]
    (llama / "convert_hf_to_gguf.py").write_text(
        "import sys; _, model, _, out, _, kind = sys.argv; open(out, 'w').write('newer ' + kind)"
    )
    save_gguf(tmp_path / "merged_16bit", ["f16"])  # of a model that trained further
    assert (tmp_path / "model-f16.gguf").read_text() == "newer f16"
    tool.write_text("#!/bin/sh\nexit 3\n")
    assert save_gguf(tmp_path / "merged_16bit", ["q5_k_m"]) == [
        "save.gguf: llama.cpp could not write model-q5_k_m.gguf"
    ]


def test_all_that_was_saved_goes_to_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    sent: list[tuple[str, str]] = []

    class Api:
        def create_repo(self, repo: str, *, exist_ok: bool) -> None:
            assert exist_ok

        def upload_folder(self, *, repo_id: str, folder_path: Path) -> None:
            sent.append((repo_id, folder_path.name))

        def upload_file(self, *, repo_id: str, path_or_fileobj: Path, path_in_repo: str) -> None:
            assert path_or_fileobj.name == path_in_repo
            sent.append((repo_id, path_in_repo))

    monkeypatch.setattr(hub, "HfApi", Api)
    for folder in ("adapter", "merged_16bit", "checkpoints"):
        (tmp_path / folder).mkdir()
    (tmp_path / "model-q8_0.gguf").touch()
    folder = RunFolder(Recipe.load(write_recipe(tmp_path)), tmp_path)
    push_to_hub(folder, "me/sums")
    assert sent == [
        ("me/sums", "adapter"),
        ("me/sums-merged_16bit", "merged_16bit"),
        ("me/sums-gguf", "model-q8_0.gguf"),
    ]
    assert folder.notes[-1] == "pushed model-q8_0.gguf to me/sums-gguf"
