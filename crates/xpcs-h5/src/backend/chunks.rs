//! Chunks of a matrix, decoded one by one and as little as possible.

use hdf5_reader::chunk_index::{self, ChunkEntry};
use hdf5_reader::error::{ByteOrder, Error};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::filters::apply_pipeline_with_limit;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::filter_pipeline::{FILTER_DEFLATE, FILTER_SHUFFLE, FilterDescription};
use hdf5_reader::messages::layout::{ChunkIndexing, DataLayout};
use hdf5_reader::{Dataset, Datatype, FilterRegistry, Hdf5File, btree_v1};

use libdeflater::Decompressor;

use dyne_runtime::positioned::read_exact_at;
use dyne_xpcs_data::Element;

use super::Fault;
use super::pure::fault;

/// The chunks of a matrix of little-endian floats.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// Rows and columns of a chunk; those at the edges reach beyond the matrix.
    pub(crate) shape: [usize; 2],
    /// Number type.
    pub(crate) element: Element,
    /// Chunks along a row of them.
    across: usize,
    /// Row by row; nothing for a chunk that was never stored.
    entries: Vec<Option<ChunkEntry>>,
    filters: Vec<FilterDescription>,
}

/// A decoded chunk, and the memory that decoding takes.
pub(crate) struct Decoded {
    raw: Vec<u8>,
    inflater: Decompressor,
    pub(crate) bytes: Vec<u8>,
    /// Whether all first bytes of the values come first, then all second ones, and so on.
    pub(crate) shuffled: bool,
}

impl Chunks {
    /// Bytes of a decoded chunk.
    pub(crate) fn bytes(&self) -> usize {
        self.shape[0] * self.shape[1] * self.element.bytes()
    }

    /// Bytes of the largest chunk as stored.
    pub(crate) fn stored_bytes(&self) -> usize {
        self.entries.iter().flatten().map(|e| e.size as usize).max().unwrap_or(0)
    }

    /// Filters besides the shuffle that is undone last.
    pub(crate) fn steps(&self) -> usize {
        self.filters.iter().skip_while(|f| f.id == FILTER_SHUFFLE).count()
    }

    /// Whether the chunk at a place of the grid of chunks was ever stored.
    pub(crate) fn stored(&self, [a, b]: [usize; 2]) -> bool {
        self.entries[a * self.across + b].is_some()
    }

    /// Those of `dataset`; nothing where it is not stored so, none of it is stored, or a chunk would take
    /// more than `limit` bytes.
    pub(super) fn of(
        file: &Hdf5File,
        dataset: &Dataset,
        limit: usize,
    ) -> Result<Option<Self>, Fault> {
        let (Some(element), Some(dims)) = (little_endian(dataset.dtype()), dataset.chunks()) else {
            return Ok(None);
        };
        let (&[rows, columns], [height, width, ..]) = (dataset.shape(), &dims[..]) else {
            return Ok(None);
        };
        let shape = [*height as usize, *width as usize];
        let size = element.bytes();
        let bytes = shape[0].checked_mul(shape[1]).and_then(|values| values.checked_mul(size));
        // Whoever reads it otherwise refuses it with the reason.
        let Some(bytes) = bytes.filter(|bytes| (1..=limit).contains(bytes)) else {
            return Ok(None);
        };
        let found = entries(file, dataset, [*height, *width], size).map_err(fault)?;
        let grid = [rows.div_ceil(shape[0] as u64), columns.div_ceil(shape[1] as u64)];
        let filters = filters(file, dataset)?;
        let placed = placed(found, shape, grid, bytes as u64);
        Ok(placed.map(|entries| Self {
            shape,
            element,
            across: grid[1] as usize,
            entries,
            filters,
        }))
    }

