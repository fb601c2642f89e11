"""Small two-time files in each layout, good ones and ones with one thing wrong each.

Run:  python reference/hdf5/make_layouts.py crates/xpcs-h5/tests/files
Needs h5py and numpy.

The value at frames i <= j (from 0) of the k-th matrix (from 0) is
1 + k/8 + (10 i + j)/1024, exact in 32 bits.
"""

import pathlib
import sys

import h5py
import numpy as np

N = 6
Q = [0.002, 0.003]
PHI = [-90.0, 0.0, 90.0]
# Natural index of the compressed bins; the second one has no pixels.
MAPPING = [0, 2, 3, 4, 5]
PROCESSED = [1, 2, 4]


def small(path, oldest=False):
    """A file without the room that the library keeps for more."""
    fapl = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    fapl.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST if oldest else h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    fapl.set_meta_block_size(0)
    fid = h5py.h5f.create(str(path).encode(), h5py.h5f.ACC_TRUNC, fapl=fapl)
    return h5py.File(fid)


def matrix(k, dtype="<f4", form="upper", n=N):
    i, j = np.indices((n, n))
    low, high = np.minimum(i, j), np.maximum(i, j)
    full = (1 + k / 8 + (10 * low + high) / 1024).astype(dtype)
    return {"upper": np.triu, "lower": np.tril, "full": np.array}[form](full)


def changed(at, value, k=1, form="upper"):
    c = matrix(k, form=form)
    c[at] = value
    return c


def aps_u(path, matrices=None, chunks=None, scalar=(), frame_time=0.01, stride=2, avg=3, names=("q", "phi"),
          mapping=MAPPING, processed=PROCESSED, num_pts=(2, 3), first=1, oldest=False, labels=None, written=None):
    """An APS-U file; an argument of None leaves its dataset out."""
    matrices = [matrix(k) for k in range(3)] if matrices is None else matrices
    with small(path, oldest) as f:
        for k, c in enumerate(matrices):
            options = dict(chunks=chunks, compression="gzip", shuffle=True) if chunks else {}
            path = f"xpcs/twotime/correlation_map/c2_{k + first:05d}"
            if written is None:
                f.create_dataset(path, data=c, **options)
            else:
                # Of the other rows no chunk is ever stored.
                f.create_dataset(path, shape=c.shape, dtype=c.dtype, **options)[:written] = c[:written]
        f.create_group("xpcs/qmap")
        optional = {
            "xpcs/twotime/processed_bins": processed,
            "xpcs/qmap/dynamic_v_list_dim0": Q,
            "xpcs/qmap/dynamic_v_list_dim1": PHI,
            "xpcs/qmap/dynamic_index_mapping": mapping,
            "xpcs/qmap/dynamic_num_pts": num_pts,
            "xpcs/qmap/dynamic_roi_map": labels,
        }
        for name, value in optional.items():
            if value is not None:
                f[name] = np.array(value)
        if names is not None:
            f["xpcs/qmap/map_names"] = names if isinstance(names, np.ndarray) else np.array(names, dtype="S3")
        for name, value in {
            "entry/instrument/detector_1/frame_time": frame_time,
            "xpcs/twotime/config/stride_frame": stride,
            "xpcs/twotime/config/avg_frame": avg,
        }.items():
            if value is not None:
                f[name] = np.full(scalar, value)


def aps_old(path, names, processed, q=None, phi=None, period=0.01):
    q = [0.002] * 3 + [0.003] * 2 if q is None else q
    phi = [-90.0, 0.0, 90.0, -90.0, 0.0] if phi is None else phi
    with small(path) as f:
        for k, name in enumerate(names):
            f[f"exchange/C2T_all/{name}"] = matrix(k)
        f["xpcs/dqlist"] = np.array([q])
        f["xpcs/dphilist"] = np.array([phi])
        if processed is not None:
            f["xpcs/qphi_bin_to_process"] = processed
        f["measurement/instrument/detector/exposure_period"] = np.full((1, 1), period)
        f["xpcs/stride_frames"] = np.full((1, 1), 2, dtype="u8")
        f["xpcs/avg_frames"] = np.full((1, 1), 3, dtype="u8")


