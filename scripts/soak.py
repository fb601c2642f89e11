#!/usr/bin/env python3
"""Soak: kills a streamed fit at random moments, resumes it, and compares the results bit by bit.

    cargo build --release
    scripts/soak.py [--kills 50] [--seed 1] [--data FILE] [--memory 1GB] [--sample] -- [more arguments of dyne fit]

Without --data a sheared sample of 8 angles x 1500 frames is simulated. Every trial starts the fit with
checkpoints, sends SIGKILL after a random share of the time that the whole fit takes, resumes it until it
ends, and compares parameters, contrasts, covariance and cost with those of the fit that was left alone.
The work lost is the time of both runs beyond that of the whole one, less the start of a process.
With --sample it is a sampling of 3 angles x 200 frames in memory whose draws are compared.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

SIM = """
mode: laminar_flow
frames: 1500
dt: 0.1
q: 0.0054
gap: 2.0e6
phi: [0, 22.5, 45, 67.5, 90, 112.5, 135, 157.5]
parameters: {D0: 1000, alpha: -0.3, D_offset: 10, gamma_dot_t0: 3e-4, beta: 0.2,
             gamma_dot_t_offset: 1e-5, phi0: 10}
contrast: 0.2
noise: {kind: gaussian, sigma: 0.02, seed: 1}
"""
SAMPLE = """
mode: laminar_flow
frames: 200
dt: 0.1
q: 0.0054
gap: 2.0e6
phi: [0, 45, 90]
parameters: {D0: 3000, alpha: -0.4, D_offset: 100, gamma_dot_t0: 5e-4, beta: -0.3,
             gamma_dot_t_offset: 1e-5, phi0: 4}
contrast: 0.2
noise: {kind: gaussian, sigma: 0.02, seed: 1}
"""
KEYS = ["status", "parameters", "scaling", "covariance", "cost", "identifiability"]


def numbers(folder):
    draws = folder / "posterior.npz"
    if draws.exists():
        # The archive itself holds the time of writing.
        with zipfile.ZipFile(draws) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    result = json.loads((folder / "result.json").read_text())
    return json.dumps([result[key] for key in KEYS], sort_keys=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dyne", default="target/release/dyne")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("more", nargs="*")
    given = parser.parse_args()
    dyne = str(pathlib.Path(given.dyne).resolve())
    draw = random.Random(given.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dyne-soak-"))
    data = given.data and given.data.resolve()
    if data is None:
        data = folder / "soak.hdf"
        (folder / "sim.yaml").write_text(SAMPLE if given.sample else SIM)
        subprocess.run([dyne, "simulate", "--config", folder / "sim.yaml", "--out", data, "-q"], check=True)
    fit = [dyne, "sample" if given.sample else "fit", str(data), "--mode", "laminar_flow", "--gap", "2e6"]
    fit += ["--set", "output.formats=[npz]"] if given.sample else ["--residency", "streamed"]
    fit += [] if given.sample else ["--memory", given.memory, "--set", "output.formats=[json]"]
    fit += ["-q", *given.more]

    def run(out, more):
        began = time.monotonic()
        code = subprocess.run([*fit, "--out", str(folder / out), *more], cwd=folder).returncode
        return code, time.monotonic() - began

    code, whole = run("whole", [])
    expected = numbers(folder / "whole")
    print(f"whole fit: exit code {code}, {whole:.2f} s")
    worst, same, resumed = 0.0, 0, 0
    for trial in range(given.kills):
        shutil.rmtree(folder / "saved", ignore_errors=True)
        shutil.rmtree(folder / "cut", ignore_errors=True)
        checkpoints = ["--checkpoint-dir", "saved"]
        after = draw.uniform(0.0, whole)
        began = time.monotonic()
        child = subprocess.Popen([*fit, "--out", str(folder / "cut"), *checkpoints], cwd=folder)
        try:
            child.wait(timeout=after)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        spent = time.monotonic() - began
        if child.returncode < 0:
            resumed += 1
            again, rest = run("cut", [*checkpoints, "--resume"])
            spent += rest
            if again != code:
                sys.exit(f"trial {trial}: exit code {again} after a kill at {after:.2f} s")
        worst = max(worst, spent - whole)
        equal = numbers(folder / "cut") == expected
        same += equal
        print(f"{trial + 1:3}: killed at {after:6.2f} s, {spent:6.2f} s in all, {'same' if equal else 'OTHER'}")
    shutil.rmtree(folder)
    print(f"{resumed} of {given.kills} were killed before they ended; {same} results are the same to the bit;")
    print(f"at most {worst:.2f} s more than the whole fit")
    sys.exit(0 if same == given.kills else 1)


main()
