#!/usr/bin/env python3
"""Whether two builds of dyne give the same numbers: fits, posteriors, one-time functions and masks of simulated files.

    python3 scripts/same_numbers.py write OLD/dyne hashes.json     # before a change of structure
    python3 scripts/same_numbers.py check NEW/dyne hashes.json     # after it: exit code 1 and the names where a number differs

Each case runs the real binary on files that it simulates itself, takes the JSON that it wrote without times, memory, paths
and versions, and hashes it. The hashes hold for one machine: another instruction set rounds otherwise. Keys that are new
in the later build are left out of the comparison; a key that is gone is a difference.
"""
import argparse
import hashlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

# What depends on the clock, the machine or the place, and not on the data.
LEFT_OUT = {
    "timings", "work", "peak_rss_bytes", "version", "git_revision", "file", "host_cores", "threads", "created", "plan", "memory",
    "seconds", "wall_time_seconds", "elapsed_s", "host", "command",
}

SIMULATIONS = {
    "static": "mode: static\nphi: [0]\nparameters: {D0: 20000, alpha: 0, D_offset: 0}\nnoise: {kind: speckle, pixels: 1500, seed: 3}\n",
    "ageing": "mode: static\nphi: [0]\nparameters: {D0: 30000, alpha: -0.4, D_offset: 0}\n"
    "noise: {kind: speckle, pixels: 3600, counts: 0.5, seed: 4}\n",
    "flow": "mode: laminar_flow\ngap: 2.0e6\nphi: [0, 40, 85]\nparameters: {D0: 3000, alpha: 0, D_offset: 0, gamma_dot_t0: 0.0015, "
    "beta: 0, gamma_dot_t_offset: 0, phi0: 3}\nnoise: {kind: gaussian, sigma: 0.02, seed: 5}\n",
    "two": "mode: two_component\nphi: [0, 45, 90]\nparameters: {D0_ref: 4000, alpha_ref: 0, D_offset_ref: 0, D0_sample: 25000, "
    "alpha_sample: -0.2, D_offset_sample: 0, v0: 1500, beta: 0, v_offset: 0, f0: 0.6, f1: 0, f2: 0, f3: 0, phi0: 5}\n"
    "noise: {kind: gaussian, sigma: 0.01, seed: 6}\n",
    "kww": "mode: kww\nphi: [0]\nparameters: {D0: 40000, alpha: 0, D_offset: 0, gamma: 0.7}\nnoise: {kind: speckle, pixels: 1500, seed: 7}\n",
    "decays": "mode: two_decays\nphi: [0]\nparameters: {D0_fast: 100000, alpha_fast: 0, D_offset_fast: 0, D0_slow: 25000, alpha_slow: 0, "
    "D_offset_slow: 0, a: 0.5}\nnoise: {kind: speckle, pixels: 1500, seed: 8}\n",
}
COMMON = "frames: 120\ndt: 0.1\nq: 0.0054\ncontrast: 0.3\n"

FLOW = ["--mode", "laminar_flow", "--gap", "2e6"]
STATIC = ["--mode", "static"]
SHORT = ["--chains", "2", "--draws", "60", "--warmup", "60"]
START = [f"--set=parameters.{name}.start={value}" for name, value in [
    ("D0_ref", 4000), ("alpha_ref", 0), ("D_offset_ref", 0), ("D0_sample", 25000), ("alpha_sample", -0.2), ("D_offset_sample", 0),
    ("v0", 1500), ("beta", 0), ("v_offset", 0), ("f0", 0.6), ("f1", 0), ("f3", 0), ("phi0", 5)]]

