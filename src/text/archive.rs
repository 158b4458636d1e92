//! The form of the archive that a project keeps of what was rendered: no owner and no time, so that
//! it is the same bytes wherever it is written. The build script uses this file as well, and
//! compresses what is only copied when the program is built.

use std::io::{self, Write};

use tar::{Builder, Header};

/// What the headers of all files have in common.
#[must_use]
pub fn header() -> Header {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Appends a file; `header` is what all of them have in common.
///
/// # Errors
/// Those of what is written to.
pub fn append(
    archive: &mut Builder<impl Write>,
    header: &Header,
    path: &str,
    bytes: &[u8],
    executable: bool,
) -> io::Result<()> {
    let mut header = header.clone();
    header.set_size(bytes.len() as u64);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    archive.append_data(&mut header, path, bytes)
}
