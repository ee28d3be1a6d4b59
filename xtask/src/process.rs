//! Programs that a command runs.
//!
//! What holds always here: a program is waited for; one that is running when the command is
//! interrupted gets the signal too, and the command then unwinds, so that every guard (servers,
//! temporary folders) is dropped.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGINT, SIGTERM};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

/// From now on SIGINT and SIGTERM end the running program first and this process after it.
pub fn forward_signals() -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            let signal = if signal == SIGINT { Signal::INT } else { Signal::TERM };
            if let Some(pid) = *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) {
                // It may have ended a moment ago; then there is nobody to tell.
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    });
    Ok(())
}

/// Fails once the command was interrupted: called wherever it is safe to stop.
pub fn check_interrupted() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("interrupted")
    }
    Ok(())
}

/// Runs a program to its end, its output on ours.
///
/// # Errors
/// When it cannot be started or the command was interrupted; not when it fails.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    wait(command, |_| Ok(())).map(|(status, ())| status)
}

/// Runs a program that has to succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if status.success() { Ok(()) } else { bail!("`{}` failed: {status}", describe(command)) }
}

/// Runs a program to its end and returns what it wrote to standard output, which is shown too.
pub fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    command.stdout(Stdio::piped());
    wait(command, |child| {
        let mut text = String::new();
        let Some(output) = child.stdout.take() else { return Ok(text) };
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            writeln!(std::io::stdout(), "{line}")?;
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    })
}

/// Runs a program that answers at once and returns its standard output.
pub fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", describe(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", describe(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote something that is not UTF-8", describe(command)))
}

/// The first of `names` that is an executable file on `PATH`.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
    })
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn wait<T>(
    command: &mut Command,
    read: impl FnOnce(&mut std::process::Child) -> Result<T>,
) -> Result<(ExitStatus, T)> {
    check_interrupted()?;
    let mut child = {
        // Held over the start, so that a signal that comes meanwhile finds the program.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start `{}`", describe(command)))?;
        *running = Some(Pid::from_child(&child));
        child
    };
    let result = read(&mut child);
    let status = child.wait();
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    check_interrupted()?;
    Ok((status?, result?))
}

fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
