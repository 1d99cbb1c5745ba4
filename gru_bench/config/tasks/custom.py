"""The declaration of tasks that users write: the class has the code."""

from dataclasses import dataclass
from typing import Any, ClassVar

from gru_bench.config.keys import check_keys, key
from gru_bench.config.tasks.base import TokenTaskConfig, declared
from gru_bench.config.user_classes import CUSTOM, name_class, source_file
from gru_bench.system.files import content_hash


@dataclass
class CustomTaskConfig(TokenTaskConfig):
    """A task that a user wrote."""

    name: str = key("its name in tables and folders; if empty the class' own in snake case", "")
    module: str = key("its class, as package.module:Class", "")
    options: dict[str, Any] = key("what the class is made with, besides batch_size", {})

    HAS_EPOCHS: ClassVar[bool | None] = None

    def __post_init__(self) -> None:
        self.name = name_class("task", self.module, self.name, (*declared(), CUSTOM))
        # It is hashed once, since the file may change while its class is in use.
        self.source = content_hash(source_file(self.module))
        check_keys(self, "task.")

    @property
    def axis(self) -> str | None:
        """An option named `length`, where there is one, is what makes the task harder."""
        return "task.options.length" if "length" in self.options else None

    @property
    def difficulty(self) -> float:
        """The value of that option; 0 where there is none, or no number."""
        length = self.options.get("length")
        return length if isinstance(length, int | float) else 0
