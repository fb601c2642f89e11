//! Configuration: words to meaning, nowhere else.
