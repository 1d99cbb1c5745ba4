"""How the members of a population are shared out among devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree, Shaped

from gru_bench.model.model import Model, count_parameters
from gru_bench.system.lowered import Program, compile_program
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig

# What a step of time takes besides its products, in operations that a CPU core could do meanwhile:
# as measured of the built-in cells, 0.4 to 1.1 million.
STEP_OVERHEAD = 6e5


@dataclass(frozen=True)
class Placement:
    """Where the members of a population are computed.

    Attributes:
        members: The number of members.
        split: Devices that share the batches of one member.
    """

    members: int
    split: int

    @cached_property
    def mesh(self) -> Mesh:
        """All devices: members lie along one axis, the shares of a batch along the other."""
        return Mesh(np.reshape(jax.devices(), (-1, self.split)), ("member", "batch"))

    def fill(
        self, values: Sequence[int] | Sequence[float], dtype: type
    ) -> Shaped[Array, " filled"]:
        """Returns a value for each member, the last one repeated until all devices are filled.

        Every device takes as many members as any other.
        """
        filler = -self.members % self.mesh.shape["member"]
        return jnp.pad(jnp.array(values, dtype), (0, filler), mode="edge")

    def replicate(self, task: Task) -> Task:
        """Returns the task with its arrays on every device."""
        replicated: Task = jax.device_put(task, NamedSharding(self.mesh, PartitionSpec()))
        return replicated

    def compile(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        made_of: str | None,
        donate: bool = False,
    ) -> Program:
        """Compiles a function of one member and the task for the whole population.

        Args:
            function: The function; its last argument is the task.
            arguments: Arguments for the population, the task last.
            made_of: What tells the function from others, as in `compile_program`.
            donate: Whether the results may take over the memory of the first argument.
        """
        return compile_program(
            _for_population(function, self.mesh, len(arguments)),
            *arguments,
            made_of=made_of,
            donate=donate,
            sharding=NamedSharding(self.mesh, PartitionSpec("member")),
        )

    def to_host(self, tree: PyTree[Array]) -> Any:
        """Returns the entries of the members, without what fills the devices, as NumPy arrays."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: self.members], tree)


@lru_cache(maxsize=24)
def _for_population(function: Callable[..., Any], mesh: Mesh, arguments: int) -> Callable[..., Any]:
    """Returns the function over a population: the same object again, whose programs JAX keeps."""
    members = PartitionSpec("member")
    sharded: Callable[..., Any] = jax.shard_map(
        partial(over_members, function),
        mesh=mesh,
        in_specs=(*[members] * (arguments - 1), PartitionSpec()),
        out_specs=members,
        check_vma=False,
    )
    return sharded


def over_members(function: Callable[..., Any], *arguments: Any) -> Any:
    """Maps a function of one member and the task over the members of one device.

    An accelerator is filled by all members at once. A CPU core takes them one after another:
    measured with two members a core, that was about 1.5 times as fast as XLA's batched matrix
    products. It also keeps LAPACK's factorisations, which initialisations use, from being batched:
    jaxlib before 0.11 computes the parts of a batch in the very threads that wait for them, and may
    do so for ever.
    """
    *members, task = arguments
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda member: function(*member, task), tuple(members))
    return jax.vmap(lambda *member: function(*member, task))(*members)


def devices_per_member(config: TrainConfig, members: int, batch_size: int) -> int:
    """Returns how many devices share the batches of a member, so that all are trained soonest.

    Five members on two devices take three turns; sharing every batch, five turns of little more
    than half the time. That is for CPU cores: an accelerator is not filled by one member, and a
    smaller share of it would take as long.
    """
    devices = jax.device_count()
    if jax.default_backend() != "cpu":
        return 1
    model = nnx.eval_shape(lambda: Model(config.model, rngs=nnx.Rngs(0)))
    # Two operations a weight and sequence, forward, and twice as many backward.
    operations = 6 * batch_size * count_parameters(model.layers)

    def duration(shared: int) -> float:
        turns = -(-members // (devices // shared))
        return turns * (STEP_OVERHEAD + operations / shared)

    possible = (n for n in range(1, devices + 1) if devices % n == batch_size % n == 0)
    return min(possible, key=duration)
