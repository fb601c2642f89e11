//! Readers and writers of two-time files (HDF5 and NPZ).
