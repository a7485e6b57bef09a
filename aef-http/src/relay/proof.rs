//! How both ends show that they know the secret, without saying it.

use std::fmt::Write as _;

use aef_core::secrets::{ExposeSecret as _, SecretString};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::wire::Opening;
use crate::random::{self, RandomError};

/// Who proves it: what one end has said is no proof of the other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Worker,
    Server,
}

/// A number used once.
///
/// # Errors
/// Where the system gives no random bytes.
pub(super) fn nonce() -> Result<String, RandomError> {
    random::hex::<32>()
}

/// What shows that one end knows the secret: good for this connection, and for what is wanted of it, alone.
pub(super) fn proof(secret: &SecretString, side: Side, opening: &Opening, challenge: &str) -> String {
    let side = match side {
        Side::Worker => "worker",
        Side::Server => "server",
    };
    let said = serde_json::to_vec(&("aef live view 1", side, opening, challenge));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(&said.expect("an opening is plain data"));
    let mut text = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// Whether what was given is the proof that is expected; compared in constant time.
pub(super) fn holds(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use aef_core::ids::{ExecutionId, WorkerId};

    use super::super::wire::View;
    use super::*;

    #[test]
    fn a_proof_is_good_for_one_side_of_one_connection() {
        let secret = SecretString::from("the services of the host share this".to_owned());
        let opening = Opening {
            worker: WorkerId::from("one"),
            execution: ExecutionId::generate(),
            view: View::Frames,
            nonce: nonce().unwrap(),
        };
        let good = proof(&secret, Side::Server, &opening, "a challenge");
        assert!(holds(&good, &proof(&secret, Side::Server, &opening, "a challenge")));
        let others = [
            proof(&SecretString::from("another".to_owned()), Side::Server, &opening, "a challenge"),
            proof(&secret, Side::Worker, &opening, "a challenge"),
            proof(&secret, Side::Server, &opening, "another challenge"),
            proof(&secret, Side::Server, &Opening { view: View::Control, ..opening.clone() }, "a challenge"),
            proof(&secret, Side::Server, &Opening { worker: "two".into(), ..opening.clone() }, "a challenge"),
            proof(&secret, Side::Server, &Opening { nonce: nonce().unwrap(), ..opening }, "a challenge"),
            String::new(),
        ];
        for other in others {
            assert!(!holds(&good, &other));
        }
    }
}
