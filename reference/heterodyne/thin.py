"""Thins the theory values computed by heterodyne 2.0.1 to what the tests need.

Input: heterodyne_theory.json and heterodyne_theory.npz (c2[phi, t1, t2] and
dc2_dparams[param, phi, t1, t2] of heterodyne's public functions, double precision).
Output: theory.json with, per case and angle, every STEP-th pair i < j.
Usage: python thin.py FOLDER_OF_INPUT [STEP] > theory.json   (numpy 2)
"""

import json
import sys

import numpy as np

folder = sys.argv[1]
step = int(sys.argv[2]) if len(sys.argv) > 2 else 31
meta = json.load(open(f"{folder}/heterodyne_theory.json"))
arrays = np.load(f"{folder}/heterodyne_theory.npz")
cases = []
for case in meta["cases"]:
    c2 = arrays[case["key"] + "/c2"]
    slopes = arrays.get(case["key"] + "/dc2_dparams", np.zeros((0, 0, 0, 0)))
    i, j = np.triu_indices(case["n"], 1)
    keep = slice(7 % step, None, step)
    i, j = i[keep], j[keep]
    angles = []
    for k, phi in enumerate(case["phi_deg"]):
        angle = {"phi_deg": phi, "c2": c2[k, i, j].tolist(), "slopes": []}
        if k < slopes.shape[1]:
            angle["slopes"] = slopes[:, k, i, j].tolist()
        angles.append(angle)
    keys = ["key", "mode", "params", "contrast", "offset", "q", "dt", "n"]
    largest = np.abs(slopes).max(axis=(1, 2, 3)).tolist() if slopes.size else []
    cases.append({k: case[k] for k in keys} | {"origin": case["t"][0], "i": i.tolist(),
                 "j": j.tolist(), "angles": angles, "largest": largest})
json.dump({"computed_by": meta["computed_by"], "convention": meta["convention"], "cases": cases},
          sys.stdout)
