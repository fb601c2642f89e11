//! The heap for what has no fixed length: texts, and lists of references.
//!
//! **Source** *HDF5 File Format Specification Version 3.0*, section III.E.

/// The least that the library reads of a collection.
const LEAST_COLLECTION: usize = 4096;
const PREFIX: usize = 16;

/// Where the heap holds a list.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Stored {
    elements: u32,
    collection: u64,
    index: u32,
}

impl Stored {
    /// Nothing: what an empty text is.
    pub(super) const NOTHING: Self = Self { elements: 0, collection: 0, index: 0 };

    /// As the values of a dataset or attribute hold it.
    pub(super) fn place(self) -> [u8; 16] {
        let mut place = [0; 16];
        place[..4].copy_from_slice(&self.elements.to_le_bytes());
        place[4..12].copy_from_slice(&self.collection.to_le_bytes());
        place[12..].copy_from_slice(&self.index.to_le_bytes());
        place
    }
}

/// Objects of a stretch of the file that is written when all of them are known.
#[derive(Debug)]
struct Collection {
    address: u64,
    bytes: usize,
    used: usize,
    objects: Vec<Vec<u8>>,
}

impl Collection {
    fn encoded(&self) -> Vec<u8> {
        let mut block = b"GCOL\x01\0\0\0".to_vec();
        block.extend((self.bytes as u64).to_le_bytes());
        for (k, object) in self.objects.iter().enumerate() {
            block.extend((k as u16 + 1).to_le_bytes());
            // One user, four bytes without meaning.
            block.extend([1, 0, 0, 0, 0, 0]);
            block.extend((object.len() as u64).to_le_bytes());
            block.extend(object);
            block.resize(block.len().next_multiple_of(8), 0);
        }
        let free = self.bytes - block.len();
        if free >= PREFIX {
            // Object 0 is the space that is left, its prefix included.
            block.extend([0; 8]);
            block.extend((free as u64).to_le_bytes());
        }
        block.resize(self.bytes, 0);
        block
    }
}

/// The heap of a file, held until the file ends: lists of references are made before the objects to which
/// they refer.
#[derive(Debug, Default)]
pub(super) struct Heap {
    collections: Vec<Collection>,
}

impl Heap {
    /// Bytes of a collection that must be added before so many `bytes` can be stored; none where they fit.
    pub(super) fn wants(&self, bytes: usize) -> Option<usize> {
        let needed = PREFIX + bytes.next_multiple_of(8);
        let fits = self.collections.last().is_some_and(|last| last.used + needed <= last.bytes);
        (!fits).then(|| LEAST_COLLECTION.max(PREFIX + needed))
    }

    /// Adds a collection of so many bytes at an address.
    pub(super) fn extend(&mut self, address: u64, bytes: usize) {
        self.collections.push(Collection { address, bytes, used: PREFIX, objects: Vec::new() });
    }

    /// Stores `bytes`, which are `elements`; [`Heap::wants`] has been asked.
    pub(super) fn store(&mut self, bytes: Vec<u8>, elements: u32) -> Stored {
        let last = self.collections.last_mut().expect("room was made");
        last.used += PREFIX + bytes.len().next_multiple_of(8);
        last.objects.push(bytes);
        Stored { elements, collection: last.address, index: last.objects.len() as u32 }
    }

    /// Puts other bytes, as many, in the place of stored ones.
    pub(super) fn replace(&mut self, stored: Stored, bytes: &[u8]) {
        let of_it = |c: &&mut Collection| c.address == stored.collection;
        let collection = self.collections.iter_mut().find(of_it).expect("it is of this heap");
        collection.objects[stored.index as usize - 1].copy_from_slice(bytes);
    }

    /// Address and content of each collection.
    pub(super) fn encoded(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        self.collections.iter().map(|collection| (collection.address, collection.encoded()))
    }
}
