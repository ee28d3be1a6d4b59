//! The machine, and what it says about a running process.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Resource};
use rustix::thread::CpuSet;
use serde::Serialize;

/// What a figure was measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let line = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let found = text.lines().find(|line| line.starts_with(key));
            found.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let memory = line("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kib: u64 = memory.trim_end_matches("kB").trim().parse().unwrap_or(0);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            cores: cores().len(),
            memory_mib: kib / 1024,
            kernel: kernel.trim().to_owned(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, memory_mib, kernel } = self;
        let gib = (*memory_mib as f64 / 1024.0).round();
        write!(f, "{processor}, {cores} cores, {gib} GiB, Linux {kernel}")
    }
}

/// The cores that this process may use.
pub fn cores() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// Binds the calling thread, and the processes that it starts from now on, to some cores.
pub fn bind_to(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Lets this process and those that it starts go before the other programs of the machine, which
/// then disturb less and are slowed down. It needs a right that not every user has, and goes
/// without it. Where sessions are scheduled as groups, the session keeps its place afterwards.
pub fn go_first() {
    const NICE: i32 = -10;
    let _ = rustix::process::nice(NICE);
    // Where sessions are scheduled as groups, that counts only within the session.
    let _ = fs::write("/proc/self/autogroup", NICE.to_string());
}

/// Raises the number of files that this process and its children may have open to the most that
/// is allowed, and returns it.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(Resource::Nofile, limit)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// The time that each thread of a process has run, by thread id, as the scheduler counts it. It
/// has the work that the kernel did for the thread in it.
pub fn run_times(pid: Pid) -> io::Result<Vec<(u32, Duration)>> {
    let mut times = Vec::new();
    for entry in fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))? {
        let path = entry?.path();
        let thread = path.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0);
        // A thread may end while they are listed.
        let Ok(text) = fs::read_to_string(path.join("schedstat")) else { continue };
        let ran = text.split(' ').next().and_then(|ran| ran.parse().ok()).unwrap_or(0);
        times.push((thread, Duration::from_nanos(ran)));
    }
    Ok(times)
}

/// The time that this process has run.
pub fn own_run_time() -> io::Result<Duration> {
    let id = std::process::id().try_into().ok().and_then(Pid::from_raw);
    let pid = id.ok_or_else(|| io::Error::other("no process id"))?;
    Ok(run_times(pid)?.iter().map(|(_, ran)| *ran).sum())
}

/// The resident memory of a process in bytes.
pub fn resident_bytes(pid: Pid) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero()))?;
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    Ok(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen_to_run() {
        let myself = rustix::process::getpid();
        let sum = || run_times(myself).unwrap().iter().map(|(_, ran)| *ran).sum::<Duration>();
        let before = sum();
        let mut value = 1_u64;
        while sum() < before + Duration::from_millis(5) {
            value = std::hint::black_box(value.wrapping_mul(3));
        }
        assert!(resident_bytes(myself).unwrap() > 100_000);
    }
}
