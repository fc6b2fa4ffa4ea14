//! Versions.

use std::ffi::c_char;

/// The version of this interface that the header describes. It is the number in the library's soname, and grows when a
/// program that was built before could no longer run.
pub const AMQ_ABI_VERSION: u32 = 1;

/// Returns the version of the library, such as "0.1.0". Valid for ever, and followed by a NUL.
#[unsafe(no_mangle)]
pub extern "C" fn amq_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the AMQ_ABI_VERSION of the library that is loaded.
#[unsafe(no_mangle)]
pub extern "C" fn amq_abi_version() -> u32 {
    AMQ_ABI_VERSION
}

#[cfg(test)]
mod tests {
    use super::AMQ_ABI_VERSION;

    #[test]
    fn the_soname_has_the_number_of_the_interface() {
        let manifest = include_str!("../Cargo.toml");
        let library = manifest.split("[package.metadata.capi.library]").nth(1).unwrap();
        let version = library.lines().find_map(|line| line.strip_prefix("version = ")).unwrap();
        assert!(version.starts_with(&format!("\"{AMQ_ABI_VERSION}.")), "{version}");
    }
}
