"""JAX as all runs are made, whatever the environment says; files that may be open."""

import os
import resource
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ROOT

from gru_bench.system import machine
from gru_bench.system.errors import UserError
from gru_bench.system.machine import (
    FLAGS,
    SETTINGS,
    THREADS,
    WHOLE_LOOPS,
    allow_open_files,
    pinned_settings,
    require_devices,
    set_up_devices,
)

OTHER = {
    "jax_threefry_partitionable": False,
    "jax_default_prng_impl": "rbg",
    "jax_random_seed_offset": 1,
    "jax_enable_x64": True,
    "jax_disable_jit": True,
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_debug_nans": True,
    "jax_debug_infs": True,
    "jax_debug_key_reuse": True,
    "jax_check_tracer_leaks": True,
    "jax_transfer_guard_host_to_device": "disallow",
    "jax_transfer_guard_device_to_device": "disallow",
    "jax_transfer_guard_device_to_host": "disallow",
}


def drawn():
    """What a run may draw, and what strict settings would refuse."""
    numbers = jax.random.normal(jax.random.key(0), (4,))
    return np.asarray(numbers + jnp.ones((1, 4), jnp.bfloat16) / jnp.int8(2))


@pytest.mark.parametrize(("name", "value"), OTHER.items())
def test_what_jax_is_set_to_changes_nothing(name, value):
    with pinned_settings():
        expected = drawn()
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        with pinned_settings():
            found = drawn()
        assert getattr(jax.config, name) == value  # the caller's own again
    finally:
        jax.config.update(name, before)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", [name for name in OTHER if name != "jax_random_seed_offset"])
def test_what_the_calling_thread_has_set_changes_nothing(name):
    with pinned_settings():
        expected = drawn()
    with getattr(jax, name.removeprefix("jax_"))(OTHER[name]):
        with pinned_settings():
            found = drawn()
        assert getattr(jax.config, name) == OTHER[name]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_every_setting_is_tried():
    assert OTHER.keys() == SETTINGS.keys()


def test_a_device_that_is_not_there_is_said_in_one_line(monkeypatch):
    def fail():
        raise AssertionError

    monkeypatch.setattr(jax, "devices", fail)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(UserError, match="JAX_PLATFORMS=cuda is not possible: there is no such"):
        require_devices()
    monkeypatch.delenv("JAX_PLATFORMS")
    with pytest.raises(UserError, match="JAX finds no device: AssertionError"):
        machine.describe()


def test_as_many_files_may_be_open_as_the_system_allows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, machine.OPEN_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ("", WHOLE_LOOPS),
        ("--xla_dump_to=x", f"--xla_dump_to=x {WHOLE_LOOPS}"),
        ("--xla_backend_extra_options=a=1", "--xla_backend_extra_options=a=1"),
        ("flags.txt", "flags.txt"),
    ],
)
def test_loops_are_compiled_whole_unless_the_user_has_set_such_options(
    monkeypatch, users, expected
):
    monkeypatch.setenv(FLAGS, users)
    monkeypatch.setenv(THREADS, "2")
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    for _ in range(2):
        set_up_devices()
    assert os.environ[FLAGS] == expected


def test_the_guide_to_a_model_of_ones_own_has_the_same_option():
    assert f' {WHOLE_LOOPS}"' in (ROOT / "docs" / "ship.md").read_text(encoding="utf-8")


def test_where_jax_has_other_devices_already_nothing_is_set(monkeypatch):
    monkeypatch.setenv(FLAGS, "")
    cores = len(jax.devices()) + 1
    before = dict(os.environ), jax.config.values["jax_cpu_enable_async_dispatch"]
    with pytest.raises(RuntimeError):
        set_up_devices(cores)
    assert (dict(os.environ), jax.config.values["jax_cpu_enable_async_dispatch"]) == before


def test_a_call_runs_in_the_thread_that_makes_it():
    assert in_a_process("print(jax.config.values['jax_cpu_enable_async_dispatch'])") == "False"


def in_a_process(script, set_up=True):
    """What a script prints in a process of its own, in which JAX is set up or as it is."""
    lines = ["import jax, jax.numpy as jnp", "from gru_bench.system.machine import set_up_devices"]
    whole = "\n".join([*lines, *(["set_up_devices()"] if set_up else []), script])
    environment = {name: value for name, value in os.environ.items() if name != FLAGS}
    command = [sys.executable, "-c", whole]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_single_sequence_is_computed_by_loops_that_are_compiled_whole():
    """In a process with the setting the loop is one call, in one without it is a loop."""
    script = (
        "w = jnp.ones((32, 32))\n"
        "loop = jax.jit(lambda x: jax.lax.scan(lambda h, _: (jnp.tanh(h @ w), h), x, None, 50))\n"
        "text = loop.lower(jnp.ones((1, 32))).compile().as_text()\n"
        "print('xla_cpu_small_call' in text)\n"
    )
    assert [in_a_process(script, set_up) for set_up in (True, False)] == ["True", "False"]
