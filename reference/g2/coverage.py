"""How often the errors of `dyne g2` hold: simulates experiments, fits them, prints the shares of docs/g2.md.

    cargo build --release && python3 reference/g2/coverage.py target/release/dyne
"""
import json
import pathlib
import subprocess
import sys
import tempfile

D0, SEEDS = 1e5, range(40)
EXPERIMENT = """mode: static
frames: 300
dt: 0.1
q: [0.002, 0.003, 0.0042, 0.006]
phi: [0, 60]
parameters: {D0: %g, alpha: 0, D_offset: 0}
contrast: 0.3
noise: {kind: speckle, pixels: 1000, seed: %d}
"""


def g2(program, file, flags):
    # Exit code 1: some fit has reservations.
    done = subprocess.run([program, "g2", file, "--q", "all", "--json", "--quiet", *flags], stdout=subprocess.PIPE)
    assert done.returncode in (0, 1), done.returncode
    return json.loads(done.stdout)


def pulls(report):
    """(estimate - truth)/error of tau, n and D0, and chi2 per degree of freedom; fits with reservations left out."""
    found = {"tau": [], "n": [], "D0": [], "chi2": []}
    for curve in report["curves"]:
        for fit in curve["fits"]:
            tau = fit["tau"]
            if not fit["flags"] and tau["stderr"]:
                found["tau"].append((tau["value"] - 2 / (curve["q"] ** 2 * D0)) / tau["stderr"])
    for entry in report["power_laws"]:
        law = entry["law"]
        if law:
            found["n"].append((law["exponent"]["value"] - 2) / law["exponent"]["stderr"])
            found["D0"].append((law["d0"]["value"] - D0) / law["d0"]["stderr"])
            found["chi2"].append(law["chi2"] / law["degrees_of_freedom"])
    return found


def main(program):
    cases = {
        "all ages, exponential": ["--model", "exponential"],
        "three slices, KWW": ["--partials", "3", "--model", "kww"],
    }
    totals = {name: {"tau": [], "n": [], "D0": [], "chi2": []} for name in cases}
    with tempfile.TemporaryDirectory() as folder:
        config, file = pathlib.Path(folder, "sim.yaml"), str(pathlib.Path(folder, "sim.hdf"))
        for seed in SEEDS:
            config.write_text(EXPERIMENT % (D0, seed))
            subprocess.run([program, "simulate", "--quiet", "--config", config, "--out", file], check=True)
            for name, flags in cases.items():
                for key, values in pulls(g2(program, file, flags)).items():
                    totals[name][key] += values
    for name, found in totals.items():
        share = lambda key, limit: sum(abs(z) < limit for z in found[key]) / len(found[key])
        cells = [f"{share(key, 1):.2f}, {share(key, 2):.2f} of {len(found[key])}" for key in ("tau", "n", "D0")]
        chi2 = sum(found["chi2"]) / len(found["chi2"])
        print(f"| {name} | {' | '.join(cells)} | {chi2:.2f} |")


main(sys.argv[1])
