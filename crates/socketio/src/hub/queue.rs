//! What waits to be sent to one session.

use crate::frame::Frame;
use smallvec::SmallVec;
use std::io::{self, IoSlice, Write};

/// How many frames go into one write.
const BATCH: usize = 64;

/// Frames that wait to be sent. Holds no memory of its own while it is empty or short.
#[derive(Default)]
pub(crate) struct OutQueue {
    frames: SmallVec<[Frame; 4]>,
    /// How much of the first frame has been sent already.
    sent: usize,
    bytes: usize,
}

impl OutQueue {
    pub(crate) fn push(&mut self, frame: Frame) {
        self.bytes += frame.size();
        self.frames.push(frame);
    }

    /// Unsent bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes as much as `to` takes: the number of frames finished and of bytes written. An
    /// error other than `WouldBlock` ends the session. `Ok` with a queue that is not empty means
    /// that `to` takes no more for now.
    pub(crate) fn write_to(&mut self, to: &mut impl Write) -> io::Result<(usize, usize)> {
        let (mut finished, mut written) = (0, 0);
        while !self.frames.is_empty() {
            let result = self.write_once(to);
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    written += count;
                    finished += self.advance(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((finished, written))
    }

    fn write_once(&self, to: &mut impl Write) -> io::Result<usize> {
        if let [frame] = self.frames.as_slice() {
            return to.write(&frame.websocket()[self.sent..]);
        }
        let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
        for frame in self.frames.iter().take(BATCH) {
            let skip = if slices.is_empty() { self.sent } else { 0 };
            slices.push(IoSlice::new(&frame.websocket()[skip..]));
        }
        to.write_vectored(&slices)
    }

    /// What waits, and how much of the first frame has been sent already.
    pub(crate) fn waiting(&self) -> (&[Frame], usize) {
        (&self.frames, self.sent)
    }

    /// Takes `count` sent bytes off the front. Returns how many frames that finished.
    pub(crate) fn advance(&mut self, count: usize) -> usize {
        self.bytes -= count;
        self.sent += count;
        let mut finished = 0;
        while let Some(frame) = self.frames.get(finished)
            && self.sent >= frame.size()
        {
            self.sent -= frame.size();
            finished += 1;
        }
        if finished == self.frames.len() {
            self.frames = SmallVec::new();
        } else {
            self.frames.drain(..finished);
        }
        finished
    }

    /// Takes what fits into one HTTP body of at most `max` packets (Engine.IO protocol, "HTTP
    /// long-polling"). Returns how many frames that are, and the body.
    pub(crate) fn take_payload(&mut self, max: usize) -> (usize, Vec<u8>) {
        let mut body = Vec::new();
        let (mut taken, mut packets) = (0, 0);
        for frame in &self.frames {
            packets += frame.packets();
            if taken > 0 && packets > max {
                break;
            }
            taken += 1;
            self.bytes -= frame.size();
            let packet = frame.polling();
            if packet.is_empty() {
                continue;
            }
            if !body.is_empty() {
                body.push(crate::protocol::payload::SEPARATOR);
            }
            body.extend_from_slice(packet);
        }
        if taken == self.frames.len() {
            self.frames = SmallVec::new();
        } else {
            self.frames.drain(..taken);
        }
        (taken, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A connection that takes so many bytes at each write.
    struct Picky(Vec<usize>, Vec<u8>);

    impl Write for Picky {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.pop() {
                None => Err(io::ErrorKind::WouldBlock.into()),
                Some(some) => {
                    let count = some.clamp(1, bytes.len());
                    self.1.extend_from_slice(&bytes[..count]);
                    Ok(count)
                }
            }
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.write(&all)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn bytes_go_out_in_order_however_little_is_taken(
            sizes in proptest::collection::vec(0..300usize, 1..150),
            takes in proptest::collection::vec(1..2_000usize, 0..50),
        ) {
            let mut queue = OutQueue::default();
            let mut all = Vec::new();
            for (i, size) in sizes.iter().enumerate() {
                let frame = Frame::engine_binary(&vec![i as u8; *size]);
                all.extend_from_slice(frame.websocket());
                queue.push(frame);
            }
            let mut to = Picky(takes, Vec::new());
            let (finished, written) = queue.write_to(&mut to).unwrap();
            prop_assert_eq!(written, to.1.len());
            prop_assert_eq!(queue.bytes(), all.len() - written);
            prop_assert_eq!(finished == sizes.len(), queue.is_empty());
            to.0 = vec![usize::MAX; 1_000];
            queue.write_to(&mut to).unwrap();
            prop_assert!(queue.is_empty());
            prop_assert_eq!(to.1, all);
        }
    }

    #[test]
    fn a_body_takes_so_many_packets() {
        let mut queue = OutQueue::default();
        for text in ["4a", "4b", "4c"] {
            queue.push(Frame::engine_text(text.as_bytes()));
        }
        assert_eq!(queue.take_payload(2), (2, b"4a\x1e4b".to_vec()));
        assert_eq!(queue.take_payload(2), (1, b"4c".to_vec()));
        assert_eq!(queue.bytes(), 0);
    }
}
