"""Small HDF5 files that a two-time reader may meet, written by the reference library.

Run:  python reference/hdf5/make_conformance.py crates/xpcs-h5/tests/files
Needs h5py, numpy and hdf5plugin (the LZ4 and bitshuffle filters).

Each file is written twice, with the oldest and the newest structures of the format
(libver "earliest" and "latest"). The values of every matrix follow a rule that a test
can evaluate without this script: element (i, j) of an f32 or f64 matrix is
1 + (37 i + 11 j mod 251) / 256, exact in both types.
"""

import pathlib
import sys

import h5py
import hdf5plugin
import numpy as np

SHAPE = (13, 18)  # not a multiple of the chunk
CHUNK = (8, 16)


def matrix(dtype):
    i, j = np.indices(SHAPE)
    return (1 + (37 * i + 11 * j) % 251 / 256).astype(dtype)


def matrices(f):
    """Layouts, filters and number types of a two-time matrix."""
    g = f.create_group("matrices")
    chunked = {
        "plain": {},
        "gzip": dict(compression="gzip"),
        "shuffle": dict(shuffle=True),
        "shuffle_gzip": dict(shuffle=True, compression="gzip"),
        "fletcher32": dict(fletcher32=True),
        "fletcher32_shuffle_gzip": dict(fletcher32=True, shuffle=True, compression="gzip"),
        "lzf": dict(compression="lzf"),
        "shuffle_lzf": dict(shuffle=True, compression="lzf"),
        "lz4": hdf5plugin.LZ4(),
        "lz4_small_blocks": hdf5plugin.LZ4(nbytes=512),
        "bitshuffle": hdf5plugin.Bitshuffle(cname="none"),
        "bitshuffle_lz4": hdf5plugin.Bitshuffle(cname="lz4"),
        "bitshuffle_lz4_small_blocks": hdf5plugin.Bitshuffle(nelems=64, cname="lz4"),
        "whole_matrix_gzip": dict(compression="gzip", chunks=SHAPE),
        "whole_matrix_lzf": dict(compression="lzf", chunks=SHAPE),
        "resizable_gzip": dict(compression="gzip", maxshape=(None, None)),
        "resizable_one_axis_gzip": dict(compression="gzip", maxshape=(None, SHAPE[1])),
    }
    for name, options in chunked.items():
        options = {"chunks": CHUNK, **options}
        g.create_dataset(name, data=matrix("<f4"), **options)
    g.create_dataset("contiguous_f32", data=matrix("<f4"))
    g.create_dataset("contiguous_f64", data=matrix("<f8"))
    for order, name in (("<", "le"), (">", "be")):
        for size in (4, 8):
            g.create_dataset(
                f"shuffle_gzip_f{8 * size}_{name}",
                data=matrix(f"{order}f{size}"),
                chunks=CHUNK, shuffle=True, compression="gzip",
            )
    g.create_dataset("contiguous_f32_be", data=matrix(">f4"))
    g.create_dataset("bitshuffle_lz4_f64", data=matrix("<f8"), chunks=CHUNK, **hdf5plugin.Bitshuffle())
    # Chunks that were never written hold the fill value.
    absent = g.create_dataset("unwritten_chunks", SHAPE, "<f4", chunks=CHUNK, compression="gzip", fillvalue=2.5)
    absent[:8, :16] = matrix("<f4")[:8, :16]
    # One chunk skipped the pipeline: its filter mask says so.
    masked = g.create_dataset("filter_mask", SHAPE, "<f4", chunks=SHAPE, compression="gzip")
    masked.id.write_direct_chunk((0, 0), matrix("<f4").tobytes(), filter_mask=1)


def compact(f):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((4, 5))
    d = h5py.h5d.create(f["matrices"].id, b"compact", h5py.h5t.IEEE_F32LE, space, plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, matrix("<f4")[:4, :5].copy())


def integers(f):
    g = f.create_group("integers")
    for kind in ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", ">u2", ">i4", ">u8", ">i8"):
        order = "be_" if kind[0] == ">" else ""
        g.create_dataset(order + kind.strip("<>"), data=np.array([1, 2, 5, 6, 9], dtype=kind))
    g.create_dataset("column", data=np.array([[1], [2], [5]], dtype="<u8"))
    g.create_dataset("bool", data=np.array([True, False, True]))


def scalars(f):
    g = f.create_group("scalars")
    for kind in ("<f8", "<f4", "<i8"):
        value = np.array(3, dtype=kind)
        for name, shape in (("zero_d", ()), ("one", (1,)), ("one_one", (1, 1))):
            g.create_dataset(f"{kind.strip('<')}_{name}", data=value.reshape(shape))
    g.create_dataset("empty", data=h5py.Empty("<f8"))
    g.create_dataset("zero_length", data=np.zeros(0))
    g.create_dataset("reference", data=g["f8_one"].ref, dtype=h5py.ref_dtype)


def strings(f):
    g = f.create_group("strings")
    g.create_dataset("fixed", data=np.array([b"q", b"phi"], dtype="S8"))
    g.create_dataset("variable", data=["q", "phi"], dtype=h5py.string_dtype())
    g.create_dataset("variable_ascii", data=[b"q", b"phi"], dtype=h5py.string_dtype("ascii"))
    g.create_dataset("variable_scalar", data="Å⁻¹", dtype=h5py.string_dtype())
    g.create_dataset("fixed_scalar", data=np.bytes_("deg"))
    g["fixed"].attrs["name"] = "q"
    g["fixed"].attrs["unit"] = "Å⁻¹"
    g["fixed"].attrs["size"] = 2


def links(f):
    g = f.create_group("links")
    g["hard"] = f["integers/u2"]
    g["soft"] = h5py.SoftLink("/integers/u2")
    g["soft_relative"] = h5py.SoftLink("hard")
    g["soft_broken"] = h5py.SoftLink("/nowhere")
    g["external_missing"] = h5py.ExternalLink("absent_file.h5", "/x")
    g["group"] = h5py.SoftLink("/integers")


def many(f):
    """A group large enough for dense links, and one with tracked order."""
    g = f.create_group("many")
    for k in range(1, 41):
        g.create_dataset(f"c2_{k:05d}", data=np.float64(k))
    ordered = f.create_group("ordered", track_order=True)
    for k in (3, 1, 2):
        ordered.create_dataset(f"c2_{k:05d}", data=np.float64(k))


def whole(path, libver):
    with h5py.File(path, "w", libver=libver) as f:
        matrices(f)
        compact(f)
        integers(f)
        scalars(f)
        strings(f)
        links(f)
        many(f)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for libver in ("earliest", "latest"):
        whole(folder / f"conformance_{libver}.h5", libver)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
