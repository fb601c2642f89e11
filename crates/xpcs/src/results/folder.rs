//! The folder of results: files are written in a hidden folder first and moved when all are
//! whole.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why results could not be written.
#[derive(Debug, Error)]
#[error("writing {}: {reason}, expected a folder that can be written\nchoose another folder, or free some space; an earlier result there is untouched", path.display())]
pub struct ResultsError {
    /// File or folder.
    pub path: PathBuf,
    /// What the system says.
    pub reason: String,
}

/// Name of the folder inside the hidden one that takes what is replaced.
const EARLIER: &str = ".earlier";

/// What becomes of results of an earlier run in the same folder that the present one does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier<'a> {
    /// They stay; of folders that both write, the files of both are there.
    Keep,
    /// Files and folders of these names go.
    Remove(&'a [&'a str]),
}

/// A folder of results in the making. Dropped before [`ResultFolder::publish`] it leaves
/// nothing behind.
#[derive(Debug)]
pub struct ResultFolder {
    target: PathBuf,
    staging: PathBuf,
    /// Folders made on the way to the target, innermost first.
    made: Vec<PathBuf>,
}

impl ResultFolder {
    /// Makes a hidden folder, which shows at once whether one can write there: inside `target`
    /// where that exists, since it may be a link to another disk, else beside it.
    ///
    /// # Errors
    /// [`ResultsError`] where the folder cannot be made.
    pub fn create(target: &Path) -> Result<Self, ResultsError> {
        let fail = |reason: String| ResultsError { path: target.to_owned(), reason };
        let id = std::process::id();
        let mut folder =
            Self { target: target.to_owned(), staging: PathBuf::new(), made: Vec::new() };
        if target.is_dir() {
            folder.staging = target.join(format!(".partial.{id}"));
        } else if target.symlink_metadata().is_ok() {
            return Err(fail("found something that is not a folder".to_owned()));
        } else {
            let name = target.file_name().ok_or_else(|| fail("found no name".to_owned()))?;
            let parent = target.parent().unwrap_or(Path::new(""));
            let missing = parent.ancestors().take_while(|p| !p.as_os_str().is_empty());
            folder.made = missing.take_while(|p| !p.exists()).map(Path::to_owned).collect();
            folder.staging = parent.join(format!(".{}.{id}", name.to_string_lossy()));
        }
        fs::create_dir_all(&folder.staging).map_err(|e| fail(e.to_string()))?;
        Ok(folder)
    }

    /// The hidden folder.
    pub fn hidden(&self) -> &Path {
        &self.staging
    }

    /// Writes a file of this name; it may stand in one folder below.
    ///
    /// # Errors
    /// [`ResultsError`] with the file.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), ResultsError> {
        let path = self.staged(name)?;
        fs::write(&path, contents).map_err(|e| self.error(name, &e))
    }

    /// Where a file of this name is to be written by somebody else.
    ///
    /// # Errors
    /// [`ResultsError`] where its folder cannot be made.
    pub fn staged(&self, name: &str) -> Result<PathBuf, ResultsError> {
        let path = self.staging.join(name);
        let folder = path.parent().unwrap_or(&self.staging);
        fs::create_dir_all(folder).map_err(|e| self.error(name, &e))?;
        Ok(path)
    }

    fn error(&self, name: &str, reason: &dyn std::fmt::Display) -> ResultsError {
        ResultsError { path: self.target.join(name), reason: reason.to_string() }
    }

    /// Moves everything to the target. Files and folders of the same name are replaced whole, what
    /// `earlier` says of the others is done, all of it or, where something cannot be, nothing. Files that
    /// nobody names stay.
    ///
    /// # Errors
    /// [`ResultsError`] where something cannot be moved.
    pub fn publish(mut self, earlier: Earlier<'_>) -> Result<(), ResultsError> {
        let fail = |e: io::Error| ResultsError { path: self.target.clone(), reason: e.to_string() };
        if self.target.exists() {
            let entries = fs::read_dir(&self.staging).map_err(fail)?;
            let names = entries.map(|e| Ok(e?.file_name())).collect::<io::Result<Vec<_>>>();
            let mut names = names.map_err(fail)?;
            match earlier {
                Earlier::Keep => {
                    names.iter().try_for_each(|n| self.add_earlier(n)).map_err(fail)?
                }
                Earlier::Remove(files) => {
                    let there = |name: &OsString| self.target.join(name).symlink_metadata().is_ok();
                    let files = files.iter().map(OsString::from);
                    let gone: Vec<OsString> =
                        files.filter(|name| !names.contains(name) && there(name)).collect();
                    names.extend(gone);
                }
            }
            self.exchange(&names).map_err(fail)?;
        } else {
            fs::rename(&self.staging, &self.target).map_err(fail)?;
        }
        self.made.clear();
        Ok(())
    }

    /// Copies what the folder `name` of the target holds and the staged one does not.
    fn add_earlier(&self, name: &OsString) -> io::Result<()> {
        let (there, here) = (self.target.join(name), self.staging.join(name));
        if !(there.is_dir() && here.is_dir()) {
            return Ok(());
        }
        for entry in fs::read_dir(there)? {
            let entry = entry?;
            let to = here.join(entry.file_name());
            if entry.file_type()?.is_file() && !to.exists() {
                fs::copy(entry.path(), to)?;
            }
        }
        Ok(())
    }

    /// Exchanges the staged entries of these names with those of the target; on a failure the
    /// ones already exchanged go back.
    fn exchange(&self, names: &[OsString]) -> io::Result<()> {
        fs::create_dir(self.staging.join(EARLIER))?;
        for (count, name) in names.iter().enumerate() {
            if let Err(error) = self.replace(name) {
                names[..count].iter().rev().try_for_each(|name| self.restore(name))?;
                return Err(error);
            }
        }
        Ok(())
    }

    fn replace(&self, name: &OsString) -> io::Result<()> {
        let (to, earlier) = (self.target.join(name), self.staging.join(EARLIER).join(name));
        if to.symlink_metadata().is_ok() {
            fs::rename(&to, &earlier)?;
        }
        if self.staging.join(name).symlink_metadata().is_err() {
            // Nothing takes the place of what went.
            return if earlier.symlink_metadata().is_ok() { Ok(()) } else { Err(absent(name)) };
        }
        fs::rename(self.staging.join(name), &to).or_else(|error| {
            if earlier.symlink_metadata().is_ok() {
                fs::rename(&earlier, &to)?;
            }
            Err(error)
        })
    }

    fn restore(&self, name: &OsString) -> io::Result<()> {
        let (to, earlier) = (self.target.join(name), self.staging.join(EARLIER).join(name));
        if to.symlink_metadata().is_ok() {
            fs::rename(&to, self.staging.join(name))?;
        }
        if earlier.symlink_metadata().is_ok() { fs::rename(&earlier, &to) } else { Ok(()) }
    }
}

