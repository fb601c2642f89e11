//! Arrow-shaped normal equations, bounded trust region, losses, global search.
