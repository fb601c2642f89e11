#!/usr/bin/env python3
"""Limits: runs fits under hard limits of their address space, and watches their resident memory.

    cargo build --release
    scripts/limits.py [--data FILE] [--memory 128MB] -- [more arguments of dyne fit]

Without --data a sheared sample of 23 angles x 1000 frames is simulated: 23 million matrix points. For every way
of keeping the data, without and with checkpoints, the fit is asked for the least memory it needs; under a
limit of so much address space it must succeed, and with a tenth less it must end with exit code 5 before the data
are read. Then it runs with --memory, and its resident memory is sampled until it ends.
"""

import argparse
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SIM = """
mode: laminar_flow
frames: 1000
dt: 0.1
q: 0.0054
gap: 2.0e6
phi: [%s]
parameters: {D0: 1000, alpha: -0.3, D_offset: 10, gamma_dot_t0: 3e-4, beta: 0.2,
             gamma_dot_t_offset: 1e-5, phi0: 10}
contrast: 0.2
noise: {kind: gaussian, sigma: 0.02, seed: 1}
""" % ", ".join(str(8 * k - 88) for k in range(23))


def under(limit, command):
    """The exit code of a command that has so many bytes of address space."""

    def restrict():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(command, preexec_fn=restrict, capture_output=True, text=True)
    return done.returncode, done.stderr


def watched(command):
    """Exit code, seconds, and samples of resident memory in bytes, four a second."""
    began, samples = time.monotonic(), []
    child = subprocess.Popen(command)
    while child.poll() is None:
        time.sleep(0.25)
        try:
            pages = int(pathlib.Path(f"/proc/{child.pid}/statm").read_text().split()[1])
            samples.append(pages * resource.getpagesize())
        except (OSError, IndexError):
            break
    child.wait()
    return child.returncode, time.monotonic() - began, [s for s in samples if s > 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dyne", default="target/release/dyne")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--memory", default="128MB")
    parser.add_argument("more", nargs="*")
    given = parser.parse_args()
    dyne = str(pathlib.Path(given.dyne).resolve())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dyne-limits-"))
    data = given.data and given.data.resolve()
    if data is None:
        data = folder / "limits.hdf"
        (folder / "sim.yaml").write_text(SIM)
        subprocess.run([dyne, "simulate", "--config", folder / "sim.yaml", "--out", data, "-q"], check=True)
    fit = [dyne, "fit", str(data), "--mode", "laminar_flow", "--gap", "2e6", "-q", "--out", str(folder / "out")]
    good = True
    for way in ["resident", "mapped", "streamed"]:
        for saved in [[], ["--checkpoint-dir", str(folder / "saved")]]:
            command = [*fit, *saved, *given.more, "--residency", way]
            told = subprocess.run([*command, "--memory", "1MB"], capture_output=True, text=True).stderr
            least = int(re.search(r"at least (\d+)MB", told).group(1))
            code, said = under(least * 10**6, [*command, "--memory", f"{least}MB"])
            below = least * 9 // 10
            less, _ = under(below * 10**6, [*command, "--memory", f"{below}MB"])
            good = good and code in (0, 1) and less == 5
            name = way + (", checkpoints" if saved else "")
            print(f"{name:<24} least {least:>5} MB: exit code {code}; {below:>5} MB: exit code {less}", flush=True)
            if code not in (0, 1):
                print(said)
    for way in ["auto", "streamed"]:
        command = [*fit, *given.more, "--residency", way, "--memory", given.memory]
        code, seconds, samples = watched(command)
        spread = statistics.pstdev(samples) / statistics.mean(samples)
        good = good and code in (0, 1)
        print(
            f"{way:<24} --memory {given.memory}: exit code {code}, {seconds:.1f} s, resident "
            f"{max(samples) / 1e6:.0f} MB at most, coefficient of variation {100 * spread:.1f} %",
            flush=True,
        )
    shutil.rmtree(folder)
    sys.exit(0 if good else 1)


main()
