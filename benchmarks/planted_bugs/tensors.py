"""Planted: rewards that return tensors."""

import torch


def text_of(completion):
    return (
        completion
        if isinstance(completion, str)
        else str(completion[-1]["content"] if completion else "")
    )


def list_of_vectors(completions, **kwargs):
    return [torch.tensor([float(len(text_of(c)) > 20)]) for c in completions]


def matrix(completions, **kwargs):
    return torch.tensor([[float("." in text_of(c)), float("?" in text_of(c))] for c in completions])


PLANTS = {
    "list_of_vectors": ("raises", "a list of tensors of one element"),
    "matrix": ("raises", "two columns in one tensor"),
}
