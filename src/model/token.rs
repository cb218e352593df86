//! Bearer tokens: what a client shows, and the hash of it that the server keeps.
//!
//! A token is made by `tandem token` of 256 random bits, so that a plain SHA-256 is enough: nobody guesses their way to what
//! was hashed, however fast the hash.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// What all tokens begin with, so that one that got somewhere by mistake is found.
pub const PREFIX: &str = "tandem_";
/// The randomness of a token.
pub const RANDOM_BYTES: usize = 32;
/// How a hash is written.
const ALGORITHM: &str = "sha256:";
const HASH_BYTES: usize = 32;

/// A token of these random bytes.
pub fn write(random: &[u8; RANDOM_BYTES]) -> String {
    format!("{PREFIX}{}", hex(random))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the server knows of a token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash([u8; HASH_BYTES]);

impl TokenHash {
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(ALGORITHM)?.as_bytes();
        let mut hash = [0; HASH_BYTES];
        if digits.len() != 2 * HASH_BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }

    /// Takes the same time whatever differs.
    pub fn is(&self, other: &TokenHash) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", hex(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let token = write(&[0xa7; RANDOM_BYTES]);
        assert_eq!(token.len(), PREFIX.len() + 64);
        let hash = TokenHash::of(&token);
        assert_eq!(TokenHash::parse(&hash.to_string()), Some(hash.clone()));
        assert_eq!(TokenHash::parse(&hash.to_string().to_uppercase().replace("SHA256", "sha256")), Some(hash.clone()));
        assert!(bool::from(hash.is(&TokenHash::of(&token))) && !bool::from(hash.is(&TokenHash::of("tandem_"))));
        // echo -n abc | sha256sum
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenHash::of("abc").to_string(), known);
    }

    #[test]
    fn what_is_no_hash_is_none() {
        for bad in ["", "sha256:", "tandem_00", "sha256:00", &format!("sha256:{}", "g".repeat(64)), &"a".repeat(64)] {
            assert_eq!(TokenHash::parse(bad), None, "{bad}");
        }
        assert_eq!(TokenHash::parse(&format!("sha256:{}é", "a".repeat(62))), None);
    }
}
