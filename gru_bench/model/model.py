"""The whole model: encoder, layers, head."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, Key, PyTree

from gru_bench.cells.base import Cell, chrono_bias, keeping_bias
from gru_bench.cells.builtin import CELLS
from gru_bench.cells.layer_norm import layer_normalised
from gru_bench.config.cell import LAYERS
from gru_bench.config.tasks import Readout
from gru_bench.model.attention import Attention
from gru_bench.model.dropout import drop, keep_mask, keys_at
from gru_bench.model.layers import Bidirectional, Layer, OneWay, layer_outputs
from gru_bench.model.user_cell import load_cell
from gru_bench.recurrence.scan import Implementation
from gru_bench.system.errors import UserError


def cell_class(name: str) -> type[Cell]:
    """Returns the class of a cell, named as in tables or as `package.module:Class`.

    Raises:
        UserError: A user's class cannot be imported, or fails its check.
    """
    return CELLS[name] if name in CELLS else load_cell(name)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes and choices of a model.

    Attributes:
        cell: Name of the recurrent cell or of attention, or `package.module:Class` for a cell that
            a user wrote.
        input_size: Features a step; with an embedding, the number of distinct tokens.
        output_size: Outputs of the head.
        hidden_size: Units of each layer, in each direction.
        layers: Layers on top of each other.
        bidirectional: Whether each layer has a second cell that reads the sequences backwards.
        dropout: Share of the features left out in training, between layers and before the head.
        recurrent_dropout: Share of the units left out in training of what a cell reads of its own
            state, the same at all steps of a sequence.
        layer_norm: Whether the cells are layer-normalised.
        readout: Which hidden states the head reads.
        embedding_size: Features of an embedded token; None for inputs that are features already.
        keep: Share of its state that a gated cell keeps at the start; None for its own default.
        forget_bias: Initial bias of the gate that keeps the state; None for the cell's own default.
        chrono_length: Longest lag of chrono initialisation in steps; None for no such thing.
        identity: Whether the recurrent weights of a plain RNN begin as the identity.
        dtype: The type of the recurrent computation; parameters and head stay in float32.
        recurrence: The implementation of `unroll`, or "auto", for which
            measuring/recurrence_choice.py has to put one before the model is run.
        remat: Whether the backward pass computes the steps of the recurrence once more, segment by
            segment, instead of keeping what all of them have computed.
    """

    cell: str
    input_size: int
    output_size: int
    hidden_size: int
    layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    layer_norm: bool = False
    readout: Readout = "last"
    embedding_size: int | None = None
    keep: float | None = None
    forget_bias: float | None = None
    chrono_length: int | None = None
    identity: bool = False
    dtype: str = "float32"
    recurrence: str = "scan"
    remat: bool = False

    @property
    def is_recurrent(self) -> bool:
        """Whether its layers are recurrent cells, whose state has one size."""
        return self.cell not in LAYERS

    @property
    def cell_input_size(self) -> int:
        """Features that the first layer sees."""
        return self.input_size if self.embedding_size is None else self.embedding_size

    @property
    def is_random(self) -> bool:
        """Whether its outputs are drawn at random in training."""
        return self.dropout > 0 or self.recurrent_dropout > 0

    @property
    def plain_alone(self) -> str | None:
        """The option that only the plain implementation of the recurrence can compute, if any."""
        if self.layer_norm:
            return "layer_norm=true"
        if self.recurrent_dropout > 0:
            return f"recurrent_dropout={self.recurrent_dropout:g}"
        return None

    def on_any_machine(self) -> "ModelConfig":
        """Returns the same model with an implementation of the recurrence that is everywhere."""
        recurrence = "scan" if self.plain_alone is None else "plain"
        return dataclasses.replace(self, recurrence=recurrence, remat=False)

    @property
    def layer_output_size(self) -> int:
        """Features that each layer puts out."""
        return 2 * self.hidden_size if self.bidirectional else self.hidden_size


