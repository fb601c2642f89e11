//! Checkpoint files: small, versioned, checked, and replaced as a whole.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

const MAGIC: [u8; 8] = *b"DYNECKPT";
/// Version of the format.
const VERSION: u32 = 2;
const COMPRESSED: u32 = 1;
/// Most bytes that are packed together; so no second copy of the whole is made.
const PACKED_TOGETHER: usize = 1 << 18;
/// Magic, version, flags, identity, length and checksum of what follows.
const HEADER: usize = 8 + 4 + 4 + 32 + 8 + 4;
const ENDING: &str = "checkpoint";

/// What a checkpoint belongs to: a hash of program, plan and data.
pub type Identity = [u8; 32];

/// How checkpoints are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// Folder.
    pub dir: PathBuf,
    /// Newest ones that are kept.
    pub keep: usize,
    /// How they are written.
    pub packing: Packing,
}

/// How a checkpoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Compressed (LZ4).
    Compressed,
    /// As it is.
    Plain,
}

/// Why checkpoints cannot be written or none can be gone on with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The folder or a file cannot be written or read.
    #[error("checkpoint {}: {reason}, expected to read and write there\ncheck the folder, its permissions and its free space", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// No checkpoint of the folder can be used.
    #[error("{}: no checkpoint of this fit; {}\ngive the folder of this fit, its configuration and its data, or begin anew without --resume", dir.display(), refusals.join("; "))]
    NoneOfThisFit {
        /// The folder.
        dir: PathBuf,
        /// Each file with the reason why it is refused.
        refusals: Vec<String>,
    },
}

/// A folder of checkpoints of one fit.
#[derive(Debug)]
pub struct CheckpointFolder {
    options: CheckpointOptions,
    identity: Identity,
    next: u64,
}

/// What a folder holds of a fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Content of the newest checkpoint that can be used, and its name.
    pub newest: Option<(String, Vec<u8>)>,
    /// Newer files that cannot be used, with the reasons.
    pub refusals: Vec<String>,
}

impl CheckpointFolder {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// [`CheckpointError::File`].
    pub fn open(options: CheckpointOptions, identity: Identity) -> Result<Self, CheckpointError> {
        let failed = |reason| CheckpointError::File { path: options.dir.clone(), reason };
        fs::create_dir_all(&options.dir).map_err(failed)?;
        Self::at(options, identity)
    }

    /// A folder that is made with its first checkpoint, if it is not there.
    ///
    /// # Errors
    /// [`CheckpointError::File`] where it is there and cannot be read.
    pub fn at(options: CheckpointOptions, identity: Identity) -> Result<Self, CheckpointError> {
        let mut folder = Self { identity, next: 0, options };
        folder.next = folder.numbered()?.last().map_or(0, |(number, _)| number + 1);
        Ok(folder)
    }

