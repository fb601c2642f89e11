//! Pure numerics on slices: vector kernels, integrals, Gram sums, small symmetric systems.
