//! Chance, for names and keys only: decisions get theirs as an argument.

use std::fmt::Write as _;

/// `N` bytes from the operating system.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The operating system's generator is there on every system that this runs on; without it nothing here is safe.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A token of 128 random bits, fit for a subject or an address.
pub fn token() -> String {
    hex(&bytes::<16>())
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
