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

    /// Takes `count` sent bytes off the front. Returns how many frames that finished.
    fn advance(&mut self, count: usize) -> usize {
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

    /// Takes everything as one HTTP body (Engine.IO protocol, "HTTP long-polling").
    pub(crate) fn take_payload(&mut self) -> (usize, Vec<u8>) {
        let mut body = Vec::new();
        let frames = std::mem::take(&mut self.frames);
        for frame in &frames {
            let packet = frame.polling();
            if packet.is_empty() {
                continue;
            }
            if !body.is_empty() {
                body.push(crate::protocol::payload::SEPARATOR);
            }
            body.extend_from_slice(packet);
        }
        self.bytes = 0;
        self.sent = 0;
        (frames.len(), body)
    }
}
