//! Object headers and the messages in them.

use super::checksum::lookup3;
use super::value::{Shape, Values};

/// Message types of object headers.
pub(super) mod message {
    pub(in super::super) const DATASPACE: u8 = 0x01;
    pub(in super::super) const LINK_INFO: u8 = 0x02;
    pub(in super::super) const DATATYPE: u8 = 0x03;
    pub(in super::super) const FILL_VALUE: u8 = 0x05;
    pub(in super::super) const LINK: u8 = 0x06;
    pub(in super::super) const LAYOUT: u8 = 0x08;
    pub(in super::super) const GROUP_INFO: u8 = 0x0A;
    pub(in super::super) const FILTERS: u8 = 0x0B;
    pub(in super::super) const ATTRIBUTE: u8 = 0x0C;
}

const UNDEFINED: u64 = u64::MAX;

/// Where an object header lies.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Object(pub(super) u64);

impl Object {
    /// A reference to the object as files hold it.
    pub(in super::super) fn reference(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }
}

/// An attribute of a dataset or group.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Attribute<'a> {
    pub(in super::super) name: &'a str,
    pub(in super::super) shape: Shape<'a>,
    pub(in super::super) values: Values<'a>,
}

impl<'a> Attribute<'a> {
    /// An attribute of one value.
    pub(in super::super) fn scalar(name: &'a str, values: Values<'a>) -> Self {
        Self { name, shape: Shape::Scalar, values }
    }

    /// An attribute with one axis.
    pub(in super::super) fn list(name: &'a str, values: Values<'a>) -> Self {
        Self { name, shape: Shape::List, values }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let datatype = self.values.datatype();
        let space = dataspace(self.shape, self.values.count());
        // Version 3, nothing shared, name in UTF-8 with its final zero.
        let mut body = vec![3, 0];
        body.extend((self.name.len() as u16 + 1).to_le_bytes());
        body.extend((datatype.len() as u16).to_le_bytes());
        body.extend((space.len() as u16).to_le_bytes());
        body.push(1);
        body.extend(self.name.as_bytes());
        body.push(0);
        body.extend(datatype);
        body.extend(space);
        body.extend(self.values.bytes());
        body
    }
}

/// Fill value message: version 3, space taken late, written only if set, not defined.
pub(super) const FILL_NEVER_SEEN: [u8; 2] = [3, 0x0A];

/// Messages of an object header.
#[derive(Default)]
pub(super) struct Header {
    messages: Vec<u8>,
}

impl Header {
    pub(super) fn push(&mut self, kind: u8, body: &[u8]) {
        let bytes = u16::try_from(body.len()).expect("messages of result files are short");
        self.messages.push(kind);
        self.messages.extend(bytes.to_le_bytes());
        self.messages.push(0);
        self.messages.extend(body);
    }

    pub(super) fn attributes(&mut self, attributes: &[Attribute<'_>]) {
        for attribute in attributes {
            self.push(message::ATTRIBUTE, &attribute.body());
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let bytes = u32::try_from(self.messages.len()).expect("a header is far below 4 GiB");
        let mut block = b"OHDR".to_vec();
        // Version 2, a size of four bytes.
        block.extend([2, 0x02]);
        block.extend(bytes.to_le_bytes());
        block.extend(self.messages);
        block.extend(lookup3(&block).to_le_bytes());
        block
    }
}

/// What the header of a group says of its `members`: they are links in the header itself, in the order of
/// their creation, which readers of netCDF show.
pub(super) fn link_info(members: usize) -> Vec<u8> {
    // Version 0; the order of creation is tracked and may be asked for.
    let mut body = vec![0, 0x03];
    body.extend((members as u64).to_le_bytes());
    // No heap, no index by name, no index by order: all are for links outside the header.
    body.extend([UNDEFINED; 3].iter().flat_map(|address| address.to_le_bytes()));
    body
}

/// The link to a member, the `order`-th.
pub(super) fn link(name: &str, order: usize, object: Object) -> Vec<u8> {
    // Version 1; order of creation, character set and a length of two bytes are there; UTF-8.
    let mut body = vec![1, 0x15];
    body.extend((order as u64).to_le_bytes());
    body.push(1);
    body.extend((name.len() as u16).to_le_bytes());
    body.extend(name.as_bytes());
    body.extend(object.reference());
    body
}

pub(super) fn dataspace(shape: Shape<'_>, count: usize) -> Vec<u8> {
    match shape {
        Shape::Scalar => vec![2, 0, 0, 0],
        Shape::List => axes(&[count as u64]),
        Shape::Axes(lengths) => axes(lengths),
    }
}

pub(super) fn axes(lengths: &[u64]) -> Vec<u8> {
    let mut body = vec![2, lengths.len() as u8, 0, 1];
    body.extend(lengths.iter().flat_map(|n| n.to_le_bytes()));
    body
}

pub(super) fn contiguous(address: u64, bytes: u64) -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend(address.to_le_bytes());
    body.extend(bytes.to_le_bytes());
    body
}
