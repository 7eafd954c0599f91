//! Capabilities that a program's file gives to whoever runs it: capabilities(7).

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Whether a file has capabilities. A copy of it has none, nor has a newer version in its place.
///
/// # Errors
///
/// What the system says of the path.
pub fn file_has_some(path: &Path) -> io::Result<bool> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: both texts end in a zero and outlive the call, which writes nothing: it is asked for
    // the length alone.
    let len = unsafe { libc::getxattr(path.as_ptr(), ATTRIBUTE.as_ptr(), ptr::null_mut(), 0) };
    if 0 < len {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        _ if len == 0 => Ok(false),
        Some(libc::ENODATA | libc::EOPNOTSUPP) => Ok(false),
        _ => Err(error),
    }
}

/// Where the kernel keeps them.
const ATTRIBUTE: &std::ffi::CStr = c"security.capability";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_file_has_none_and_a_missing_one_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!file_has_some(file.path()).unwrap());
        let folder = tempfile::tempdir().unwrap();
        assert!(file_has_some(&folder.path().join("none")).is_err());
    }
}