    /// The newest checkpoint of this fit.
    ///
    /// # Errors
    /// [`CheckpointError::File`] where the folder cannot be read. That a file is torn, or is of another
    /// fit, is told in [`Found`].
    pub fn find(&self) -> Result<Found, CheckpointError> {
        let mut found = Found::default();
        for (_, path) in self.numbered()?.into_iter().rev() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match fs::read(&path).map_err(|e| e.to_string()).and_then(|b| self.unpack(&b)) {
                Ok(content) => {
                    found.newest = Some((name, content));
                    break;
                }
                Err(reason) => found.refusals.push(format!("{name} {reason}")),
            }
        }
        Ok(found)
    }

    /// Writes the next checkpoint, the pieces one behind the other, beside the others and takes the
    /// oldest away.
    ///
    /// # Errors
    /// [`CheckpointError::File`]; the earlier ones stay.
    pub fn save(&mut self, pieces: &[&[u8]]) -> Result<(), CheckpointError> {
        let path = self.path(self.next);
        let part = path.with_extension("part");
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.options.dir)?;
            let mut file = fs::File::create(&part)?;
            self.pack(pieces, &mut file)?;
            file.sync_data()?;
            fs::rename(&part, &path)
        };
        write().map_err(|reason| {
            // What was begun is of no use.
            let _ = fs::remove_file(&part);
            CheckpointError::File { path: path.clone(), reason }
        })?;
        self.next += 1;
        let all = self.numbered()?;
        for (_, old) in &all[..all.len().saturating_sub(self.options.keep.max(1))] {
            fs::remove_file(old)
                .map_err(|reason| CheckpointError::File { path: old.clone(), reason })?;
        }
        Ok(())
    }

    /// Takes the checkpoints of this fit away, and the folder where nothing else is in it.
    pub fn clear(&self) {
        for (_, path) in self.numbered().unwrap_or_default() {
            if self.is_of_this_fit(&path) {
                // A file that stays does no harm; nor does what a save that was cut short has left.
                let _ = fs::remove_file(path.with_extension("part"));
                let _ = fs::remove_file(path);
            }
        }
        let _ = fs::remove_file(self.path(self.next).with_extension("part"));
        let _ = fs::remove_dir(&self.options.dir);
    }

    fn path(&self, number: u64) -> PathBuf {
        self.options.dir.join(format!("dyne-{number:08}.{ENDING}"))
    }

    /// Numbers and paths of the checkpoints, ascending.
    fn numbered(&self) -> Result<Vec<(u64, PathBuf)>, CheckpointError> {
        let failed = |reason| CheckpointError::File { path: self.options.dir.clone(), reason };
        let mut all = Vec::new();
        let entries = match fs::read_dir(&self.options.dir) {
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(all),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            all.extend(number(&path).map(|number| (number, path)));
        }
        all.sort();
        Ok(all)
    }

    /// Whether the header of a file says that it is a checkpoint of this fit.
    fn is_of_this_fit(&self, path: &Path) -> bool {
        let mut header = [0; HEADER];
        let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
        read.is_ok() && self.head(&header).is_ok()
    }

    /// Writes the body block by block, then the header at the beginning.
    fn pack(&self, pieces: &[&[u8]], file: &mut fs::File) -> io::Result<()> {
        file.seek(SeekFrom::Start(HEADER as u64))?;
        let (mut checksum, mut length) = (crc32fast::Hasher::new(), 0);
        let mut put = |bytes: &[u8]| {
            checksum.update(bytes);
            length += bytes.len() as u64;
            file.write_all(bytes)
        };
        for block in pieces.iter().flat_map(|piece| piece.chunks(PACKED_TOGETHER)) {
            let packed = match self.options.packing {
                Packing::Compressed => Cow::Owned(lz4_flex::compress(block)),
                Packing::Plain => Cow::Borrowed(block),
            };
            put(&(block.len() as u32).to_le_bytes())?;
            put(&(packed.len() as u32).to_le_bytes())?;
            put(&packed)?;
        }
        let flags = match self.options.packing {
            Packing::Compressed => COMPRESSED,
            Packing::Plain => 0,
        };
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend(flags.to_le_bytes());
        header.extend(self.identity);
        header.extend(length.to_le_bytes());
        header.extend(checksum.finalize().to_le_bytes());
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)
    }

    /// The header and what stands behind it, or why the file is refused.
    fn head<'b>(&self, bytes: &'b [u8]) -> Result<Head<'b>, String> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(torn)?;
        if *magic != MAGIC {
            return Err("is no checkpoint".into());
        }
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(torn)?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(format!("has version {version}, expected {VERSION}"));
        }
        let (flags, rest) = rest.split_first_chunk::<4>().ok_or_else(torn)?;
        let (identity, rest) = rest.split_first_chunk::<32>().ok_or_else(torn)?;
        if *identity != self.identity {
            return Err("is of another fit (program version, configuration, data or \
                        instruction set differ)"
                .into());
        }
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(torn)?;
        let (checksum, body) = rest.split_first_chunk::<4>().ok_or_else(torn)?;
        let packing = match u32::from_le_bytes(*flags) {
            0 => Packing::Plain,
            _ => Packing::Compressed,
        };
        let (length, checksum) = (u64::from_le_bytes(*length), u32::from_le_bytes(*checksum));
        Ok(Head { packing, length, checksum, body })
    }

    /// The content, or why the file is refused.
    fn unpack(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let Head { packing, length, checksum, body } = self.head(bytes)?;
        let whole = body.len() as u64 == length && crc32fast::hash(body) == checksum;
        if whole { unpacked(body, packing).ok_or_else(torn) } else { Err(torn()) }
    }
}

/// What a header of this fit tells, and what stands behind it.
struct Head<'b> {
    packing: Packing,
    length: u64,
    checksum: u32,
    body: &'b [u8],
}

fn torn() -> String {
    "is torn".to_owned()
}

