//! The reference library, the oracle of the conformance files.
