//! Readers and writers of two-time files (HDF5 and NPZ).
//!
//! [`open`] recognises the layout of a file by what it holds, never by its name. One
//! file per layout: `aps_u` (APS 8-ID since 2025), `aps_old` (8-ID-I, 2019 to 2024),
//! `homodyne_cache` (NPZ). [`write_aps_u`] and [`write_npz`] write.

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
pub use write::{Experiment, WriteError, write_aps_u, write_npz};
