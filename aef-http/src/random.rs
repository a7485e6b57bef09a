//! Random bytes of the system.

use std::fmt::Write as _;

/// The system gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct RandomError(#[source] getrandom::Error);

/// So many random bytes.
///
/// # Errors
/// Where the system gives none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(RandomError)?;
    Ok(bytes)
}

/// So many random bytes in hexadecimal.
///
/// # Errors
/// Where the system gives none.
pub(crate) fn hex<const N: usize>() -> Result<String, RandomError> {
    let mut text = String::with_capacity(2 * N);
    for byte in bytes::<N>()? {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    Ok(text)
}
