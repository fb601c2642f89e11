"""Fits of one measured two-time matrix, beside those of its authors, for the table of docs/g2.md.

    python3 chx_ages.py test_g2.npy fit_results_m.json

Both files are in the folder example_notebook of https://github.com/bnl/automating_XPCS_analysis_pub
(BSD-3). Needs numpy and scipy. The cuts are averaged and fitted here without any code of Dyne, all
lags by themselves where Dyne averages neighbouring long ones.
"""

import json
import sys

import numpy as np
from scipy.optimize import curve_fit

DT = 0.06  # s, as the layouts made from this matrix say; the authors give frames
SLICES = 5


def decay(x, contrast, rate, exponent, baseline):
    return contrast * np.exp(-2 * (rate * x) ** exponent) + baseline


def best(lag, mean, pairs):
    bounds = ([0, 1e-5, 0.1, 0.5], [3, 5, 3, 2])
    found = None
    for rate in (0.01, 0.03, 0.1):
        for exponent in (0.5, 1.0):
            start = [0.06, rate, exponent, 1.02]
            fit, _ = curve_fit(decay, lag, mean, start, pairs**-0.5, bounds=bounds, maxfev=20000)
            cost = (pairs * (mean - decay(lag, *fit)) ** 2).sum()
            if found is None or cost < found[0]:
                found = (cost, fit)
    return found


def main(matrix, fits):
    c2 = np.load(matrix)
    theirs = json.load(open(fits))["1"]
    ages = np.array(theirs["ages"]["bin_centers"])
    trusted = np.array(theirs["trust_regions"]["beta"])
    value = {k: np.array(v, float) for k, v in theirs["parameters"].items()}
    n = len(c2)
    i, j = np.triu_indices(n, 1)
    span = 2 * (n - 1)
    print("slice (s) | theirs: fits, contrast, tau (s), exponent, median [16 %, 84 %]")
    print("          | here: the same of the cut; chi2 excess with their tau and exponent")
    for k in range(SLICES):
        first, end = span * k // SLICES, span * (k + 1) // SLICES
        inside = (i + j >= first) & (i + j < end)
        pairs = np.bincount((j - i)[inside], minlength=n)
        sums = np.bincount((j - i)[inside], c2[i, j][inside], minlength=n)
        lag = np.nonzero(pairs)[0]
        pairs = pairs[lag].astype(float)
        mean = sums[lag] / pairs
        cost, fit = best(lag, mean, pairs)
        variance = cost / (len(lag) - 4)
        pick = trusted & (ages >= first / 2) & (ages < end / 2)
        rows = [value["beta"][pick], DT / value["gamma"][pick], value["alpha"][pick]]
        spread = ["%.3f [%.3f, %.3f]" % tuple(np.percentile(r, [50, 16, 84])) for r in rows]
        rate, exponent = np.median(value["gamma"][pick]), np.median(rows[2])
        shape = np.exp(-2 * (rate * lag) ** exponent)
        basis = np.c_[shape, np.ones_like(shape)] * np.sqrt(pairs)[:, None]
        linear = np.linalg.lstsq(basis, mean * np.sqrt(pairs), rcond=None)[0]
        held = ((mean * np.sqrt(pairs) - basis @ linear) ** 2).sum()
        print("%.2f-%.2f | %d, %s" % (first / 2 * DT, end / 2 * DT, pick.sum(), ", ".join(spread)))
        ours = (fit[0], DT / fit[1], fit[2], (held - cost) / variance, linear[0])
        print("          | %.3f, %.2f, %.2f; %.1f, contrast then %.3f" % ours)


if __name__ == "__main__":
    main(*sys.argv[1:])