    /// Decodes the chunk at row `a` and column `b` of the grid of chunks into `out`.
    pub(super) fn decode(
        &self,
        raw: &RawFile,
        registry: &FilterRegistry,
        [a, b]: [usize; 2],
        out: &mut Decoded,
    ) -> Result<(), Fault> {
        let Some(entry) = &self.entries[a * self.across + b] else {
            out.fill_nan(self.bytes(), self.element);
            return Ok(());
        };
        let stored = usize::try_from(entry.size).map_err(|_| too_long(entry.size))?;
        raw.read(entry.address, stored, &mut out.raw)?;
        out.shuffled = self.filters.first().is_some_and(|filter| filter.id == FILTER_SHUFFLE)
            && entry.filter_mask & 1 == 0;
        // The last step, undoing the shuffle, is left to who picks the values.
        let (filters, mask) = match out.shuffled {
            true => (&self.filters[1..], entry.filter_mask >> 1),
            false => (&self.filters[..], entry.filter_mask),
        };
        let limit = self.bytes();
        match filters {
            [] => std::mem::swap(&mut out.raw, &mut out.bytes),
            [one] if one.id == FILTER_DEFLATE && mask & 1 == 0 => out.inflate(limit)?,
            _ => {
                let (size, most) = (self.element.bytes(), Some(limit));
                let registry = Some(registry);
                out.bytes =
                    apply_pipeline_with_limit(&out.raw, filters, mask, size, registry, most)
                        .map_err(fault)?;
            }
        }
        if out.bytes.len() != limit {
            let found = format!("a chunk of {} bytes instead of {limit}", out.bytes.len());
            return Err(Fault::Unreadable(found));
        }
        Ok(())
    }
}

impl Default for Decoded {
    fn default() -> Self {
        Self::reusing(Vec::new(), Vec::new())
    }
}

impl Decoded {
    /// In the memory of an earlier chunk.
    pub(crate) fn reusing(raw: Vec<u8>, bytes: Vec<u8>) -> Self {
        Self { raw, bytes, inflater: Decompressor::new(), shuffled: false }
    }

    /// The memory, for a later chunk.
    pub(crate) fn into_memory(self) -> [Vec<u8>; 2] {
        [self.raw, self.bytes]
    }

    /// Values that the file was never given.
    fn fill_nan(&mut self, bytes: usize, element: Element) {
        self.shuffled = false;
        self.bytes.clear();
        self.bytes.reserve_exact(bytes);
        let mut fill = |value: &[u8]| {
            (0..bytes / value.len()).for_each(|_| self.bytes.extend_from_slice(value));
        };
        match element {
            Element::F32 => fill(&f32::NAN.to_le_bytes()),
            Element::F64 => fill(&f64::NAN.to_le_bytes()),
        }
    }

    /// Undoes the deflate filter, in the memory of the chunk before.
    fn inflate(&mut self, limit: usize) -> Result<(), Fault> {
        let damaged = |reason: String| Fault::Unreadable(format!("deflate: {reason}"));
        self.bytes
            .try_reserve_exact(limit.saturating_sub(self.bytes.len()))
            .map_err(|e| damaged(e.to_string()))?;
        self.bytes.resize(limit, 0);
        let written = self.inflater.zlib_decompress(&self.raw, &mut self.bytes);
        let written = written.map_err(|e| damaged(e.to_string()))?;
        self.bytes.truncate(written);
        Ok(())
    }
}

/// The bytes of a file, read at a place.
pub(super) struct RawFile {
    file: std::fs::File,
    /// Where the addresses of the file begin.
    base: u64,
}

impl RawFile {
    pub(super) fn open(path: &std::path::Path, base: u64) -> std::io::Result<Self> {
        Ok(Self { file: std::fs::File::open(path)?, base })
    }

    fn read(&self, address: u64, bytes: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let unreadable = |e: std::io::Error| Fault::Unreadable(e.to_string());
        let at = self.base.saturating_add(address);
        let whole = self.file.metadata().map_err(unreadable)?.len();
        if at.saturating_add(bytes as u64) > whole {
            return Err(Fault::Unreadable(format!("a chunk beyond the end of {whole} bytes")));
        }
        // Chunks differ a little in length; room for twice the bytes is not wanted.
        out.clear();
        out.reserve_exact(bytes);
        out.resize(bytes, 0);
        read_exact_at(&self.file, out, at).map_err(unreadable)
    }
}

fn too_long(bytes: u64) -> Fault {
    Fault::Unreadable(format!("a chunk of {bytes} bytes"))
}

fn little_endian(datatype: &Datatype) -> Option<Element> {
    match datatype {
        Datatype::FloatingPoint { size: 4, byte_order: ByteOrder::LittleEndian, .. } => {
            Some(Element::F32)
        }
        Datatype::FloatingPoint { size: 8, byte_order: ByteOrder::LittleEndian, .. } => {
            Some(Element::F64)
        }
        _ => None,
    }
}

