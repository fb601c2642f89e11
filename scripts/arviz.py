#!/usr/bin/env python3
"""ArviZ: opens a posterior that dyne wrote as ArviZ would, and tells what is missing in it.

    pip install "arviz>=1.0" h5netcdf h5py
    scripts/arviz.py results/posterior.nc

The file is opened by every engine of xarray that is installed (h5netcdf, netCDF4); all must find the same.
Groups, dimensions, attributes and types are compared with the InferenceData schema, and the summary of ArviZ is
printed. The exit code is 1 where something is missing. To look at a file of made-up chains:

    cargo run -p dyne-xpcs-h5 --example posterior_netcdf -- posterior.nc
"""

import argparse
import importlib.util
import pathlib
import sys

# A script that has the name of a package would be imported in its place.
HERE = pathlib.Path(__file__).resolve().parent
sys.path = [entry for entry in sys.path if pathlib.Path(entry).resolve() != HERE]

import arviz  # noqa: E402
import numpy  # noqa: E402

GROUPS = ["posterior", "sample_stats", "prior", "observed_data", "constant_data"]
ATTRIBUTES = ["created_at", "inference_library", "inference_library_version"]
DRAWN = ["posterior", "sample_stats", "prior"]
COLUMNS = ["mean", "sd", "ess_bulk", "ess_tail", "r_hat"]
# h5netcdf does not bring h5py along.
ENGINES = {"h5netcdf": ["h5netcdf", "h5py"], "netcdf4": ["netCDF4"]}


def missing_in_groups(tree):
    for name in GROUPS:
        if name not in tree.children:
            yield f"/: found groups {', '.join(tree.children)}, expected {name}"
        elif not tree[name].data_vars:
            yield f"/{name}: found no variable, expected at least one"
    for name in DRAWN:
        for variable in tree[name].data_vars.values() if name in tree.children else []:
            if variable.dims[:2] != ("chain", "draw"):
                yield f"/{name}/{variable.name}: found dimensions {variable.dims}, expected chain, draw first"
    for place, node in tree.children.items():
        for name, variable in node.variables.items():
            if any(dim.startswith("phony_dim") for dim in variable.dims):
                yield f"/{place}/{name}: found dimensions without a name"
        for name, coordinate in node.coords.items():
            if coordinate.dtype.kind not in "iufUT":
                yield f"/{place}/{name}: found coordinates of type {coordinate.dtype}, expected numbers or text"


def missing_in_draws(tree):
    if not {"posterior", "sample_stats"} <= set(tree.children):
        return
    posterior, stats = tree["posterior"], tree["sample_stats"]
    for name in ATTRIBUTES:
        if not isinstance(posterior.attrs.get(name), str):
            yield f"/posterior@{name}: found {posterior.attrs.get(name)!r}, expected text"
    for axis in ("chain", "draw"):
        if not numpy.array_equal(posterior.get(axis), stats.get(axis)):
            yield f"/sample_stats/{axis}: found other values than in /posterior"
    if "diverging" not in stats:
        yield "/sample_stats: found no diverging, expected a flag for each draw"
    elif stats["diverging"].dtype != bool:
        yield f"/sample_stats/diverging: found {stats['diverging'].dtype}, expected bool"


def missing_in_summary(summary):
    for column in COLUMNS:
        if column not in summary:
            yield f"summary: found columns {', '.join(summary)}, expected {column}"
        elif not numpy.isfinite(summary[column].astype(float)).all():
            yield f"summary: found {column} that is not finite:\n{summary[column]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path, help="netCDF file of dyne sample")
    file = parser.parse_args().file
    engines = [engine for engine, modules in ENGINES.items() if all(map(importlib.util.find_spec, modules))]
    if not engines:
        sys.exit("found no engine of netCDF-4, expected h5netcdf with h5py, or netCDF4\npip install h5netcdf h5py")
    trees = {engine: arviz.from_netcdf(file, engine=engine).load() for engine in engines}
    first = trees[engines[0]]
    faults = [*missing_in_groups(first), *missing_in_draws(first)]
    for engine in engines[1:]:
        if not trees[engine].identical(first):
            faults.append(f"/: {engine} found something else than {engines[0]}")
    if not faults:
        print(arviz.summary(first).to_string())
        print(f"{int(first['sample_stats/diverging'].sum())} draws diverged")
        faults += missing_in_summary(arviz.summary(first, round_to="none"))
    if faults:
        sys.exit("\n".join([f"{file}:", *faults]))
    print(f"{file}: whole, read by {', '.join(engines)}")


if __name__ == "__main__":
    main()
