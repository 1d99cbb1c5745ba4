"""The JSON Schema of `result.json`, for readers that are not written in Python.

    python -m gru_bench.runs.json_schema

writes it to `gru_bench/runs/result.schema.json`, which the package carries.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from gru_bench.runs.result import SCHEMA_VERSION, Result

FILE = Path(__file__).with_name("result.schema.json")


def result_schema() -> dict[str, Any]:
    """Returns the schema of `runs.Result`, of this version alone, in JSON Schema 2020-12."""
    schema = msgspec.json.schema(Result, schema_hook=lambda array: {"type": "array"})
    # These lie in a file of their own.
    del schema["$defs"]["Predictions"], schema["$defs"]["Result"]["properties"]["predictions"]
    for definition in schema["$defs"].values():
        # Python 3.13 takes the indentation off docstrings, which older ones leave.
        definition["description"] = inspect.cleandoc(definition["description"])
    result = schema["$defs"]["Result"]
    result["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    result["required"].insert(0, "schema_version")  # it has a default in Python, but not in files
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def write_schema(file: Path = FILE) -> None:
    """Writes the schema to a file."""
    text = json.dumps(result_schema(), indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_schema()
