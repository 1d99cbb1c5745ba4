"""Results that were written with an older schema, converted to the schema of today."""

from collections.abc import Callable
from typing import Any

# What schema 2 had in `config` of how a run was executed.
EXECUTION = (
    "seeds",
    "recurrence",
    "margin",
    "probes",
    "histograms_every",
    "sweeps",
    "launcher",
    "checkpoint_s",
    "dry_run",
    "out_dir",
    "force",
)

# The built-in tasks of schema 2, each with the key that makes it harder.
AXES = {
    "copy": "task.lag",
    "adding": "task.length",
    "counting": "task.max_n",
    "text": "task.max_length",
}
SHARES = ("recall_accuracy", "accuracy", "acceptance")  # the main scores that were shares


def from_schema_2(data: dict[str, Any]) -> dict[str, Any]:
    """Returns a result of schema 2 as one of schema 3.

    There the seeds were part of a run's identity, one environment was kept, `config` held how the
    run was executed, and what the score and the task are like was known from their names.

    Raises:
        KeyError, TypeError, AttributeError: Parts of it are missing or of another form.
    """
    config = {key: value for key, value in data["config"].items() if key not in EXECUTION}
    corpus = config.get("corpus")
    if isinstance(corpus, dict) and isinstance(corpus.get("content"), str):
        config["corpus"] = corpus | {"content": {"train": corpus["content"]}}
    launcher = data["config"].get("launcher", {}).get("name", "local")
    kept = {key: value for key, value in data.items() if key != "environment"}
    return kept | {
        "schema_version": 3,
        "config": config,
        "axis": AXES.get(config["task"]["name"]),
        "score": data["score"] | {"is_share": data["score"]["name"] in SHARES},
        "margin": data["config"].get("margin"),
        "environments": [data["environment"] | {"launcher": launcher}],
    }


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {2: from_schema_2}
