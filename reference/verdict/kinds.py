#!/usr/bin/env python3
"""How often the verdict of a default fit is right: speckle data of right and wrong models, made with numpy alone.

    python3 reference/verdict/kinds.py target/release/dyne --trials 24

Each trial draws complex Gaussian speckle fields with the covariance of its kind, takes intensities of three modes (contrast 1/3),
optionally Poisson counts, forms c2 = <I_i I_j>/(<I_i><I_j>) and writes an NPZ cache without a map of pixels. The fit is
`dyne fit FILE --mode static` with no other option. 200 frames of 0.1 s, q 0.0054 per angstrom.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import tempfile

import numpy as np

N, DT, Q, MODES = 200, 0.1, 0.0054, 3
T = np.arange(N) * DT
LAG = np.abs(T[:, None] - T[None])
J = 42867.0


def field(rate):
    """Field correlation exp(-q2/2 |int J dt|) of a rate on the frames."""
    total = np.concatenate([[0.0], np.cumsum(0.5 * DT * (rate[1:] + rate[:-1]))])
    return np.exp(-0.5 * Q * Q * np.abs(total[None] - total[:, None]))


AGEING = 1.077e5 * np.where(T > 0, T, DT / 2) ** -0.4


def intensities(g, speckles, rng, pixels_per_speckle=1):
    root = np.linalg.cholesky(g + 1e-9 * np.eye(N))
    out = np.zeros((N, speckles))
    for _ in range(MODES):
        z = rng.standard_normal((N, speckles)) + 1j * rng.standard_normal((N, speckles))
        out += np.abs(root @ z) ** 2 / 2
    return np.repeat(out / MODES, pixels_per_speckle, axis=1)


def c2_of(intensity):
    mean = intensity.mean(1)
    return intensity @ intensity.T / intensity.shape[1] / np.outer(mean, mean)


def photons(intensity, counts, rng):
    return rng.poisson(intensity * counts).astype(float)


def right(rate, speckles=2000, counts=None, pixels=1):
    def draw(rng):
        out = intensities(field(rate), speckles, rng, pixels)
        return c2_of(out if counts is None else photons(out, counts, rng))

    return draw


def sheared():
    """Field between plates along the flow: the gradient spreads velocities evenly, which makes a sinc of the strain."""
    strain = 0.5 * Q * 2e6 * 4e-4 * LAG
    return field(np.full(N, J)) * np.sinc(strain / np.pi)


def wrong(g):
    return lambda rng: c2_of(intensities(g, 2000, rng))


def dumped(rng):
    out = photons(intensities(field(np.full(N, J)), 2000, rng), 2.0, rng)
    out[80:85] = rng.poisson(0.05, (5, out.shape[1]))
    return c2_of(out)


def drifting(rng):
    return c2_of(intensities(field(np.full(N, J)), 2000, rng)) + 0.1 / MODES * (T[:, None] + T[None]) / (2 * T[-1])


def pixel_normalised(rng):
    out = intensities(field(AGEING), 2000, rng)
    return c2_of(out / out.mean(0))


KINDS = {
    "right: Brownian": right(np.full(N, J)),
    "right: Brownian, 1 photon": right(np.full(N, J), counts=1.0),
    "right: Brownian, 0.2 photons": right(np.full(N, J), counts=0.2),
    "right: Brownian, slow": right(np.full(N, J / 6)),
    "right: ageing": right(AGEING),
    "right: ageing, 4-pixel speckle, 1 photon": right(AGEING, 900, 1.0, 4),
    "right: ageing, 4-pixel speckle, 0.2 photons": right(AGEING, 900, 0.2, 4),
    "right: ageing, 9-pixel speckle, 1 photon": right(AGEING, 400, 1.0, 9),
    "right: ageing, 9-pixel speckle, 0.2 photons": right(AGEING, 400, 0.2, 9),
    "wrong: exponent 0.7": wrong(np.exp(-(LAG**0.7))),
    "wrong: exponent 1.4": wrong(np.exp(-(LAG**1.4))),
    "wrong: two decays of 1:3": wrong(0.5 * np.exp(-LAG / 0.6) + 0.5 * np.exp(-LAG / 1.8)),
    "wrong: rate steps by 30 %": wrong(field(J * np.where(T < 10, 1.0, 1.3))),
    "wrong: static on shear": wrong(sheared()),
    "wrong: baseline drifts by 10 % of the contrast": drifting,
    "wrong: 5 dumped frames": dumped,
    "wrong: pixels divided by their time average": pixel_normalised,
}


def fitted(dyne, c2, folder):
    path = folder / "trial.npz"
    np.savez(path, c2_exp=c2[None], wavevector_q_list=[Q], phi_angles_list=[0.0], t1=T, t2=T)
    command = [dyne, "fit", path, "--mode", "static", "--out", folder / "out", "-q", "--set", "output.formats=[json]"]
    subprocess.run(command, capture_output=True, check=False)
    return json.loads((folder / "out" / "result.json").read_text())


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dyne")
    arguments.add_argument("--trials", type=int, default=24)
    arguments.add_argument("--only", default="", help="part of the names of the kinds to try")
    given = arguments.parse_args()
    print("| kind | trials | good | misfit | laws of J | J within 1, 2 errors |\n|---|---|---|---|---|---|")
    for number, (kind, draw) in enumerate(KINDS.items()):
        if given.only not in kind:
            continue
        classes, laws, pulls = collections.Counter(), collections.Counter(), []
        for trial in range(given.trials):
            with tempfile.TemporaryDirectory() as folder:
                told = fitted(given.dyne, draw(np.random.default_rng([number, trial])), pathlib.Path(folder))
            classes[told["verdict"]["class"]] += 1
            laws.update(law["law"] for law in told["laws"] if law["chosen"])
            truth = J / 6 if "slow" in kind else J
            headline = told["headline"][0]
            if "Brownian" in kind and headline["stderr"]:
                pulls.append(abs(headline["value"] - truth) / headline["stderr"])
        held = ", ".join(str(sum(p < k for p in pulls)) for k in (1, 2)) if pulls else ""
        named = ", ".join(f"{law.replace('_', ' ')} {count}" for law, count in laws.most_common())
        print(f"| {kind} | {given.trials} | {classes['good']} | {classes['misfit']} | {named} | {held} |", flush=True)


if __name__ == "__main__":
    main()