fn absent(name: &OsString) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_string_lossy().into_owned())
}

impl Drop for ResultFolder {
    fn drop(&mut self) {
        // Nothing can be done about a folder that cannot be removed, and after a rename there
        // is none. Folders in which somebody else has put something stay.
        let _ = fs::remove_dir_all(&self.staging);
        for folder in &self.made {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn results_appear_whole_and_keep_other_files() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("a/b");
        for content in ["one", "two"] {
            let folder = ResultFolder::create(&target).unwrap();
            folder.write("result.json", content.as_bytes()).unwrap();
            folder.write(&format!("pictures/{content}.png"), b"").unwrap();
            folder.publish(Earlier::Remove(&["pictures"])).unwrap();
            fs::write(target.join("notes"), "mine").unwrap();
        }
        assert_eq!(fs::read_to_string(target.join("result.json")).unwrap(), "two");
        assert_eq!(names(&target), ["notes", "pictures", "result.json"]);
        assert_eq!(names(&target.join("pictures")), ["two.png"]);
        assert_eq!(names(&home.path().join("a")), ["b"]);
    }

    #[test]
    fn two_runs_are_not_mixed_unless_they_belong_together() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        let run = |file: &str, picture: &str, earlier: Earlier<'_>| {
            let folder = ResultFolder::create(&target).unwrap();
            folder.write(file, b"").unwrap();
            folder.write(&format!("pictures/{picture}"), b"").unwrap();
            folder.publish(earlier).unwrap();
        };
        let ours = ["a.txt", "b.txt", "pictures"];
        run("a.txt", "a.png", Earlier::Remove(&ours));
        run("b.txt", "b.png", Earlier::Keep);
        assert_eq!(names(&target), ["a.txt", "b.txt", "pictures"]);
        assert_eq!(names(&target.join("pictures")), ["a.png", "b.png"]);
        run("b.txt", "c.png", Earlier::Remove(&ours));
        assert_eq!(names(&target), ["b.txt", "pictures"]);
        assert_eq!(names(&target.join("pictures")), ["c.png"]);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let folder = ResultFolder::create(&home.path().join("a/b/c")).unwrap();
        folder.write("result.json", b"{}").unwrap();
        drop(folder);
        assert!(names(home.path()).is_empty());
        drop(ResultFolder::create(home.path()).unwrap());
        assert!(names(home.path()).is_empty());
    }

    #[test]
    fn a_failure_on_the_way_takes_everything_back() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("result.json"), "earlier").unwrap();
        let folder = ResultFolder::create(home.path()).unwrap();
        folder.write("result.json", b"{}").unwrap();
        folder.write("report.txt", b"text").unwrap();
        let list = ["result.json", "report.txt", "absent"].map(OsString::from);
        assert!(folder.exchange(&list).is_err());
        drop(folder);
        assert_eq!(names(home.path()), ["result.json"]);
        assert_eq!(fs::read_to_string(home.path().join("result.json")).unwrap(), "earlier");
    }
}
