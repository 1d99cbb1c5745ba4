"""The JSON Schema of result.json: committed as generated, and met by what is written."""

import json
from typing import Any

import pytest
from helpers.made_up import make_result, make_show

from gru_bench.runs.folder import RESULT, DamagedResult, read_result, write_result
from gru_bench.runs.json_schema import FILE, result_schema

KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def problems(value, schema, root, path="result"):
    """What of a value breaks a schema, by the rules of JSON Schema for the keywords used here."""
    rest = {k: v for k, v in schema.items() if k not in ("title", "description", "default")}
    if "$ref" in rest:
        name = rest["$ref"].removeprefix("#/$defs/")
        return problems(value, root["$defs"][name], root, path)
    if "anyOf" in rest:
        tried = [problems(value, option, root, path) for option in rest["anyOf"]]
        return [] if [] in tried else [f"{path}: none of the options"]
    if "const" in rest:
        return [] if value == rest["const"] else [f"{path}: not {rest['const']}"]
    kind = rest.pop("type")
    if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{path}: not {kind}"]
    items, known = rest.pop("items", {}), rest.pop("properties", {})
    other, required = rest.pop("additionalProperties", None), rest.pop("required", [])
    assert not rest, f"keywords that are not checked: {rest}"
    found = []
    if kind == "array":
        for index, item in enumerate(value):
            found += problems(item, items, root, f"{path}[{index}]")
    if kind == "object":
        found += [f"{path}: no {name}" for name in required if name not in value]
        for name, item in value.items():
            if known or other is not None:
                found += problems(item, known.get(name) or other, root, f"{path}.{name}")
    return found


def written(result, folder):
    return json.loads(write_result(folder, result).read_text())


def check(data):
    schema = json.loads(FILE.read_text())
    return problems(data, {"$ref": schema["$ref"]}, schema)


def test_the_committed_schema_is_the_generated_one():
    message = "result.schema.json is out of date: run python -m gru_bench.schema"
    assert json.loads(FILE.read_text(encoding="utf-8")) == result_schema(), message


@pytest.mark.parametrize("result", make_show()[::3], ids=lambda r: f"{r.task_label}-{r.cell}")
def test_what_is_written_meets_the_schema(result, tmp_path):
    assert check(written(result, tmp_path)) == []


def test_scores_that_are_lost_meet_the_schema(tmp_path):
    assert check(written(make_result(scores=(None,), diverged=[0]), tmp_path)) == []


DAMAGE = {
    "no version": (lambda d: d.pop("schema_version"), "result: no schema_version"),
    "another version": (lambda d: d.update(schema_version=1), "result.schema_version: not 3"),
    "a key lost": (lambda d: d["timing"].pop("wall_s"), "result.timing: no wall_s"),
    "a wrong type": (
        lambda d: d["parameters"].update(cell=1.5),
        "result.parameters.cell: not integer",
    ),
    "a wrong score": (
        lambda d: d["seeds"][1]["test"].update(mse="low"),
        "result.seeds[1].test.mse: none of the options",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_readers_refuse_breaks_the_schema(kind, tmp_path):
    damage, problem = DAMAGE[kind]
    data = written(make_result(), tmp_path)
    damage(data)
    (tmp_path / RESULT).write_text(json.dumps(data))
    with pytest.raises(DamagedResult):
        read_result(tmp_path)
    assert check(data) == [problem]
