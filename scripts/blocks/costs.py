"""The blocks on time and memory."""

from typing import Any

from blocks.committed import CELLS, read_json, span, table
from gru_bench.benchmark.crossings import in_words
from gru_bench.system.prose import listed


def of_runtime(runtime: str, cell: str, work: str) -> str:
    """Returns the range over hidden sizes of a cell's time over the LSTM's in a runtime."""
    return span(
        figure["vs_lstm"]["estimate"]
        for figure in read_json("speed/runtimes.json")["figures"]
        if (figure["runtime"], figure["cell"], figure["work"]) == (runtime, cell, work)
    )


def sizes_of_runtimes() -> str:
    """Returns the range of hidden sizes that were timed in the runtimes."""
    sizes = [figure["hidden_size"] for figure in read_json("speed/runtimes.json")["figures"]]
    return f"{min(sizes)} to {max(sizes)} units"


def layer() -> str:
    """Returns how much faster a training step is than the best peer's, by shape and cell."""
    quiet, busy = (_times_faster(name) for name in ("layer", "layer_busy"))
    rows = [
        [shape, *(f"{quiet[shape, cell]:.2f} ({busy[shape, cell]:.2f})" for cell in CELLS)]
        for shape in dict.fromkeys(shape for shape, _ in quiet)
    ]
    return table(f"batch x time x input x hidden | {' | '.join(CELLS)}", rows)


def _times_faster(name: str) -> dict[tuple[str, str], float]:
    found = {}
    for case in _cases(name, "training step"):
        sizes = ("batch", "time", "input_size", "hidden_size")
        shape = " x ".join(str(case["shape"][size]) for size in sizes)
        found[shape, case["cell"]] = case["faster"]["median"]
    return found


def _cases(name: str, work: str) -> list[dict[str, Any]]:
    return [case for case in read_json(f"speed/{name}.json")["cases"] if case["work"] == work]


def layer_notes() -> str:
    """Returns what a layer takes of memory, and how long a single sequence takes."""
    below = []
    for case in _cases("layer", "training step"):
        memory = {name: each["memory_mb"] for name, each in case["contestants"].items()}
        below.append(1 - memory["gru-bench"] / memory["jax.lax.scan"])
    single = [case["faster"]["median"] for case in _cases("layer", "inference, batch 1")]
    return (
        f"Peak memory is below that of plain autodiff of a scan, by {min(below):.0%} to"
        f" {max(below):.0%}. A single sequence takes {1 / max(single):.2f} to"
        f" {1 / min(single):.2f} of the time of the fastest other library."
    )


def lengths() -> str:
    """Returns at which lengths one contestant costs more than another, by quantity."""
    result = read_json("speed/lengths.json")
    measured = [case["length"] for case in result["cases"]]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for each in result["crossings"]:
        entries = found.setdefault((each["of"], each["to"]), {})
        entries[each["quantity"]] = in_words(each, measured)
    quantities = ("step_ms", "memory_mb", "stream_us")
    rows = [
        [f"{of} than {to}", *(entries.get(quantity, "-") for quantity in quantities)]
        for (of, to), entries in found.items()
    ]
    return table("costs more | training step | memory of it | step of a stream", rows)


def lengths_notes() -> str:
    """Returns what the longest sequences take, and how the times were measured."""
    result = read_json("speed/lengths.json")
    last = result["cases"][-1]
    times = ", ".join(
        f"{name} {found['estimate']:,.0f}" for name, found in last["step_ms"].items() if found
    )
    return (
        f"At {last['length']:,} steps a training step of a batch of {result['batch']} takes, in"
        f" milliseconds: {times}. Measured in {result['processes']} processes, with a load average"
        f" of {result['load_before']:.1f} before."
    )


def length_scores() -> str:
    """Returns how cells of equal parameters score on adding as it becomes longer."""
    by_length: dict[int, dict[str, dict[str, Any]]] = {}
    for row in read_json("speed/length_scores.json"):
        by_length.setdefault(row["task.length"], {})[row["cell"]] = row
    cells = ("gru", "lstm", "mingru", "attention")
    rows = [
        [
            str(length),
            *(f"{of[c]['score_mean']:.2g} ({of[c]['solved']} of {of[c]['seeds']})" for c in cells),
        ]
        for length, of in sorted(by_length.items())
    ]
    return table(f"steps | {' | '.join(cells)}", rows)


def end_to_end() -> str:
    """Returns the seconds of a whole comparison here and as a loop in PyTorch."""
    figures = read_json("speed/end_to_end.json")
    cells = figures["cells"]
    ours, bare, torch = (
        sum(cell[key] for cell in cells.values())
        for key in ("gru-bench", "gru-bench without compilation", "PyTorch")
    )
    return (
        f"{listed(list(cells))}, {figures['seeds']} seeds each, {figures['steps']} updates a run:"
        f" {ours:.0f} seconds against {torch:.0f} in PyTorch, of which {ours - bare:.0f} are"
        " compilation."
    )


def scale() -> str:
    """Returns the hours of ten thousand runs, reckoned from a comparison that was measured."""
    whole = read_json("speed/end_to_end.json")
    count, cores = 10_000, whole["environment"]["device_count"]
    ours, bare = (
        sum(cell[key] for cell in whole["cells"].values()) / len(whole["cells"])
        for key in ("gru-bench", "gru-bench without compilation")
    )
    hours = count * ours / 3600
    places = {
        "1 core": cores * hours,
        f"{cores} cores, as measured": hours,
        "64 cores": hours * cores / 64,
        "64 Slurm nodes of 64 cores": hours * cores / 64**2,
    }
    rows = [[place, f"{of_place:,.1f} hours"] for place, of_place in places.items()]
    return (
        f"A run here has {whole['seeds']} seeds of {whole['steps']} updates on the adding problem,"
        f" {whole['hidden_size']} units: {ours:.0f} seconds on {cores} cores, of which"
        f" {ours - bare:.0f} are compilation.\n\n" + table("on | 10,000 such runs", rows)
    )
