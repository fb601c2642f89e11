"""Reads a file of `write_aps_u` with the reference library and prints what it holds.

Run:  python reference/hdf5/check_written.py FILE
"""

import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1]) as f:
    dim0, dim1 = (f[f"xpcs/qmap/dynamic_v_list_dim{k}"] for k in (0, 1))
    for d in (dim0, dim1):
        print(d.name, d[()], dict(d.attrs))
    print("map_names", [x.decode() for x in f["xpcs/qmap/map_names"][()]])
    print("map_units", [x.decode() for x in f["xpcs/qmap/map_units"][()]])
    print("num_pts", f["xpcs/qmap/dynamic_num_pts"][()])
    print("frame_time", f["entry/instrument/detector_1/frame_time"][()])
    config = f["xpcs/twotime/config"]
    print("stride, average", config["stride_frame"][()], config["avg_frame"][()])
    processed = f["xpcs/twotime/processed_bins"][()]
    matrices = f["xpcs/twotime/correlation_map"]
    assert len(matrices) == len(processed)
    for name, d in matrices.items():
        c = d[()]
        assert not np.tril(c, -1).any() and c[np.triu_indices(len(c))].all()
        print(name, d.shape, d.dtype, d.chunks, d.compression, d.compression_opts, d.shuffle,
              "mean", c[np.triu_indices(len(c), 1)].mean(dtype="f8"))
