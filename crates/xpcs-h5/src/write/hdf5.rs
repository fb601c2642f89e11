//! A writer of the few HDF5 structures that result files need.
//!
//! Raw data stream to the file; object headers follow when their data are written, a
//! group after its members, the heap and the superblock last, where space was left for them. Structures:
//! superblock version 2, object headers version 2, links in the header of their group,
//! contiguous data, chunked data with shuffle and gzip (indices "single chunk" and "fixed
//! array", read by HDF5 1.10 and later), and the global heap.
//!
//! **Source** The HDF Group, *HDF5 File Format Specification Version 3.0*, sections
//! II.A, III.E, IV.A, VI and VII.

mod checksum;
mod chunks;
mod header;
mod heap;
mod value;

use std::io::{self, Seek, SeekFrom, Write};

use checksum::lookup3;
use header::{FILL_NEVER_SEEN, Header, contiguous, dataspace, link, link_info, message};
use heap::Heap;

pub(super) use header::{Attribute, Object};
pub(super) use heap::Stored;
pub(super) use value::{Shape, Values};

const SUPERBLOCK_BYTES: u64 = 48;
const UNDEFINED: u64 = u64::MAX;

/// A file being written.
pub(super) struct Encoder<W> {
    out: W,
    at: u64,
    heap: Heap,
}

impl<W: Write + Seek> Encoder<W> {
    /// Starts a file at the beginning of `out`.
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&[0; SUPERBLOCK_BYTES as usize])?;
        Ok(Self { out, at: SUPERBLOCK_BYTES, heap: Heap::default() })
    }

    /// Writes a small dataset.
    pub(super) fn dataset(
        &mut self,
        values: Values<'_>,
        shape: Shape<'_>,
        attributes: &[Attribute<'_>],
    ) -> io::Result<Object> {
        let bytes = values.bytes();
        let address = self.raw(&bytes)?;
        let mut header = Header::default();
        header.push(message::DATASPACE, &dataspace(shape, values.count()));
        header.push(message::DATATYPE, &values.datatype());
        header.push(message::FILL_VALUE, &FILL_NEVER_SEEN);
        header.push(message::LAYOUT, &contiguous(address, bytes.len() as u64));
        header.attributes(attributes);
        self.header(header)
    }

    /// Writes a group with its members, which keep their order.
    pub(super) fn group(
        &mut self,
        members: &[(&str, Object)],
        attributes: &[Attribute<'_>],
    ) -> io::Result<Object> {
        let mut header = Header::default();
        header.push(message::LINK_INFO, &link_info(members.len()));
        header.push(message::GROUP_INFO, &[0, 0]);
        for (order, (name, object)) in members.iter().enumerate() {
            header.push(message::LINK, &link(name, order, *object));
        }
        header.attributes(attributes);
        self.header(header)
    }

    /// Puts a text into the heap.
    pub(super) fn store_text(&mut self, text: &str) -> io::Result<Stored> {
        if text.is_empty() {
            return Ok(Stored::NOTHING);
        }
        let elements = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.store(text.as_bytes().to_vec(), elements)
    }

    /// Makes room in the heap for a list of one reference, which [`Encoder::refer`] gives when the
    /// object is written.
    pub(super) fn store_reference(&mut self) -> io::Result<Stored> {
        self.store(vec![0; 8], 1)
    }

    /// Lets a reference in the heap mean `object`.
    pub(super) fn refer(&mut self, reference: Stored, object: Object) {
        self.heap.replace(reference, &object.reference());
    }

    fn store(&mut self, bytes: Vec<u8>, elements: u32) -> io::Result<Stored> {
        if let Some(room) = self.heap.wants(bytes.len()) {
            let address = self.raw(&vec![0; room])?;
            self.heap.extend(address, room);
        }
        Ok(self.heap.store(bytes, elements))
    }

    /// Writes heap and superblock and hands the file back.
    pub(super) fn finish(mut self, root: Object) -> io::Result<W> {
        for (address, content) in self.heap.encoded() {
            self.out.seek(SeekFrom::Start(address))?;
            self.out.write_all(&content)?;
        }
        let mut block = b"\x89HDF\r\n\x1a\n".to_vec();
        // Version 2, offsets and lengths of 8 bytes, no flag.
        block.extend([2, 8, 8, 0]);
        for address in [0, UNDEFINED, self.at, root.0] {
            block.extend(address.to_le_bytes());
        }
        block.extend(lookup3(&block).to_le_bytes());
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&block)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let padding = self.at.next_multiple_of(8) - self.at;
        self.out.write_all(&[0; 8][..padding as usize])?;
        self.out.write_all(bytes)?;
        let address = self.at + padding;
        self.at = address + bytes.len() as u64;
        Ok(address)
    }

    fn header(&mut self, header: Header) -> io::Result<Object> {
        self.raw(&header.finish()).map(Object)
    }
}