/// The filters of a dataset, in the order in which they were applied.
pub(super) fn filters(file: &Hdf5File, dataset: &Dataset) -> Result<Vec<FilterDescription>, Fault> {
    let header = file.get_or_parse_header(dataset.address()).map_err(fault)?;
    let pipelines = header.messages.iter().filter_map(|message| match message {
        HdfMessage::FilterPipeline(pipeline) => Some(pipeline.filters.clone()),
        _ => None,
    });
    Ok(pipelines.flatten().collect())
}

/// The chunks at their places of a grid, row by row, each of `bytes` bytes where the index does not tell;
/// nothing where there are none, or they do not lie on the grid.
fn placed(
    found: Vec<ChunkEntry>,
    shape: [usize; 2],
    grid: [u64; 2],
    bytes: u64,
) -> Option<Vec<Option<ChunkEntry>>> {
    let places = usize::try_from(grid[0].checked_mul(grid[1])?).ok()?;
    // An index names at least one chunk of a matrix that it can place.
    if found.is_empty() || found.len() > places {
        return None;
    }
    let mut entries: Vec<Option<ChunkEntry>> = (0..places).map(|_| None).collect();
    for mut entry in found {
        let [row, column] = entry.offsets[..] else { return None };
        let (height, width) = (shape[0] as u64, shape[1] as u64);
        let (a, b) = (row / height, column / width);
        let on_grid = row % height == 0 && column % width == 0 && a < grid[0] && b < grid[1];
        let place = on_grid.then(|| &mut entries[(a * grid[1] + b) as usize])?;
        if entry.size == 0 {
            entry.size = bytes;
        }
        if place.replace(entry).is_some() {
            return None;
        }
    }
    Some(entries)
}

/// The index of the chunks, in whatever form the file has it.
fn entries(
    file: &Hdf5File,
    dataset: &Dataset,
    dims: [u32; 2],
    element: usize,
) -> Result<Vec<ChunkEntry>, Error> {
    let header = file.get_or_parse_header(dataset.address())?;
    let layout = header.messages.iter().find_map(|message| match message {
        HdfMessage::DataLayout(found) => Some(&found.layout),
        _ => None,
    });
    let Some(DataLayout::Chunked { address, chunk_indexing, .. }) = layout else {
        return Ok(Vec::new());
    };
    let (storage, address) = (file.storage(), *address);
    let (offset, length) = (file.superblock().offset_size, file.superblock().length_size);
    if address == u64::MAX {
        return Ok(Vec::new());
    }
    let shape = dataset.shape();
    match chunk_indexing {
        None => btree_v1::collect_btree_v1_leaves_storage(
            storage,
            address,
            offset,
            length,
            Some(2),
            &dims,
            None,
        )
        .map(|leaves| leaves.iter().filter_map(leaf).collect()),
        Some(ChunkIndexing::SingleChunk { filtered_size, filters }) => {
            Ok(vec![chunk_index::single_chunk_entry(address, *filtered_size, *filters, 2)])
        }
        Some(ChunkIndexing::BTreeV2) => chunk_index::collect_v2_chunk_entries_storage(
            storage, address, offset, length, 2, &dims, None,
        ),
        Some(ChunkIndexing::Implicit) => chunk_index::collect_implicit_chunk_entries(
            address,
            shape,
            &dims,
            element,
            None,
            storage.len(),
        ),
        Some(ChunkIndexing::FixedArray { .. }) => collect_fixed_array_chunk_entries_storage(
            storage, address, offset, length, shape, &dims, None,
        ),
        Some(ChunkIndexing::ExtensibleArray { .. }) => {
            let max = dataset.max_dims();
            collect_extensible_array_chunk_entries_storage(
                storage, address, offset, length, shape, max, &dims, None,
            )
        }
    }
}

fn leaf((key, address): &(btree_v1::BTreeV1Key, u64)) -> Option<ChunkEntry> {
    match key {
        btree_v1::BTreeV1Key::RawData { chunk_size, filter_mask, offsets } => Some(ChunkEntry {
            address: *address,
            size: u64::from(*chunk_size),
            filter_mask: *filter_mask,
            offsets: offsets[..2].to_vec(),
        }),
        _ => None,
    }
}
