//! Sealing what rests: XChaCha20-Poly1305 with a random nonce each, bound to what it belongs to; data keys wrapped by a
//! ring of key-encryption keys, so that those can be changed without touching the data.

mod keyring;

pub use keyring::{Keyring, Tally, Walk};

use crate::random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The first byte of what [`DataKey::seal`] writes.
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// What was sealed cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Wrong key, wrong place, or changed bytes.
    #[error("sealed data does not open: it was changed, moved, or sealed with another key")]
    Refused,
    #[error("sealed with key {0}, which is not in the ring: put it back into the file that OO_KEYS__FILE names")]
    UnknownKey(String),
}

/// A key for one record or one person.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl DataKey {
    /// A new random key.
    pub fn random() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    /// Seals `plain`, bound to `belongs` (its place: stream and log, or user and account).
    pub fn seal(&self, belongs: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = random::bytes();
        let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + 16);
        sealed.push(VERSION);
        sealed.extend(nonce);
        let payload = Payload { msg: plain, aad: belongs.as_bytes() };
        // Fails only for messages of 256 GiB.
        sealed.extend(self.cipher().encrypt(&XNonce::from(nonce), payload).expect("a message far below 256 GiB"));
        sealed
    }

    /// Opens what [`DataKey::seal`] sealed for the same place.
    pub fn open(&self, belongs: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&version, rest) = sealed.split_first().ok_or(OpenError::Refused)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(OpenError::Refused)?;
        if version != VERSION {
            return Err(OpenError::Refused);
        }
        let payload = Payload { msg: body, aad: belongs.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| OpenError::Refused)
    }

    /// Bytes that follow from the key and `about`, and that nobody without the key can tell from chance.
    pub fn derive(&self, about: &str) -> [u8; 32] {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        // Both parts of fixed length or last, so this is no length-extension question: the output is never a key for others.
        hash.update(b"oo/derive/v1");
        hash.update(self.0.as_slice());
        hash.update(about.as_bytes());
        hash.finalize().into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.as_slice().try_into().expect("32 bytes"))
    }
}

/// A data key as it may rest: sealed with a key of the ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// Which key of the ring.
    pub kek: String,
    /// Base64.
    pub key: String,
}

/// A record sealed with a key of its own, which is wrapped by the ring.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    pub v: u8,
    pub key: Wrapped,
    /// Base64.
    pub body: String,
}

impl Envelope {
    /// Seals a record, bound to `belongs`.
    pub fn seal(ring: &Keyring, belongs: &str, plain: &[u8]) -> Self {
        let key = DataKey::random();
        Self { v: 1, key: ring.wrap(belongs, &key), body: BASE64.encode(key.seal(belongs, plain)) }
    }

    /// Opens it for the same place.
    pub fn open(&self, ring: &Keyring, belongs: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let body = BASE64.decode(&self.body).map_err(|_| OpenError::Refused)?;
        ring.unwrap(belongs, &self.key)?.open(belongs, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: &[&str]) -> String {
        ids.iter().map(|id| Keyring::new_line(id).to_string()).collect()
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let ring = Keyring::parse(&ring(&["a"])).unwrap();
        let sealed = Envelope::seal(&ring, "vault|ada|todoist", b"token");
        assert_eq!(sealed.open(&ring, "vault|ada|todoist").unwrap().as_slice(), b"token");
        assert_eq!(sealed.open(&ring, "vault|eve|todoist").unwrap_err(), OpenError::Refused);
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let key = DataKey::random();
        let mut sealed = key.seal("here", b"words");
        assert_eq!(key.open("here", &sealed).unwrap().as_slice(), b"words");
        for at in 0..sealed.len() {
            sealed[at] ^= 1;
            assert!(key.open("here", &sealed).is_err(), "byte {at}");
            sealed[at] ^= 1;
        }
    }

    #[test]
    fn an_old_key_opens_until_it_leaves_the_ring() {
        let old = ring(&["old"]);
        let sealed = Envelope::seal(&Keyring::parse(&old).unwrap(), "x", b"y");
        let both = Keyring::parse(&(ring(&["new"]) + &old)).unwrap();
        assert_eq!(sealed.open(&both, "x").unwrap().as_slice(), b"y");
        assert!(both.is_old(&sealed.key));
        let new = Keyring::parse(&ring(&["new"])).unwrap();
        assert_eq!(sealed.open(&new, "x").unwrap_err(), OpenError::UnknownKey("old".into()));
    }

    #[test]
    fn a_ring_with_a_short_key_is_refused() {
        assert!(Keyring::parse("a c2hvcnQ=").is_err());
        assert!(Keyring::parse("").is_err());
    }

    #[test]
    fn keys_print_nothing() {
        let ring = Keyring::parse(&ring(&["a"])).unwrap();
        assert_eq!(format!("{ring:?} {:?}", DataKey::random()), r#"["a"] DataKey(..)"#);
    }
}
