"""First steps with a posterior of `dyne sample` in ArviZ.

    pip install "arviz[matplotlib]>=1.0" h5netcdf h5py
    python examples/posterior.py [results/posterior.nc]

Prints the summary, and saves trace, ranks and pairs of the parameters as PNG beside the file.
"""

import pathlib
import sys

import arviz as az

file = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "results/posterior.nc")
data = az.from_netcdf(file).load()  # an xarray.DataTree: data["posterior"], data["sample_stats"], ...

# The parameters of the model; contrast and offset have a value for each bin, which is too much for one figure.
posterior = data["posterior"].dataset
parameters = [name for name, draws in posterior.items() if draws.dims == ("chain", "draw")]

# r_hat above 1.01 or ess below 400: draw more, or look at the trace for chains that disagree.
print(az.summary(data))
print(f"{int(data['sample_stats']['diverging'].sum())} of {posterior.draw.size * posterior.chain.size} draws diverged")

# Any function of the parameters has a posterior: compute it draw by draw.
for name in parameters:
    low, high = posterior[name].quantile([0.025, 0.975])
    print(f"{name}: 95 % between {low:.6g} and {high:.6g} {posterior[name].attrs.get('units', '')}")

figures = {
    "trace": az.plot_trace_dist(data, var_names=parameters),  # chains side by side: do they tell the same?
    "rank": az.plot_rank(data, var_names=parameters),  # p below alpha: a chain has ranks of its own
    "pair": az.plot_pair(data, var_names=parameters),  # curved or narrow: parameters that stand in for each other
}
for name, figure in figures.items():
    target = file.with_name(f"{name}.png")
    figure.savefig(target)
    print(target)