def good_aps_u(out):
    aps_u(out("aps_u"))
    aps_u(out("aps_u_variable_names"), names=np.array(["q", "phi"], dtype=h5py.string_dtype()))
    aps_u(out("aps_u_one"), scalar=(1,))
    aps_u(out("aps_u_one_one"), scalar=(1, 1))
    aps_u(out("aps_u_chunks"), chunks=(4, 4))
    # The oldest structures carry no checksums: damage reaches the reader.
    aps_u(out("aps_u_oldest"), chunks=(4, 4), oldest=True)
    aps_u(out("aps_u_counter_from_8"), first=8)
    aps_u(out("aps_u_plain"), mapping=None, names=None, num_pts=None)
    aps_u(out("aps_u_no_frame_time"), frame_time=None)
    # Bins 1 to 4 have 5, 3, 2 and 0 pixels; 255 belongs to none.
    labels = np.array([[0, 1, 1, 1, 1], [1, 2, 2, 2, 0], [3, 3, 255, 0, 0]], dtype="u1")
    aps_u(out("aps_u_map"), labels=labels)
    aps_u(out("aps_u_map_of_texts"), labels=np.array([b"a", b"b"]))
    for dtype, name in (("<f8", "f64"), (">f4", "f32_big_endian"), (">f8", "f64_big_endian")):
        aps_u(out(f"aps_u_{name}"), [matrix(k, dtype) for k in range(3)])
    for form in ("lower", "full"):
        aps_u(out(f"aps_u_{form}"), [matrix(k, form=form) for k in range(3)])
    aps_u(out("aps_u_unwritten"), chunks=(2, 6), written=2)
    aps_u(out("aps_u_nan_diagonal"), [matrix(0), changed((2, 2), np.nan), matrix(2)])


def bad_aps_u(out):
    second = lambda c: [matrix(0), c, matrix(2)]
    aps_u(out("bad_processed_missing"), processed=None)
    aps_u(out("bad_processed_short"), processed=[1, 2])
    aps_u(out("bad_processed_twice"), processed=[1, 2, 2])
    aps_u(out("bad_processed_zero"), processed=[0, 1, 2])
    aps_u(out("bad_bin_beyond_map"), processed=[1, 2, 9])
    aps_u(out("bad_mapping_beyond_grid"), mapping=[0, 2, 3, 40, 5])
    aps_u(out("bad_num_pts"), num_pts=(2, 4))
    aps_u(out("bad_names"), names=("x", "y"))
    aps_u(out("bad_not_square"), second(matrix(1)[:, :5]))
    aps_u(out("bad_sizes"), second(matrix(1, n=5)))
    aps_u(out("bad_types"), second(matrix(1, "<f8")))
    aps_u(out("bad_integers"), [np.ones((N, N), "i4")] * 3)
    aps_u(out("bad_nan"), second(changed((1, 4), np.nan)))
    aps_u(out("bad_inf"), second(changed((0, 5), np.inf)))
    aps_u(out("bad_all_zero"), second(np.diag(np.ones(N, "<f4"))))
    aps_u(out("bad_asymmetric"), second(changed((4, 2), 5.0, form="full")))
    aps_u(out("bad_frame_time_zero"), frame_time=0.0)
    aps_u(out("bad_frame_time_nan"), frame_time=np.nan)
    aps_u(out("bad_frame_time_list"), frame_time=0.01, scalar=(2,))


def old(out):
    listed = np.array(PROCESSED, dtype="u8")
    aps_old(out("aps_old_bins"), ["g2_00001", "g2_00002", "g2_00004"], listed[:, None])
    aps_old(out("aps_old_counter"), ["g2_00001", "g2_00002", "g2_00003"], listed)
    aps_old(out("aps_old_no_list"), ["g12b00001", "g12b00002", "g12b00004"], None)
    aps_old(out("bad_old_names"), ["g2_00001", "g2_00002", "g2_00005"], listed)
    aps_old(out("bad_old_count"), ["g2_00001", "g2_00002"], listed)
    aps_old(out("bad_old_phi_short"), ["g2_00001"], None, phi=[0.0])
    aps_old(out("bad_old_bin_beyond_list"), ["g2_00001", "g2_00009"], None)
    aps_old(out("bad_old_period"), ["g2_00001"], None, period=-1.0)


def cache(folder):
    def save(name, **changes):
        arrays = {
            "wavevector_q_list": np.array([0.002, 0.003]),
            "phi_angles_list": np.array([-90.0, 45.0]),
            "t1": 0.06 * np.arange(N),
            "t2": 0.06 * np.arange(N),
            "c2_exp": np.array([matrix(k, "<f8", "full") for k in range(2)]),
        }
        arrays.update(changes)
        np.savez_compressed(folder / name, **{k: v for k, v in arrays.items() if v is not None})

    save("cache.npz")
    save("cache_f32.npz", c2_exp=np.array([matrix(k, "<f4", "full") for k in range(2)]))
    save("cache_no_times.npz", t1=None, t2=None)
    save("bad_cache_q_short.npz", wavevector_q_list=np.array([0.002]))
    save("bad_cache_times.npz", t1=0.06 * np.arange(N) ** 2)
    save("bad_cache_times_2d.npz", t1=np.zeros((N, N)))
    save("bad_cache_flat.npz", c2_exp=matrix(0, "<f8", "full"))
    save("bad_cache_missing.npz", c2_exp=None)
    save("bad_cache_fortran.npz", c2_exp=np.asfortranarray([matrix(k, "<f8", "full") for k in range(2)]))


def main(folder):
    out = lambda name: folder / f"{name}.h5"
    good_aps_u(out)
    bad_aps_u(out)
    old(out)
    cache(folder)
    with small(out("bad_layout")) as f:
        f["entry/data"] = 1.0


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
