//! What servers and workers say to each other.

use aef_core::ids::{ExecutionId, WorkerId};
use aef_core::live::{Frame, LiveErrorKind, LiveInput};
use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// The largest message of a server, in bytes: 64 KiB of text, and its JSON.
pub(super) const MAX_ASKED: usize = 512 * 1024;

/// The largest message of a worker, in bytes: a picture.
pub(super) const MAX_TOLD: usize = 32 * 1024 * 1024;

/// What a server says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Asked {
    /// Begins.
    Open(Opening),
    /// Proves that it knows the secret.
    Proof { proof: String },
    /// Wants the next frame.
    Next {},
    /// Mouse or keyboard.
    Input { input: LiveInput },
}

/// What a server wants to see.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    /// The worker that it looks for.
    pub(super) worker: WorkerId,
    /// The execution.
    pub(super) execution: ExecutionId,
    /// What of it.
    pub(super) view: View,
    /// A number used once.
    pub(super) nonce: String,
}

/// What of an execution is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum View {
    /// Pictures.
    Frames,
    /// Mouse and keyboard.
    Control,
}

/// What a worker says, beside frames.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Told {
    /// Proves that it knows the secret, and asks for the same.
    Challenge { nonce: String, proof: String },
    /// What was wanted is there.
    Ready {},
    /// An input is on its way.
    Taken {},
    /// What was asked for is not done.
    Refused { kind: LiveErrorKind, message: String },
}

/// What is told of a frame beside its picture.
#[derive(Debug, Serialize, Deserialize)]
struct Caption {
    number: u64,
    width: f64,
    height: f64,
    tab: String,
    url: String,
}

/// A frame as one message: the length of what stands beside the picture, that as JSON, the picture.
pub(super) fn pack(frame: Frame) -> Bytes {
    let Frame { number, image, width, height, tab, url } = frame;
    let caption = serde_json::to_vec(&Caption { number, width, height, tab, url });
    let caption = caption.expect("a caption is plain data");
    let length = u32::try_from(caption.len()).expect("an address is not that long");
    let mut packed = BytesMut::with_capacity(4 + caption.len() + image.len());
    packed.put_u32(length);
    packed.put_slice(&caption);
    packed.put_slice(&image);
    packed.freeze()
}

/// The frame in a message; `None` where it holds none.
pub(super) fn unpack(packed: &Bytes) -> Option<Frame> {
    let (length, _) = packed.split_first_chunk::<4>()?;
    let end = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(4)?;
    let Caption { number, width, height, tab, url } = serde_json::from_slice(packed.get(4..end)?).ok()?;
    Some(Frame { number, image: packed.slice(end..), width, height, tab, url })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let image = Bytes::from_static(b"\xff\xd8 a picture");
        let (tab, url) = ("t1".to_owned(), "https://crm.test/ü".to_owned());
        Frame { number: 7, image, width: 1280.5, height: 720.0, tab, url }
    }

    #[test]
    fn a_frame_comes_out_as_it_was_put_in() {
        assert_eq!(unpack(&pack(frame())), Some(frame()));
        let bare = Frame { image: Bytes::new(), ..frame() };
        assert_eq!(unpack(&pack(bare.clone())), Some(bare));
    }

    #[test]
    fn what_holds_no_frame_is_none() {
        let packed = pack(frame());
        for cut in [0, 3, 4, 20] {
            assert_eq!(unpack(&packed.slice(..cut)), None, "{cut} bytes");
        }
        assert_eq!(unpack(&Bytes::from_static(&[0xff; 64])), None);
        assert_eq!(unpack(&Bytes::from_static(&[0, 0, 0, 2, b'{', b'}'])), None);
    }
}
