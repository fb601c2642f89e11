//! Chunk filters of the field that the HDF5 reader lacks: LZF and bitshuffle.
//!
//! gzip, shuffle, fletcher32 and LZ4 come with the reader.

mod bitshuffle;
mod lzf;

use hdf5_reader::FilterRegistry;
use hdf5_reader::error::Error;

/// Filter number of LZF (h5py).
const LZF: u16 = 32000;
/// Filter number of bitshuffle, alone or with LZ4.
const BITSHUFFLE: u16 = 32008;

/// The filters of the reader, LZF and bitshuffle.
pub(crate) fn registry() -> FilterRegistry {
    let mut registry = FilterRegistry::new();
    registry.register(LZF, Box::new(|_, data, _| lzf::decode(data).map_err(|e| damaged("lzf", e))));
    registry.register(
        BITSHUFFLE,
        Box::new(|filter, data, size| {
            bitshuffle::decode(data, size, &filter.client_data)
                .map_err(|e| damaged("bitshuffle", e))
        }),
    );
    registry
}

/// Name of a filter as users know it.
pub(crate) fn name(id: u16, parameters: &[u32]) -> String {
    match id {
        1 => "gzip".to_owned(),
        2 => "shuffle".to_owned(),
        3 => "fletcher32".to_owned(),
        4 => "szip".to_owned(),
        LZF => "lzf".to_owned(),
        32001 => "blosc".to_owned(),
        32004 => "lz4".to_owned(),
        BITSHUFFLE => match parameters.get(4) {
            Some(2) => "bitshuffle+lz4".to_owned(),
            Some(3) => "bitshuffle+zstd".to_owned(),
            _ => "bitshuffle".to_owned(),
        },
        32015 => "zstd".to_owned(),
        32026 => "blosc2".to_owned(),
        _ => format!("filter {id}"),
    }
}

fn damaged(filter: &str, reason: &str) -> Error {
    Error::DecompressionError(format!("{filter}: {reason}"))
}
