"""Fuzzes readers and parsers, guided by coverage where atheris is installed, else by hypothesis with a longer budget.

    python tests/fuzz/run.py --seconds 60            every target, a minute each
    python tests/fuzz/run.py --target csv --seconds 600

What was found is written to ``fuzz-out/``; ends with status 1 where something was. Make a test in ``tests/regression/`` of it.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fuzz.targets import LARGEST, TARGETS, seeds  # noqa: E402 (found by the line above)

OUT = ROOT / "fuzz-out"
_MEMORY_MB = 4_000
_SECONDS_EACH = 20


def with_atheris(name: str, seconds: int) -> bool:
    """Fuzz in a process of its own, which libFuzzer ends; whether nothing was found."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shelfwise-corpus-") as corpus:
        for number, data in enumerate(seeds(name)):
            (Path(corpus) / f"seed-{number}").write_bytes(data)
        command = [
            *(sys.executable, __file__, "--inside", name, corpus),
            f"-max_total_time={seconds}",
            f"-max_len={LARGEST}",
            f"-timeout={_SECONDS_EACH}",
            f"-rss_limit_mb={_MEMORY_MB}",
            f"-artifact_prefix={OUT}/{name}-",
            "-print_final_stats=1",
            "-verbosity=0",
            "-seed=1",
        ]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(
        f"{name}: {int(runs[0]) if runs else 0:,} inputs in {seconds} s, status {done.returncode}", flush=True
    )
    if done.returncode:
        print("\n".join(done.stderr.splitlines()[-40:]), flush=True)
    return done.returncode == 0


def inside(name: str, arguments: list[str]) -> None:
    """The process that libFuzzer drives. Only our own modules are instrumented, so that it looks for their branches."""
    import atheris

    for module in [
        one for one in sys.modules.values() if getattr(one, "__name__", "").startswith("shelfwise")
    ]:
        for found in vars(module).values():
            if (
                callable(found)
                and getattr(found, "__module__", "") == module.__name__
                and hasattr(found, "__code__")
            ):
                atheris.instrument_func(found)
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def with_hypothesis(name: str, seconds: int) -> bool:
    """The suite's test with as many examples as the time is likely to allow; whether nothing was found."""
    from hypothesis import HealthCheck, find, settings
    from hypothesis.errors import NoSuchExample
    from tests.fuzz.test_targets import spoiled

    def fails(data: bytes) -> bool:
        try:
            TARGETS[name](data)
        except Exception:  # noqa: BLE001 (whatever it is, it is what is looked for)
            return True
        return False

    budget = settings(
        max_examples=200 * seconds, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    try:
        data = find(spoiled(name), fails, settings=budget)
    except NoSuchExample:
        print(f"{name}: nothing found by hypothesis", flush=True)
        return True
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}-found").write_bytes(data)
    print(f"{name}: {data!r}", flush=True)
    return False


def main() -> int:
    """The exit status."""
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", choices=list(TARGETS), action="append")
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    guided = importlib.util.find_spec("atheris") is not None
    if not guided:
        print("atheris is not installed (pip install atheris): fuzzing without a guide, by hypothesis")
    fuzz = with_atheris if guided else with_hypothesis
    sound = [
        fuzz(name, asked.seconds) for name in asked.target or TARGETS
    ]  # all of them, whatever is found in one
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