class Model(nnx.Module):
    """Encoder, layers and head for one task."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        self.config = config
        self.embedding = (
            None
            if config.embedding_size is None
            else nnx.Embed(config.input_size, config.embedding_size, rngs=rngs)
        )
        self.layers = nnx.List([make_layer(config, i, rngs) for i in range(config.layers)])
        self.head = nnx.Linear(config.layer_output_size, config.output_size, rngs=rngs)

    def __call__(
        self,
        inputs: Array,
        lengths: Int[Array, " batch"],
        keys: Key[Array, " batch"] | None = None,
    ) -> Float[Array, "..."]:
        """Returns outputs `[batch, output]`, or `[time, batch, output]` where every step is read.

        Args:
            inputs: Features `[time, batch, input_size]`, or token ids `[time, batch]`.
            lengths: Number of real steps of each sequence; what follows them changes nothing.
            keys: What each sequence's dropout is drawn from, in training; None for none.
        """
        hidden = self.hidden_states(inputs, lengths, keys)
        read = read_out(hidden, lengths, self.config.readout, self.config.bidirectional)
        return self.head(self._drop(read, keys, self.config.layers).astype(jnp.float32))

    def embed(self, inputs: Array) -> Float[Array, "*steps batch input"]:
        """Returns what the first layer reads."""
        x = inputs if self.embedding is None else self.embedding(inputs)
        return x.astype(self.config.dtype)

    def one_way_layers(self) -> list[OneWay]:
        """Returns the layers of a model that can take one step after another.

        Raises:
            UserError: It reads its sequences from both ends.
        """
        layers = [layer for layer in self.layers if not isinstance(layer, Bidirectional)]
        if self.config.bidirectional:
            raise UserError(
                "bidirectional=true is not possible here: a model that reads a sequence from its"
                " end, too, cannot take it one step at a time"
            )
        return layers

    def embed_as(self, vectors: Float[Array, "tokens embedding"]) -> None:
        """Sets what the tokens are embedded as, but for those whose vector is nan."""
        if self.embedding is not None:
            table = self.embedding.embedding
            table[...] = jnp.where(jnp.isnan(vectors), table[...], vectors)

    def start_keeping(self, bias: Float[Array, ""] | float) -> None:
        """Sets the bias of the gates that keep the state, in all layers that have such gates."""
        for layer in self.layers:
            if not isinstance(layer, Attention):
                layer.start_keeping(jnp.full(self.config.hidden_size, bias))

    def hidden_states(
        self,
        inputs: Array,
        lengths: Int[Array, " batch"],
        keys: Key[Array, " batch"] | None = None,
    ) -> Float[Array, "time batch hidden"]:
        """Returns the outputs of the last layer after each step."""
        x = self.embed(inputs)
        implementation = Implementation(self.config.recurrence)
        for number, layer in enumerate(self.layers):
            if number > 0:
                x = self._drop(x, keys, number)
            masks = self._state_masks(x, keys, number)
            x = layer_outputs(layer, x, lengths, implementation, masks, self.config.remat)
        return x

    def _state_masks(
        self, x: Array, keys: Key[Array, " batch"] | None, number: int
    ) -> list[Float[Array, "batch hidden"]]:
        """Returns what masks the states of each cell of a layer; none where nothing is masked."""
        config = self.config
        if keys is None or config.recurrent_dropout == 0:
            return []
        directions = config.layer_output_size // config.hidden_size
        shape = (x.shape[1], config.hidden_size)
        # Places after those of `_drop`, two for each layer.
        first = config.layers + 1 + 2 * number
        return [
            keep_mask(keys_at(keys, first + i), config.recurrent_dropout, shape, x.dtype)
            for i in range(directions)
        ]

    def _drop(self, x: Array, keys: Key[Array, " batch"] | None, place: int) -> Array:
        """Leaves out features of what the layer of this number, or the head after all, reads."""
        if keys is None or self.config.dropout == 0:
            return x
        return drop(x, keys_at(keys, place), self.config.dropout)


def make_layer(config: ModelConfig, number: int, rngs: nnx.Rngs) -> Layer:
    """Returns the layer of a number, from 0 on, initialised as the config says."""
    if not config.is_recurrent:
        read = config.cell_input_size if number == 0 else None
        return Attention(read, config.hidden_size, config.dtype, rngs=rngs)
    input_size = config.cell_input_size if number == 0 else config.layer_output_size
    cell = make_cell(config, input_size, rngs)
    return (
        Bidirectional(cell, make_cell(config, input_size, rngs)) if config.bidirectional else cell
    )


def make_cell(config: ModelConfig, input_size: int, rngs: nnx.Rngs) -> Cell:
    """Returns the cell of one recurrent layer and direction, initialised as the config says."""
    kind = cell_class(config.cell)
    if config.layer_norm:
        kind = layer_normalised(kind)
    cell = kind(input_size, config.hidden_size, rngs=rngs)
    if config.forget_bias is not None:
        cell.start_keeping(jnp.full(config.hidden_size, config.forget_bias))
    if config.keep is not None:
        cell.start_keeping(jnp.full(config.hidden_size, keeping_bias(config.keep)))
    if config.chrono_length is not None:
        cell.remember(chrono_bias(rngs.params(), config.hidden_size, config.chrono_length))
    if config.identity:
        cell.start_as_identity()
    return cell


def read_out(
    hidden: Float[Array, "time batch hidden"],
    lengths: Int[Array, " batch"],
    readout: Readout,
    bidirectional: bool = False,
) -> Float[Array, "..."]:
    """Returns the hidden states that the head reads, none from beyond a sequence's length.

    The last state of a cell that reads backwards, whose states are the second half, is the one at
    the first step.
    """
    if readout == "every":
        return hidden
    if readout == "last":
        last = hidden[lengths - 1, jnp.arange(hidden.shape[1])]
        if not bidirectional:
            return last
        units = hidden.shape[-1] // 2
        return jnp.concatenate([last[:, :units], hidden[0, :, units:]], axis=-1)
    real = (jnp.arange(hidden.shape[0])[:, None] < lengths[None])[..., None]
    if readout == "mean":
        return jnp.where(real, hidden, 0).sum(0) / lengths[:, None]
    return jnp.where(real, hidden, -jnp.inf).max(0)


def count_parameters(module: nnx.Module) -> int:
    """Returns the number of parameters in a module's tree."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


def make_model(config: ModelConfig, params: PyTree[Array]) -> Model:
    """Returns the model with the given parameters; their leading axes, if any, are the model's."""
    shapes = nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0)))
    model: Model = nnx.merge(nnx.graphdef(shapes), params)
    return model
