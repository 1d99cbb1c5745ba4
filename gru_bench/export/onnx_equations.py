"""Equations as ONNX nodes: whatever JAX traces of a cell's step, operation by operation.

A step is traced for a batch of one sequence. What it makes of that holds for batches of any size,
since ONNX stretches axes of one by itself; who exports a model compares it with JAX all the same.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from gru_bench.export.onnx_graph import Graph
from gru_bench.export.weights import NoSuchForm

Known = np.ndarray | jax.Array | str  # a constant, or the name of a value

OPERATORS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min",
    "pow": "Pow", "neg": "Neg", "exp": "Exp", "log": "Log", "tanh": "Tanh", "logistic": "Sigmoid",
    "sin": "Sin", "cos": "Cos", "sqrt": "Sqrt", "abs": "Abs", "sign": "Sign", "floor": "Floor",
    "erf": "Erf", "gt": "Greater", "lt": "Less", "ge": "GreaterOrEqual", "le": "LessOrEqual",
    "eq": "Equal", "and": "And", "or": "Or", "not": "Not", "copy": "Identity",
    "stop_gradient": "Identity",
}  # fmt: skip
# What is a program of its own within a program, by the parameter that holds it.
PROGRAMS = ("jaxpr", "call_jaxpr", "fun_jaxpr")


def add_equations(
    graph: Graph, function: Callable[..., Any], inputs: Sequence[str], shapes: Sequence[Any]
) -> list[str]:
    """Adds the nodes that compute a function, and returns the names of its results.

    Args:
        graph: Takes the nodes.
        function: A function of arrays; those that it closes over become constants.
        inputs: The names of its arguments.
        shapes: The shape of each argument; they are floating point numbers.

    Raises:
        NoSuchForm: It computes something that has no node here.
    """
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    results = _Equations(graph).run(jax.make_jaxpr(function)(*arguments), list(inputs))
    return [_named(graph, result) for result in results]


class _Equations:
    """Adds the nodes of programs that JAX has traced."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def run(self, program: ClosedJaxpr, inputs: Sequence[Known]) -> list[Known]:
        jaxpr: Jaxpr = program.jaxpr
        known: dict[Any, Known] = dict(zip(jaxpr.constvars, program.consts, strict=True))
        known |= dict(zip(jaxpr.invars, inputs, strict=True))

        def read(atom: Any) -> Known:
            return np.asarray(atom.val) if isinstance(atom, Literal) else known[atom]

        for equation in jaxpr.eqns:
            results = self._results(equation, [read(atom) for atom in equation.invars])
            known |= dict(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _results(self, equation: JaxprEqn, inputs: list[Known]) -> list[Known]:
        for name in PROGRAMS:
            if name in equation.params and equation.primitive.name not in ("scan", "while", "cond"):
                program = equation.params[name]
                closed = program if isinstance(program, ClosedJaxpr) else ClosedJaxpr(program, [])
                return self.run(closed, inputs)
        if not any(isinstance(each, str) for each in inputs):
            found = equation.primitive.bind(*inputs, **equation.params)
            return list(found) if equation.primitive.multiple_results else [found]
        return self._nodes(equation, [_named(self._graph, each) for each in inputs])

    def _nodes(self, equation: JaxprEqn, names: list[str]) -> list[Known]:
        """Adds what computes an operation that depends on the function's arguments."""
        kind, params, add = equation.primitive.name, equation.params, self._graph.add
        constant = self._graph.constant
        avals: list[Any] = [atom.aval for atom in equation.invars]
        match kind:
            case _ if kind in OPERATORS:
                return [add(OPERATORS[kind], *names)]
            case "square":
                return [add("Mul", names[0], names[0])]
            case "rsqrt":
                return [add("Reciprocal", add("Sqrt", names[0]))]
            case "integer_pow":
                return [add("Pow", names[0], constant(params["y"], np.float32))]
            case "select_n" if len(names) == 3:
                return [add("Where", names[0], names[2], names[1])]
            case "convert_element_type" if np.dtype(params["new_dtype"]) == np.float32:
                return [add("Cast", names[0], to=1)]
            case "dot_general" if params["dimension_numbers"] == _product(avals[0].ndim):
                return [add("MatMul", *names)]
            case "concatenate":
                return [add("Concat", *names, axis=params["dimension"])]
            case "split":
                into = [f"part_{next(self._graph.numbers)}" for _ in equation.outvars]
                parts = constant(params["sizes"], np.int64)
                add("Split", names[0], parts, into=into, axis=params["axis"])
                return list(into)
            case "slice" if params["strides"] is None or set(params["strides"]) == {1}:
                return [self._slice(equation, names[0])]
            case "squeeze":
                return [add("Squeeze", names[0], constant(params["dimensions"], np.int64))]
            case "broadcast_in_dim":
                kept = params["broadcast_dimensions"]
                new = [axis for axis in range(len(params["shape"])) if axis not in kept]
                return [add("Unsqueeze", names[0], constant(new, np.int64)) if new else names[0]]
            case "reduce_sum":
                axes = constant(params["axes"], np.int64)
                return [add("ReduceSum", names[0], axes, keepdims=0)]
            case "reduce_max" | "reduce_min":
                operator = "ReduceMax" if kind == "reduce_max" else "ReduceMin"
                return [add(operator, names[0], axes=list(params["axes"]), keepdims=0)]
        raise NoSuchForm(f"its equations have the operation {kind}, which is not converted to ONNX")

    def _slice(self, equation: JaxprEqn, name: str) -> str:
        """Cuts along the axes that are not taken as a whole."""
        starts, limits = equation.params["start_indices"], equation.params["limit_indices"]
        aval: Any = equation.invars[0].aval
        axes = [i for i, size in enumerate(aval.shape) if (starts[i], limits[i]) != (0, size)]
        places = ([starts[i] for i in axes], [limits[i] for i in axes], axes)
        constants = [self._graph.constant(each, np.int64) for each in places]
        return self._graph.add("Slice", name, *constants)


def _product(rank: int) -> tuple[Any, Any]:
    """Returns JAX's numbers of the axes of a plain matrix product: the last, and the first."""
    return ((rank - 1,), (0,)), ((), ())


def _named(graph: Graph, value: Known) -> str:
    return value if isinstance(value, str) else graph.constant(np.asarray(value))
