//! The relay's sockets: on a Unix path, on a loopback address, or passed on by systemd.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

use crate::exit::{Failure, Result};
use crate::lang::phrase;

/// The mode of a socket's file: its owner and group may connect.
const MODE: u32 = 0o660;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Unix(PathBuf),
    Loopback(SocketAddr),
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    /// The file is removed at the end.
    Unix(UnixListener, Option<SocketFile>),
    Tcp(TcpListener, SocketAddr),
}

/// The file of a socket, removed when dropped, unless it is another's by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl Address {
    /// For `value_parser`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("it must be unix:PATH".to_string()),
                path => Ok(Address::Unix(PathBuf::from(path))),
            };
        }
        let address = match text.strip_prefix("localhost:") {
            Some(port) => port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            None => text.parse().ok(),
        };
        match address {
            Some(address) => loopback(address).map(Address::Loopback),
            None => Err("it must be unix:PATH, or a loopback address such as 127.0.0.1:8125".to_string()),
        }
    }
}

fn loopback(address: SocketAddr) -> Result<SocketAddr, String> {
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(format!("{address} is not a loopback address; the relay has no TLS and serves this machine only")),
    }
}

impl Listener {
    /// Returns the address for the user.
    pub(super) fn shown(&self) -> String {
        match self {
            Listener::Tcp(_, address) => format!("http://{address}"),
            Listener::Unix(_, Some(file)) => format!("unix:{}", file.path.display()),
            Listener::Unix(listener, None) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}, passed on by systemd", path.unwrap_or(Path::new("(removed)")).display())
            }
        }
    }
}

/// Opens all sockets, those of systemd first.
pub(super) fn open(addresses: &[Address], group: Option<&str>) -> Result<Vec<Listener>> {
    let group = group.map(group_id).transpose()?;
    let mut listeners = passed_on()?;
    for address in addresses {
        listeners.push(match address {
            Address::Unix(path) => unix(path, group)?,
            Address::Loopback(address) => {
                let failed = |error| Failure::io(format!("cannot listen on {address}"), &error);
                let listener = TcpListener::bind(address).map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                Listener::Tcp(listener, address)
            }
        });
    }
    if listeners.is_empty() {
        let message = "there is no address to listen on";
        return Err(Failure::usage(message).hint(phrase!("use --listen unix:PATH or --listen 127.0.0.1:PORT")));
    }
    Ok(listeners)
}

/// Takes the sockets that systemd passes on.
fn passed_on() -> Result<Vec<Listener>> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for place in 0..passed.len() {
        if let Ok(Some(listener)) = passed.take_unix_listener(place) {
            let address = listener.local_addr().map_err(|error| Failure::io("a socket cannot be used", &error))?;
            if address.as_pathname().is_none() {
                // Nothing decides who may connect to one in the abstract namespace.
                let failure =
                    Failure::usage("ListenStream= of the unit: a Unix socket without a path has no permissions");
                return Err(failure.hint(phrase!("use a path in /run, with SocketMode= and SocketGroup=")));
            }
            listeners.push(Listener::Unix(listener, None));
            continue;
        }
        let failed = |error| Failure::io(format!("socket {place} of systemd cannot be used"), &error);
        if let Some(listener) = passed.take_tcp_listener(place).map_err(failed)? {
            let address = listener.local_addr().map_err(failed)?;
            let address =
                loopback(address).map_err(|why| Failure::usage(format!("ListenStream= of the unit: {why}")))?;
            listeners.push(Listener::Tcp(listener, address));
        }
    }
    Ok(listeners)
}

fn unix(path: &Path, group: Option<u32>) -> Result<Listener> {
    let failed = |error: io::Error| {
        let failure = Failure::io(format!("cannot listen on {}", path.display()), &error);
        match error.kind() {
            io::ErrorKind::NotFound => failure.hint(phrase!("the directory of the socket has to exist")),
            _ => failure,
        }
    };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(Failure::usage(format!("{} exists and is not a socket", path.display())));
        }
        Ok(_) => match UnixStream::connect(path) {
            // Nobody listens any longer: the file of a run that was killed.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Ok(_) => {
                let message = format!("another process listens on {}", path.display());
                return Err(Failure::usage(message).hint(phrase!("end it, or choose another path")));
            }
            Err(error) => return Err(failed(error)),
        },
    }
    // Made in a directory of its own, so that nobody can connect before the permissions are set; the renaming replaces
    // the file of an earlier run.
    let mut directory = path.as_os_str().to_os_string();
    directory.push(format!(".{}", std::process::id()));
    let directory = PathBuf::from(directory);
    let _ = std::fs::remove_dir_all(&directory);
    let made = (|| {
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&directory)?;
        let inner = directory.join("s");
        let listener = UnixListener::bind(&inner)?;
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(MODE))?;
        if group.is_some() {
            std::os::unix::fs::chown(&inner, None, group)?;
        }
        let data = std::fs::metadata(&inner)?;
        std::fs::rename(&inner, path)?;
        Ok((listener, (data.dev(), data.ino())))
    })();
    let _ = std::fs::remove_dir_all(&directory);
    let (listener, inode) = made.map_err(failed)?;
    Ok(Listener::Unix(listener, Some(SocketFile { path: path.to_path_buf(), inode })))
}

fn group_id(group: &str) -> Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    match nix::unistd::Group::from_name(group) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(Failure::usage(format!("there is no group {group}"))),
        Err(error) => Err(Failure::io(format!("cannot look up the group {group}"), &error.into())),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|data| (data.dev(), data.ino()) == self.inode);
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unix_paths_and_loopback_addresses_are_accepted() {
        assert_eq!(Address::parse("unix:/run/x"), Ok(Address::Unix(PathBuf::from("/run/x"))));
        for good in ["127.0.0.1:0", "127.0.0.2:80", "[::1]:80", "localhost:80"] {
            assert!(matches!(Address::parse(good), Ok(Address::Loopback(_))), "{good}");
        }
        for bad in ["0.0.0.0:80", "[::]:80", "192.168.0.1:80", "unix:", "example.com:80", "80", "/run/x", ""] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
