//! Many reads or writes by one call into the kernel (io_uring(7)).
//!
//! A read or write of a socket costs a change into the kernel and back besides the work itself.
//! Here those of many sockets are handed over together. None of them waits for anything
//! (`MSG_DONTWAIT`), and the call returns when all are done; nothing that they refer to is used
//! after it.
#![expect(unsafe_code, reason = "the kernel is given addresses: see `Ring::finish`")]

use crate::frame::Frame;
use io_uring::{IoUring, Probe, opcode, squeue, types};
use std::io;
use std::os::fd::RawFd;

/// The most reads or writes of one call.
pub(super) const CALLS: usize = 64;
/// From so many on, one call for all of them is cheaper than a call for each.
pub(super) const RING_FROM: usize = 8;
/// The most bytes that [`Ring::read`] takes from one connection.
pub(super) const READ: usize = 2048;
/// The most frames of one connection that one write sends.
const FRAMES: usize = 16;
const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// The ring of one worker, which alone uses it.
pub(super) struct Ring {
    io: IoUring,
    /// Set when the ring failed: it must not be used again.
    pub(super) broken: bool,
    results: Vec<i32>,
    /// What was read, [`READ`] bytes for each connection. Taken while it is looked at.
    pub(super) inbox: Vec<u8>,
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
        let io: IoUring = builder.build(CALLS as u32).ok()?;
        let mut probe = Probe::new();
        io.submitter().register_probe(&mut probe).ok()?;
        let known = [opcode::Recv::CODE, opcode::Send::CODE, opcode::SendMsg::CODE];
        known.iter().all(|code| probe.is_supported(*code)).then(|| Self {
            io,
            broken: false,
            results: Vec::with_capacity(CALLS),
            inbox: Vec::new(),
            headers: Vec::with_capacity(CALLS),
            slices: Vec::with_capacity(CALLS * FRAMES),
        })
    }

    /// Reads what each of at most [`CALLS`] connections has into its part of the inbox. Returns
    /// for each, in order, the number of bytes, 0 at its end, or a negative error number; `-EAGAIN`
    /// also where the kernel was not asked.
    pub(super) fn read(&mut self, fds: impl ExactSizeIterator<Item = RawFd>) -> &[i32] {
        self.begin(fds.len());
        self.inbox.resize(CALLS * READ, 0);
        let mut asked = 0;
        for ((index, fd), part) in fds.enumerate().zip(self.inbox.chunks_exact_mut(READ)) {
            let entry = opcode::Recv::new(types::Fd(fd), part.as_mut_ptr(), READ as u32)
                .flags(FLAGS)
                .build();
            // SAFETY: see `finish`; the inbox is not touched before.
            let pushed = unsafe { self.io.submission().push(&entry.user_data(index as u64)) };
            asked += usize::from(pushed.is_ok());
        }
        self.finish(asked)
    }

    /// Offers the kernel what waits for each of at most [`CALLS`] connections. Returns for each,
    /// in order, the number of bytes that it took, or a negative error number; `-EAGAIN` also
    /// where it was not asked.
    pub(super) fn write<'q>(
        &mut self,
        waiting: impl ExactSizeIterator<Item = Waiting<'q>>,
    ) -> &[i32] {
        self.begin(waiting.len());
        let mut asked = 0;
        for (index, Waiting { fd, frames, sent }) in waiting.enumerate().take(CALLS) {
            let entry = match frames {
                [frame] => {
                    let bytes = &frame.websocket()[sent..];
                    opcode::Send::new(types::Fd(fd), bytes.as_ptr(), bytes.len() as u32)
                        .flags(FLAGS)
                        .build()
                }
                frames => self.send_several(fd, frames, sent),
            };
            // SAFETY: see `finish`; the frames are borrowed until this returns, headers and slices
            // are not touched before.
            let pushed = unsafe { self.io.submission().push(&entry.user_data(index as u64)) };
            asked += usize::from(pushed.is_ok());
        }
        self.finish(asked)
    }

    fn begin(&mut self, count: usize) {
        self.results.clear();
        self.results.resize(count, -libc::EAGAIN);
        self.headers.clear();
        self.slices.clear();
    }

    /// Has the kernel do what was pushed. Nothing of it is under way when this returns: what the
    /// kernel takes is over when it has taken it, since it does not wait.
    fn finish(&mut self, mut asked: usize) -> &[i32] {
        while asked > 0 && !self.broken {
            match self.io.submit_and_wait(asked) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::warn!(%error, "io_uring failed; it goes on without");
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
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn each_gets_its_own() {
        let Some(mut ring) = Ring::new() else { return };
        let frames: Vec<Frame> = (0..3).map(|n| Frame::engine_binary(&[n; 5])).collect();
        let pairs: Vec<_> = (0..CALLS).map(|_| UnixStream::pair().unwrap()).collect();
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
    fn each_is_read_as_far_as_it_goes() {
        let Some(mut ring) = Ring::new() else { return };
        let pairs: Vec<_> = (0..4).map(|_| UnixStream::pair().unwrap()).collect();
        (&pairs[0].0).write_all(b"short").unwrap();
        (&pairs[1].0).write_all(&vec![7; READ + 1]).unwrap();
        pairs[2].0.shutdown(std::net::Shutdown::Write).unwrap();
        let results = ring.read(pairs.iter().map(|(_, to)| to.as_raw_fd())).to_vec();
        assert_eq!(results, [5, READ as i32, 0, -libc::EAGAIN]);
        assert_eq!(&ring.inbox[..5], b"short");
        assert_eq!(&ring.inbox[READ..2 * READ], [7; READ]);
        let results = ring.read(pairs.iter().map(|(_, to)| to.as_raw_fd())).to_vec();
        assert_eq!(results, [-libc::EAGAIN, 1, 0, -libc::EAGAIN]);
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
