//! Many writes by one call into the kernel (io_uring(7)), for large rooms.
//!
//! A write to a socket costs a change into the kernel and back besides the work itself. Here the
//! writes of a slice of a room are handed over together. None of them waits for anything
//! (`MSG_DONTWAIT`), and the call returns when all are done; nothing that they refer to is used
//! after it.
#![expect(unsafe_code, reason = "the kernel is given addresses: see `Ring::write`")]

use crate::frame::Frame;
use io_uring::{IoUring, Probe, opcode, squeue, types};
use std::io;
use std::os::fd::RawFd;

/// The most writes of one call.
pub(super) const WRITES: usize = 64;
/// The most frames of one connection that one write sends.
const FRAMES: usize = 16;
const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// The ring of one worker, which alone uses it.
pub(super) struct Ring {
    io: IoUring,
    /// Set when the ring failed: it must not be used again.
    pub(super) broken: bool,
    results: Vec<i32>,
    /// What writes of several frames refer to. Never grows past what it was made for, so that
    /// nothing in it moves while the kernel may look at it.
    headers: Vec<libc::msghdr>,
    slices: Vec<libc::iovec>,
}

// SAFETY: between two calls of `write` the addresses in `headers` and `slices` are not used, and
// with them cleared at its start they never are again.
unsafe impl Send for Ring {}

/// What waits to be sent to one connection: never empty.
pub(super) struct Waiting<'q> {
    pub(super) fd: RawFd,
    pub(super) frames: &'q [Frame],
    /// How much of the first frame has been sent already.
    pub(super) sent: usize,
}

impl Ring {
    /// A ring, or `None` where the kernel has none or does not let us have one.
    pub(super) fn new() -> Option<Self> {
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_coop_taskrun();
        let io: IoUring = builder.build(WRITES as u32).ok()?;
        let mut probe = Probe::new();
        io.submitter().register_probe(&mut probe).ok()?;
        let known = [opcode::Send::CODE, opcode::SendMsg::CODE];
        known.iter().all(|code| probe.is_supported(*code)).then(|| Self {
            io,
            broken: false,
            results: Vec::with_capacity(WRITES),
            headers: Vec::with_capacity(WRITES),
            slices: Vec::with_capacity(WRITES * FRAMES),
        })
    }

    /// Offers the kernel what waits for each of at most [`WRITES`] connections. Returns for each,
    /// in order, the number of bytes that it took, or a negative error number; `-EAGAIN` also
    /// where it was not asked.
    pub(super) fn write<'q>(
        &mut self,
        waiting: impl ExactSizeIterator<Item = Waiting<'q>>,
    ) -> &[i32] {
        self.results.clear();
        self.results.resize(waiting.len(), -libc::EAGAIN);
        self.headers.clear();
        self.slices.clear();
        let mut asked = 0;
        for (index, Waiting { fd, frames, sent }) in waiting.enumerate().take(WRITES) {
            let entry = match frames {
                [frame] => {
                    let bytes = &frame.websocket()[sent..];
                    opcode::Send::new(types::Fd(fd), bytes.as_ptr(), bytes.len() as u32)
                        .flags(FLAGS)
                        .build()
                }
                frames => self.send_several(fd, frames, sent),
            };
            // SAFETY: the frames are borrowed until this returns, headers and slices are not
            // touched before, and no write is under way by then: those that the kernel takes are
            // over when it has taken them, since they do not wait.
            let pushed = unsafe { self.io.submission().push(&entry.user_data(index as u64)) };
            asked += usize::from(pushed.is_ok());
        }
        while asked > 0 && !self.broken {
            match self.io.submit_and_wait(asked) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::warn!(%error, "io_uring failed; writes go on without it");
                    self.broken = true;
                }
            }
            for completion in self.io.completion() {
                if let Some(result) = self.results.get_mut(completion.user_data() as usize) {
                    *result = completion.result();
                }
                asked = asked.saturating_sub(1);
            }
        }
        &self.results
    }

    fn send_several(&mut self, fd: RawFd, frames: &[Frame], sent: usize) -> squeue::Entry {
        let first = self.slices.len();
        for (index, frame) in frames.iter().take(FRAMES).enumerate() {
            let bytes = &frame.websocket()[if index == 0 { sent } else { 0 }..];
            let base = bytes.as_ptr().cast_mut().cast();
            self.slices.push(libc::iovec { iov_base: base, iov_len: bytes.len() });
        }
        // SAFETY: a header of zeros is one that names nothing.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = self.slices[first..].as_mut_ptr();
        header.msg_iovlen = self.slices.len() - first;
        let index = self.headers.len();
        self.headers.push(header);
        let header = &raw const self.headers[index];
        opcode::SendMsg::new(types::Fd(fd), header).flags(FLAGS as u32).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn each_gets_its_own() {
        let Some(mut ring) = Ring::new() else { return };
        let frames: Vec<Frame> = (0..3).map(|n| Frame::engine_binary(&[n; 5])).collect();
        let pairs: Vec<_> = (0..WRITES).map(|_| UnixStream::pair().unwrap()).collect();
        for round in 0..3 {
            let waiting = pairs.iter().enumerate().map(|(index, (from, _))| Waiting {
                fd: from.as_raw_fd(),
                frames: &frames[..=(index % 3)],
                sent: round,
            });
            let results = ring.write(waiting).to_vec();
            for (index, (_, to)) in pairs.iter().enumerate() {
                let sent = &frames[..=(index % 3)];
                let all: Vec<u8> = sent.iter().flat_map(Frame::websocket).copied().collect();
                assert_eq!(results[index], (all.len() - round) as i32);
                let mut got = vec![0; all.len() - round];
                (&mut &*to).read_exact(&mut got).unwrap();
                assert_eq!(got, all[round..]);
            }
        }
    }

    #[test]
    fn a_full_connection_and_a_dead_one_say_so() {
        let Some(mut ring) = Ring::new() else { return };
        let large = [Frame::engine_binary(&vec![1; 4_000_000])];
        let (full, _kept) = UnixStream::pair().unwrap();
        let (dead, other) = UnixStream::pair().unwrap();
        drop(other);
        full.set_nonblocking(true).unwrap();
        let both = || {
            [&full, &dead]
                .map(|s| Waiting { fd: s.as_raw_fd(), frames: &large, sent: 0 })
                .into_iter()
        };
        assert!(ring.write(both())[0] > 0, "a part fits");
        let results = ring.write(both());
        assert_eq!(results, [-libc::EAGAIN, -libc::EPIPE]);
    }
}
