"""The blocks on time and memory."""

from collections import Counter
from typing import Any

from fixed_cost import beside_these

from blocks.committed import CELLS, read_json, span, table
from gru_bench.benchmark.crossings import in_words
from gru_bench.system.prose import listed

# The sizes of a layer's shape, as results and as pages name them.
SIZES = ("batch", "time", "input_size", "hidden_size")
SIZE_NAMES = ("batch", "time", "input", "hidden")


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
    faster: dict[str, dict[str, str]] = {}
    for case in _cases("training step"):
        shape = " x ".join(str(case["shape"][size]) for size in SIZES)
        ratio = case["faster"]
        shown = f"{ratio['median']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"
        faster.setdefault(shape, {})[case["cell"]] = shown
    rows = [[shape, *(of_shape[cell] for cell in CELLS)] for shape, of_shape in faster.items()]
    return table(f"{' x '.join(SIZE_NAMES)} | {' | '.join(CELLS)}", rows)


def _cases(work: str) -> list[dict[str, Any]]:
    return [case for case in read_json("speed/layer.json")["cases"] if case["work"] == work]


def layer_notes() -> str:
    """Returns what a layer takes of memory, and how long a single sequence takes."""
    below = []
    for case in _cases("training step"):
        memory = {name: each["memory_mb"] for name, each in case["contestants"].items()}
        below.append(1 - memory["gru-bench"] / memory["jax.lax.scan"])
    single = _cases("inference, batch 1")
    ahead = Counter(case["best_peer"] for case in single if case["faster"]["high"] < 1)
    times = span(1 / case["faster"]["median"] for case in single)
    where = listed([f"{name} in {rows}" for name, rows in ahead.items()]) if ahead else "none"
    return (
        f"Peak memory is below that of plain autodiff of a scan, by {min(below):.0%} to"
        f" {max(below):.0%}. A single sequence takes {times} of the time of the fastest other"
        f" contestant, which is surely ahead in {ahead.total()} of {len(single)} rows: {where}."
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
    """Returns the seconds of training whole comparisons here and as loops in PyTorch."""
    rows = []
    for name in ("end_to_end", "end_to_end_text"):
        figures = read_json(f"speed/{name}.json")
        ours, bare, torch = (
            sum(cell[key] for cell in figures["cells"].values())
            for key in ("gru-bench", "gru-bench without compilation", "PyTorch")
        )
        what = f"{figures['summary']}; {figures['seeds']} seeds a cell, {figures['steps']} updates"
        seconds = [f"{each:.0f} s" for each in (ours, bare, torch)]
        rows.append([what, *seconds, f"{torch / ours:.1f}", f"{torch / bare:.1f}"])
    return table(
        "gru_reset_after, lstm and rnn | gru-bench, with compilation | without | PyTorch"
        " | times faster | without compilation",
        rows,
    )


def fixed_cost() -> str:
    """Returns what runs cost besides their training, and a whole comparison beside PyTorch."""
    figures = read_json("speed/fixed_cost.json")
    rows = []
    for name, starts in figures["runs"].items():
        for start, seconds in starts.items():
            whole = (seconds[key] for key in ("all", "training", "fixed cost"))
            parts = (
                seconds["imports"],
                seconds["lowering"] + seconds["compiling or loading"],
                seconds["timing"],
                seconds["probes"] + seconds["scoring"],
            )
            rows.append([f"{name}, {start}", *(f"{each:.1f}" for each in (*whole, *parts))])
    head = "seconds | all | training | besides it | imports | programs | timing | probes, scores"
    return f"{table(head, rows)}\n\n{beside_these(figures)}"


def seeds_at_once() -> str:
    """Returns the seconds of training a seed, by how many are trained at once."""
    measured = read_json("speed/scale.json")["seeds"]
    cells = measured["cells"]
    numbers = list(next(iter(cells.values())))
    rows = [[cell, *(f"{of[number]:.2f}" for number in numbers)] for cell, of in cells.items()]
    return f"{measured['of']}, {measured['updates']} updates, seconds a seed:\n\n" + table(
        f"seeds at once | {' | '.join(numbers)}", rows
    )


def late_runs() -> str:
    """Returns what a late run of a sweep costs beside an early one, and reading many runs."""
    found = read_json("speed/scale.json")["sweep"]
    fifth, history = found["runs"] // 5, found["history"]
    before, after = (f"{memory:,.0f} MB" for memory in found["memory_mb"])
    readers = (f"`{words}` {seconds:.0f}" for words, seconds in history["seconds"].items())
    return (
        f"Of {found['runs']} tiny runs in one process, each with batches of a size of its own and"
        f" compiled anew, runs 2 to {fifth + 1} took {found['early_s']:.2f} seconds of processor"
        f" time each (median), the last {fifth} {found['late_s']:.2f}; after the first {fifth} a"
        f" run took {1e3 * found['slope_s_a_run']:+.2f} milliseconds more than the one before. The"
        f" process held {before} after run {fifth + 1}, and {after} after the last. A run left"
        f" {found['files_a_run']:.0f} files, {found['kilobytes_a_run']:.0f} kB. Given again, the"
        f" whole sweep took {found['again_s']:.0f} seconds of processor time, and reading"
        f" {history['runs']:,} runs: {', '.join(readers)}."
    )


def scale() -> str:
    """Returns the hours of ten thousand runs, reckoned from comparisons that were measured."""
    whole, fixed = read_json("speed/end_to_end.json"), read_json("speed/fixed_cost.json")
    count, cores, cells = 10_000, whole["environment"]["device_count"], whole["cells"]
    bare = sum(cell["gru-bench without compilation"] for cell in cells.values()) / len(cells)
    comparison = fixed["comparison"]
    first = fixed["runs"][comparison["run"]]["first"]
    beside = first["fixed cost"] / len(comparison["cells"])
    hours = count * (bare + beside) / 3600
    places = {
        "1 core": cores * hours,
        f"{cores} cores, as measured": hours,
        "64 cores": hours * cores / 64,
        "64 Slurm nodes of 64 cores": hours * cores / 64**2,
    }
    rows = [
        [place, f"{of_place:,.0f} hours" if of_place >= 1 else f"{60 * of_place:.0f} minutes"]
        for place, of_place in places.items()
    ]
    return (
        f"A run here has {whole['seeds']} seeds of {whole['steps']} updates on the adding problem,"
        f" {whole['hidden_size']} units: {bare + beside:.0f} seconds on {cores} cores, of which"
        f" {beside:.0f} are all that it takes besides training where every program is compiled"
        f" anew, as measured of runs of {comparison['updates']} updates.\n\n"
        + table("on | 10,000 such runs", rows)
    )
