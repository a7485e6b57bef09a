//! Events of a batch as one value, for stores that keep a batch in one row.

use bytes::Bytes;

/// A batch of events that does not end where its lengths say: the row is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch of events ends too early")]
pub struct Truncated;

/// Events behind each other, each behind its length in four bytes, the lowest first.
///
/// # Panics
/// Where an event has 4 GiB or more; values are bounded far below that.
#[must_use]
pub fn pack_events(events: &[Bytes]) -> Vec<u8> {
    let size = events.iter().map(|event| event.len() + size_of::<u32>()).sum();
    let mut packed = Vec::with_capacity(size);
    for event in events {
        let length = u32::try_from(event.len()).expect("an event is far below 4 GiB: values are bounded");
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(event);
    }
    packed
}

/// The events that [`pack_events`] packed, without copying them.
///
/// # Errors
/// [`Truncated`] where the value was cut.
pub fn unpack_events(packed: Vec<u8>) -> Result<Vec<Bytes>, Truncated> {
    let mut rest = Bytes::from(packed);
    let mut events = Vec::new();
    while !rest.is_empty() {
        let (length, _) = rest.split_first_chunk::<4>().ok_or(Truncated)?;
        let length = u32::from_le_bytes(*length) as usize;
        let _ = rest.split_to(size_of::<u32>());
        if rest.len() < length {
            return Err(Truncated);
        }
        events.push(rest.split_to(length));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back() {
        let events =
            vec![Bytes::from_static(b"{}"), Bytes::new(), Bytes::from_static("\u{1F600}\0".as_bytes())];
        assert_eq!(unpack_events(pack_events(&events)), Ok(events));
        assert_eq!(unpack_events(pack_events(&[])), Ok(Vec::new()));
    }

    #[test]
    fn a_batch_that_was_cut_is_told() {
        let packed = pack_events(&[Bytes::from_static(b"0123456789")]);
        for length in 1..packed.len() {
            assert_eq!(unpack_events(packed[..length].to_vec()), Err(Truncated), "{length} bytes");
        }
    }
}
