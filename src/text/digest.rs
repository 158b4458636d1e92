//! Digests as they stand in `scaffold.lock`. The build script uses this file as well, so that the
//! program need not read all of the embedded pack to know its digest.

use sha2::{Digest, Sha256};

/// `sha256:` over paths and contents, in the order given.
pub fn of_files<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = Sha256::new();
    for (path, bytes) in files {
        hasher.update(path.len().to_le_bytes());
        hasher.update(path);
        hasher.update(bytes.len().to_le_bytes());
        hasher.update(bytes);
    }
    format!("sha256:{}", hex(&hasher.finalize()))
}

/// `sha256:` of some bytes.
#[must_use]
pub fn of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
