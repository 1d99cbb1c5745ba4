"""Small trained runs, for the tests of what comes of them."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from gru_bench.config.compose import compose_experiments
from gru_bench.config.preprocessing import Preprocessing
from gru_bench.config.score import Score
from gru_bench.experiments.sweep import run_experiments
from gru_bench.export.trained_model import TrainedModel
from gru_bench.model.parameters import named_arrays
from gru_bench.runs.weights import SavedModel, SeedWeights
from helpers.models import random_model

TOPICS = {"money": ["refund", "card", "bill", "paid"], "login": ["password", "mail", "code", "key"]}


def write_tickets(path: Path, rows: int = 60, seed: int = 0) -> list[str]:
    """Writes a CSV of made-up tickets with the columns `body` and `topic`; returns the topics."""
    random = np.random.default_rng(seed)
    topics = [str(topic) for topic in random.choice(list(TOPICS), rows)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "topic"])
        for topic in topics:
            words = [*random.choice(TOPICS[topic], random.integers(1, 6)), "please"]
            writer.writerow([" ".join(random.permutation(words)), topic])
    return topics


def words_for_tickets(folder: Path) -> list[str]:
    """Returns the words that ask for a small model of `tickets.csv`, written if missing."""
    tickets = folder / "tickets.csv"
    if not tickets.exists():
        write_tickets(tickets)
    return [
        "task=text", "corpus=files", "corpus.name=tickets", f"corpus.train={tickets}",
        "corpus.text_column=body", "corpus.label_column=topic", "task.min_frequency=1",
        "task.max_length=8", "task.embedding_size=4", "hidden_size=4", "batch_size=8", "epochs=2",
    ]  # fmt: skip


def train(folder: Path, *words: str) -> Path:
    """Trains one run and returns its folder."""
    usual = ["probes=false", f"out_dir={folder / 'runs'}"]
    configs = compose_experiments([*usual, *words], multirun=False)
    sweep = run_experiments(configs, "test", quiet=True, timed=False)
    assert sweep.failures == []
    return sweep.finished[0]


def random_trained(cell: str, classes: tuple[str, ...] = (), **options: Any) -> TrainedModel:
    """Returns a model with random parameters as one that came out of a run."""
    model = random_model(cell, **options)
    saved = SavedModel(
        identity="0" * 16,
        task="made_up",
        cell=cell.rpartition(":")[2],
        cell_source=None,
        architecture=dataclasses.asdict(model.config),
        preprocessing=Preprocessing(class_names=classes),
        file_format=None,
        score=Score("accuracy", higher_is_better=True, baseline=None, baseline_name="guessing"),
        versions={},
    )
    arrays = {name: np.asarray(a) for name, a in named_arrays(nnx.state(model)).items()}
    return TrainedModel(saved, SeedWeights(0, 0.5, arrays))
