//! Encryption of what is kept beside the journal: under a key of the host's, bound to what it belongs to.

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// How long a nonce of XChaCha20 is.
const NONCE: usize = 24;

/// The keys are others, the bytes were changed, or they belong to something else.
#[derive(Debug, thiserror::Error)]
#[error("none of the keys opens it")]
pub(super) struct Sealed;

/// Encrypts; only who names the same `bound` gets it back.
pub(super) fn seal(key: &[u8; 32], plain: &[u8], bound: &str) -> Result<Vec<u8>, Sealed> {
    let nonce = XNonce::generate();
    let payload = Payload { msg: plain, aad: bound.as_bytes() };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&nonce, payload).map_err(|_| Sealed)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Decrypts what [`seal`] gave, with whichever of the keys it was: which one is not written beside it, and a wrong one does
/// not fit the seal.
pub(super) fn open(keys: &[[u8; 32]], sealed: &[u8], bound: &str) -> Result<Vec<u8>, Sealed> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(Sealed)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| Sealed)?;
    let opened = |key: &[u8; 32]| {
        let payload = Payload { msg: sealed, aad: bound.as_bytes() };
        XChaCha20Poly1305::new(key.into()).decrypt(&nonce, payload).ok()
    };
    keys.iter().find_map(opened).ok_or(Sealed)
}