/// The content of a body.
fn unpacked(mut body: &[u8], packing: Packing) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let (stored, rest) = rest.split_first_chunk::<4>()?;
        let (length, stored) = (u32::from_le_bytes(*length), u32::from_le_bytes(*stored));
        let (block, rest) = rest.split_at_checked(stored as usize)?;
        match packing {
            Packing::Plain => content.extend(block),
            Packing::Compressed if length as usize <= PACKED_TOGETHER => {
                content.extend(lz4_flex::decompress(block, length as usize).ok()?);
            }
            Packing::Compressed => return None,
        }
        body = rest;
    }
    Some(content)
}

/// Number of a checkpoint by its name.
fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("dyne-")?.strip_suffix(ENDING)?.strip_suffix('.')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(dir: &Path, identity: u8, packing: Packing) -> CheckpointFolder {
        let options = CheckpointOptions { dir: dir.join("c"), keep: 3, packing };
        CheckpointFolder::open(options, [identity; 32]).unwrap()
    }

    #[test]
    fn the_newest_three_are_kept_and_found() {
        for packing in [Packing::Compressed, Packing::Plain] {
            let dir = tempfile::tempdir().unwrap();
            let mut checkpoints = folder(dir.path(), 1, packing);
            assert_eq!(checkpoints.find().unwrap(), Found::default());
            for k in 0..5u8 {
                checkpoints.save(&[&[k; 400], &[], &[k; 600]]).unwrap();
            }
            assert_eq!(checkpoints.numbered().unwrap().len(), 3);
            let again = folder(dir.path(), 1, packing);
            let (name, content) = again.find().unwrap().newest.unwrap();
            assert_eq!((name.as_str(), content), ("dyne-00000004.checkpoint", vec![4; 1000]));
            again.clear();
            assert!(!dir.path().join("c").exists());
        }
    }

    #[test]
    fn a_folder_comes_with_its_first_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let options = || CheckpointOptions {
            dir: dir.path().join("later"),
            keep: 3,
            packing: Packing::Plain,
        };
        let mut later = CheckpointFolder::at(options(), [1; 32]).unwrap();
        assert_eq!(later.find().unwrap(), Found::default());
        assert!(!dir.path().join("later").exists());
        later.save(&[&[1]]).unwrap();
        fs::write(dir.path().join("later/dyne-00000001.part"), b"cut short").unwrap();
        let again = CheckpointFolder::at(options(), [1; 32]).unwrap();
        assert_eq!(again.find().unwrap().newest.unwrap().1, [1]);
        again.clear();
        assert!(!dir.path().join("later").exists());
    }

    #[test]
    fn large_content_comes_back_through_several_blocks() {
        for packing in [Packing::Compressed, Packing::Plain] {
            let dir = tempfile::tempdir().unwrap();
            let mut checkpoints = folder(dir.path(), 1, packing);
            let content: Vec<u8> = (0..3 * PACKED_TOGETHER + 17).map(|k| (k * k) as u8).collect();
            let (one, other) = content.split_at(PACKED_TOGETHER + 5);
            checkpoints.save(&[one, other]).unwrap();
            assert_eq!(checkpoints.find().unwrap().newest.unwrap().1, content);
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name_and_the_one_before_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let mut checkpoints = folder(dir.path(), 1, Packing::Compressed);
        for k in 0..3u8 {
            checkpoints.save(&[&[k; 100]]).unwrap();
        }
        let newest = dir.path().join("c/dyne-00000002.checkpoint");
        let bytes = fs::read(&newest).unwrap();
        let mut versioned = bytes.clone();
        versioned[8] = 9;
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for (damaged, reason) in [
            (&bytes[..bytes.len() - 1], "torn"),
            (&bytes[..20], "torn"),
            (&flipped[..], "torn"),
            (&versioned[..], "version 9"),
            (b"something else", "no checkpoint"),
        ] {
            fs::write(&newest, damaged).unwrap();
            let found = checkpoints.find().unwrap();
            assert_eq!(found.newest.unwrap().1, vec![1; 100]);
            let [refusal] = &found.refusals[..] else { panic!("one refusal") };
            assert!(refusal.contains("dyne-00000002") && refusal.contains(reason), "{refusal}");
        }
        let other = folder(dir.path(), 2, Packing::Compressed);
        let found = other.find().unwrap();
        assert!(found.newest.is_none() && found.refusals.len() == 3);
        assert!(found.refusals[1].contains("another fit"));
        other.clear();
        assert_eq!(checkpoints.numbered().unwrap().len(), 3);
    }
}