# Name: command, file, arguments.
CASES = {
    "static": ("fit", "static", STATIC),
    "static of frames with a mask": ("fit", "static", [*STATIC, "--set=mask.frames=[[20, 30]]"]),
    "ageing, full law": ("fit", "ageing", [*STATIC, "--set=fit.law=full"]),
    "ageing, profile": ("fit", "ageing", [*STATIC, "--profile", "D0"]),
    "ageing, huber": ("fit", "ageing", [*STATIC, "--set=fit.loss=huber", "--set=uncertainty.method=information"]),
    "ageing, cauchy": ("fit", "ageing", [*STATIC, "--set=fit.loss=cauchy", "--set=uncertainty.method=dyadic"]),
    "ageing, soft_l1": ("fit", "ageing", [*STATIC, "--set=fit.loss=soft_l1", "--set=uncertainty.method=information"]),
    "ageing, per lag": ("fit", "ageing", [*STATIC, "--set=noise.model=per_lag"]),
    "flow": ("fit", "flow", FLOW),
    "flow, mapped": ("fit", "flow", [*FLOW, "--residency", "mapped"]),
    "flow, streamed": ("fit", "flow", [*FLOW, "--residency", "streamed"]),
    "flow, one thread": ("fit", "flow", [*FLOW, "--threads", "1"]),
    "flow, global noise": ("fit", "flow", [*FLOW, "--set=noise.model=global"]),
    "flow, averaged scaling": ("fit", "flow", [*FLOW, "--set=fit.scaling=averaged"]),
    "two components": ("fit", "two", ["--mode", "two_component", *START]),
    "kww": ("fit", "kww", ["--mode", "kww"]),
    "two decays": ("fit", "decays", ["--mode", "two_decays"]),
    "static on a stretched decay": ("fit", "kww", STATIC),
    "cma-es": ("fit", "static", [*STATIC, "--set=search.method=cmaes"]),
    "flow, stopped and resumed": ("resumed", "flow", FLOW),
    "posterior": ("sample", "static", [*STATIC, *SHORT]),
    "posterior of flow": ("sample", "flow", [*FLOW, *SHORT, "--set=parameters.D_offset.fixed=0",
                                             "--set=parameters.gamma_dot_t_offset.fixed=0"]),
    "one-time functions": ("g2", "flow", []),
    "quality": ("inspect", "flow", ["--quality"]),
    "ladder": ("models", "static", []),
}


def without_times(value, known=None):
    """The value without what depends on the clock; of mappings only keys that `known` has, where it is given."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in LEFT_OUT and (known is None or k in known)}
        return {k: without_times(v, None if known is None else known[k]) for k, v in kept.items()}
    if isinstance(value, list):
        shapes = known if isinstance(known, list) and len(known) == len(value) else [None] * len(value)
        return [without_times(v, shape) for v, shape in zip(value, shapes)]
    return value


def keys(value):
    """The mappings of a value without its numbers."""
    if isinstance(value, dict):
        return {k: keys(v) for k, v in value.items()}
    return [keys(v) for v in value] if isinstance(value, list) else None


def hashed(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def ran(command, codes=(0, 1)):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def resumed(dyne, path, arguments, out):
    """A fit that is asked to stop once it has begun, and goes on."""
    command = [dyne, "fit", path, *arguments, "--out", out, "--checkpoint-dir", f"{out}.checkpoints", "-q", "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.6)
    process.send_signal(signal.SIGTERM)
    process.wait()
    ran([*command, "--resume"])


def result(dyne, folder, case):
    kind, name, arguments = case
    path, out = folder / f"{name}.hdf", folder / "out"
    if kind in ("inspect", "g2", "models"):
        return json.loads(ran([dyne, kind, path, *arguments, "--json"]))
    if kind == "resumed":
        resumed(dyne, path, arguments, out)
    else:
        ran([dyne, kind, path, *arguments, "--out", out, "-q"])
    told = json.loads((out / ("posterior.json" if kind == "sample" else "result.json")).read_text())
    ran(["rm", "-r", out])
    return told


def simulated(dyne, folder):
    for name, text in SIMULATIONS.items():
        config = folder / f"{name}.yaml"
        config.write_text(COMMON + text)
        ran([dyne, "simulate", "--config", config, "--out", folder / f"{name}.hdf", "-q"])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("task", choices=["write", "check"])
    arguments.add_argument("dyne", type=pathlib.Path)
    arguments.add_argument("hashes", type=pathlib.Path)
    given = arguments.parse_args()
    before = json.loads(given.hashes.read_text()) if given.task == "check" else {}
    now, different = {}, []
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        simulated(given.dyne.resolve(), folder)
        for name, case in CASES.items():
            told = result(given.dyne.resolve(), folder, case)
            known = before[name]["keys"] if before else None
            told = without_times(told, known)
            now[name] = {"hash": hashed(told), "keys": keys(told)}
            same = not before or before[name]["hash"] == now[name]["hash"]
            different += [] if same else [name]
            print(f"{name}: {'kept' if not before else 'the same' if same else 'DIFFERENT'}", flush=True)
    if not before:
        given.hashes.write_text(json.dumps(now))
    sys.exit(f"different: {', '.join(different)}" if different else 0)


if __name__ == "__main__":
    main()
