//! Files that hold secrets: written atomically, and readable only by their owner.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::exit::{Failure, Result};

/// A file to write. An existing file is replaced.
pub(crate) struct PrivateFile {
    /// The path as given, for messages.
    name: PathBuf,
    place: Place,
}

enum Place {
    /// A regular file, replaced by renaming another one.
    File(PathBuf),
    /// A pipe or a device, which is opened and written to.
    Special(PathBuf),
}

impl PrivateFile {
    /// Checks that the file can be written, before there is something to lose.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let file = PrivateFile { name: path.to_path_buf(), place: place(path).map_err(|error| cannot(path, &error))? };
        if let Place::File(target) = &file.place {
            let trial = beside(target);
            create(&trial).and_then(|_| fs::remove_file(&trial)).map_err(|error| cannot(path, &error))?;
        }
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.name
    }

    pub(crate) fn write(&self, content: &str) -> Result<()> {
        match &self.place {
            Place::File(target) => replace(target, content),
            Place::Special(path) => {
                OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(content.as_bytes()))
            }
        }
        .map_err(|error| cannot(&self.name, &error))
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::io(format!("cannot write {}", path.display()), error)
}

fn place(path: &Path) -> io::Result<Place> {
    match fs::metadata(path) {
        Ok(data) if data.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        // The target of a link: the link itself stays.
        Ok(data) if data.is_file() => Ok(Place::File(fs::canonicalize(path)?)),
        Ok(_) => Ok(Place::Special(path.to_path_buf())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::File(path.to_path_buf())),
        Err(error) => Err(error),
    }
}

fn replace(target: &Path, content: &str) -> io::Result<()> {
    let new = beside(target);
    let written = create(&new)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, target));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Returns an unused name in the same directory.
fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
