"""Reference values of SciPy for the solver's tests.

Prints the numbers that stand in crates/solve/tests/it/scipy.rs and crates/solve/src/loss.rs.
Run: python3 reference/solve/least_squares.py   (SciPy 1.17.1, NumPy with float64)
"""

import numpy as np
from scipy.optimize import least_squares
from scipy.optimize._lsq.least_squares import IMPLEMENTED_LOSSES

TIGHT = dict(ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=5000)
MASK = (1 << 64) - 1


def noise(index):
    """SplitMix64 of the index, mapped to [-1, 1); the tests have the same."""
    z = ((index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return ((z ^ (z >> 31)) >> 11) / float(1 << 52) - 1.0


def decay(theta, bin_, k):
    u = (1 + 0.2 * bin_) * theta[0] * 0.1 * (k + 1)
    return np.exp(-(u ** theta[1]))


BINS, POINTS = 3, 40
K = np.arange(POINTS)


def data():
    rows = []
    for b in range(BINS):
        m = decay([0.8, 1.3], b, K)
        y = 0.05 - 0.01 * b + (0.3 + 0.02 * b) * m
        y = y + 0.02 * np.array([noise(b * POINTS + k) for k in range(POINTS)])
        y[5::13] += 0.1  # outliers
        rows.append(y)
    return np.array(rows)


Y = data()


def residuals(p):
    rows = [Y[b] - p[3 + 2 * b] - p[2 + 2 * b] * decay(p[:2], b, K) for b in range(BINS)]
    return np.concatenate(rows)


def fit(loss, lower, upper):
    start = [1.0, 1.0] + [0.3, 0.03] * BINS
    lo = list(lower) + [-np.inf] * (2 * BINS)
    hi = list(upper) + [np.inf] * (2 * BINS)
    best = least_squares(residuals, start, jac="3-point", bounds=(lo, hi), loss=loss, f_scale=0.02,
                         x_scale="jac", **TIGHT)
    # A second run from the end removes what the first stop left.
    return least_squares(residuals, best.x, jac="3-point", bounds=(lo, hi), loss=loss, f_scale=0.02,
                         x_scale="jac", **TIGHT)


def main():
    print("loss: rho and rho' at z")
    z = np.array([0.0, 0.25, 1.0, 4.0, 100.0])
    for name in ["soft_l1", "huber", "cauchy", "arctan"]:
        rho = np.empty((3, z.size))
        IMPLEMENTED_LOSSES[name](z, rho, False)
        print(name, [repr(float(v)) for v in rho[0]], [repr(float(v)) for v in rho[1]])
    print("fits: loss, upper bound of the stretch, cost, theta, contrast[0], offset[0]")
    for loss in ["linear", "soft_l1", "huber", "cauchy", "arctan"]:
        for top in [3.0, 1.1]:
            r = fit(loss, [0.01, 0.2], [100.0, top])
            print(loss, top, repr(float(r.cost)), [repr(float(v)) for v in r.x[:4]], r.nfev)


main()
