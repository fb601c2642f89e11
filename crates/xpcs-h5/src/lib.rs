//! Readers and writers of two-time files (HDF5 and NPZ), and a writer of netCDF-4.
//!
//! [`open`] recognises the layout of a file by what it holds, never by its name. One
//! file per layout: `aps_u` (APS 8-ID since 2025), `aps_old` (8-ID-I, 2019 to 2024),
//! `homodyne_cache` (NPZ). [`write_aps_u`] and [`write_npz`] write.
//! [`write_netcdf`] writes groups of variables over named dimensions, such as the draws of a sampler.

mod aps_old;
mod aps_u;
mod backend;
mod filter;
mod frame_time;
mod homodyne_cache;
mod matrix;
mod open;
mod pixels;
mod reader;
mod rows;
mod source;
mod write;

pub use open::{inspect, open};
pub use write::{
    Attribute, Coordinate, Dimension, Experiment, NetcdfFault, NetcdfFile, NetcdfGroup, Variable,
    VariableValues, WriteError, write_aps_u, write_netcdf, write_npz,
};
