//! The servers that are compared: how each is built, started and spoken to.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bench::machine;
use rustix::process::Pid;

use crate::fleet::Plan;
use crate::town::{DATABASE, NAME, SERVICE_KEY, Town, settings, user};

/// A server to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The loop of `write()`, one for each message.
    Bare,
    /// The loop of `write()` with one for all messages of a turn.
    Coalesced,
    /// This project's server crate.
    Crate,
    /// The whole program.
    Souk,
    /// socketioxide.
    Socketioxide,
    /// socketioxide with mimalloc.
    SocketioxideMimalloc,
    /// Node.js and socket.io.
    Node,
    /// python-socketio on uvicorn and uvloop.
    Python,
}

impl Peer {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Bare,
        Self::Coalesced,
        Self::Crate,
        Self::Souk,
        Self::Socketioxide,
        Self::SocketioxideMimalloc,
        Self::Node,
        Self::Python,
    ];

    /// The name on the command line and in the raw figures.
    pub fn key(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Coalesced => "coalesced",
            Self::Crate => "crate",
            Self::Souk => "souk",
            Self::Socketioxide => "socketioxide",
            Self::SocketioxideMimalloc => "socketioxide-mimalloc",
            Self::Node => "node",
            Self::Python => "python",
        }
    }

    /// The name in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Bare => "bare `write()` loop",
            Self::Coalesced => "bare loop, coalesced",
            Self::Crate => "`crates/socketio`",
            Self::Souk => "**Souk**",
            Self::Socketioxide => "socketioxide 0.18",
            Self::SocketioxideMimalloc => "socketioxide 0.18, mimalloc",
            Self::Node => "Node.js + socket.io 4.8",
            Self::Python => "python-socketio (uvicorn, uvloop)",
        }
    }

    /// Whether the loop is a yardstick that lacks what a server has.
    pub fn is_yardstick(self) -> bool {
        matches!(self, Self::Bare | Self::Coalesced)
    }
}

/// Where the peers' programs are.
pub struct Programs {
    target: PathBuf,
    sources: PathBuf,
    /// Souk's users and chats, made when they are first needed.
    town: OnceLock<Town>,
}

impl Programs {
    /// Beside this program.
    pub fn new() -> Result<Self> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).context("not in a target folder")?.to_owned();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        Ok(Self { target, sources, town: OnceLock::new() })
    }

    /// Souk's users: so many, and so many pairs among them.
    pub fn town(&self, users: usize, pairs: usize) -> Result<&Town> {
        if let Some(town) = self.town.get() {
            return Ok(town);
        }
        let town = Town::settle(users, pairs)?;
        Ok(self.town.get_or_init(|| town))
    }

    /// Builds or installs what the peer needs.
    pub fn prepare(&self, peer: Peer) -> Result<()> {
        let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let folder = self.sources.join("peers");
        match peer {
            Peer::Bare | Peer::Coalesced | Peer::Crate | Peer::Souk => {
                let mut command = cargo();
                command.args(["build", "--quiet", "--release", "--target-dir"]).arg(&self.target);
                command.arg("--manifest-path").arg(self.sources.join("Cargo.toml"));
                let package = if peer == Peer::Souk { "souk" } else { "souk-bench" };
                run(command.args(["-p", package, "--bins"]))
            }
            Peer::Socketioxide | Peer::SocketioxideMimalloc => {
                let mut command = cargo();
                command.args(["build", "--quiet", "--release", "--manifest-path"]);
                command.arg(folder.join("socketioxide/Cargo.toml"));
                command.arg("--target-dir").arg(self.target.join(peer.key()));
                if peer == Peer::SocketioxideMimalloc {
                    command.args(["--features", "mimalloc"]);
                }
                run(&mut command)
            }
            Peer::Node => {
                let folder = folder.join("node");
                if folder.join("node_modules/socket.io").is_dir() {
                    return Ok(());
                }
                run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
            }
            Peer::Python => {
                let list = fs::read_to_string(folder.join("python/requirements.txt"))?;
                let venv = self.venv();
                let stamp = venv.join("installed.txt");
                if fs::read_to_string(&stamp).is_ok_and(|installed| installed == list) {
                    return Ok(());
                }
                run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
                let mut pip = Command::new(venv.join("bin/pip"));
                pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
                run(pip.arg(folder.join("python/requirements.txt")))?;
                Ok(fs::write(stamp, list)?)
            }
        }
    }

    /// Where a server's output goes.
    fn log(&self, peer: Peer) -> Result<fs::File> {
        let folder = self.target.join("bench");
        fs::create_dir_all(&folder)?;
        Ok(fs::File::create(folder.join(format!("{}.log", peer.key())))?)
    }

    fn venv(&self) -> PathBuf {
        self.target.join("bench-venv")
    }

    fn command(&self, peer: Peer, port: u16) -> Command {
        let release = |name: &str| Command::new(self.target.join("release").join(name));
        let folder = self.sources.join("peers");
        let mut command = match peer {
            Peer::Bare | Peer::Coalesced => release("bare"),
            Peer::Crate => release("socketio"),
            Peer::Souk => return release("souk"),
            Peer::Socketioxide | Peer::SocketioxideMimalloc => {
                let folder = self.target.join(peer.key());
                Command::new(folder.join("release/peer-socketioxide"))
            }
            Peer::Node => {
                let mut command = Command::new("node");
                command.arg(folder.join("node/server.js"));
                command
            }
            Peer::Python => {
                let mut command = Command::new(self.venv().join("bin/python"));
                command.arg(folder.join("python/server.py"));
                command
            }
        };
        command.arg(port.to_string());
        if peer == Peer::Coalesced {
            command.arg("coalesced");
        }
        command
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status()?;
    if !status.success() {
        bail!("`{}` failed: {status}", command.get_program().display());
    }
    Ok(())
}

/// A server that runs. Dropping it ends it.
pub struct Server {
    child: Child,
    /// Which one it is.
    pub peer: Peer,
    /// Where it listens.
    pub address: SocketAddr,
    /// How its clients connect.
    pub plan: Plan,
    /// Souk's data.
    folder: Option<PathBuf>,
}

impl Server {
    /// Starts a server on some cores, and goes on on others.
    pub fn start(
        programs: &Programs,
        town: &Town,
        peer: Peer,
        on: &[usize],
        then: &[usize],
    ) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = programs.command(peer, port);
        let mut folder = None;
        if peer == Peer::Souk {
            let name = format!("souk-bench-{}-{port}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path)?;
            fs::copy(town.folder.join(DATABASE), path.join(DATABASE))?;
            command.envs(settings(&path)).env("PORT", port.to_string()).current_dir(&path);
            folder = Some(path);
        }
        let log = programs.log(peer)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        machine::bind_to(on)?;
        let child = command.spawn();
        machine::bind_to(then)?;
        let child = child.with_context(|| format!("cannot start {}", peer.key()))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Self { child, peer, address, plan: Plan::default(), folder };
        server.await_listening()?;
        if peer == Peer::Souk {
            server.plan.tokens = town.tokens.clone();
        }
        Ok(server)
    }

    fn await_listening(&mut self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended: {status}", self.peer.key());
            }
            if Instant::now() > until {
                bail!("{} does not listen", self.peer.key());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The time that all its threads have run.
    pub fn run_time(&self) -> Result<Duration> {
        Ok(machine::run_times(self.pid())?.iter().map(|(_, ran)| *ran).sum())
    }

    /// The packet by which a client joins a room and asks for an acknowledgement.
    pub fn join(&self, room: usize) -> String {
        match self.peer {
            Peer::Souk => format!(r#"421["join-chat-room","r{room}"]"#),
            _ => format!(r#"421["join","r{room}"]"#),
        }
    }

    /// What an ordinary client does after connecting: Souk's join their three rooms (the second
    /// event joins two), the others none.
    pub fn usual_joins(&self, client: usize) -> Vec<String> {
        let user = user(client);
        match self.peer {
            Peer::Souk => vec![
                format!(r#"421["join-user-room","{user}"]"#),
                format!(r#"422["join-buyer-room","{user}"]"#),
            ],
            _ => Vec::new(),
        }
    }

    /// Who talks to a room of Souk's has to be in it.
    pub fn talker_joins(&self, room: usize) -> Vec<String> {
        if self.peer == Peer::Souk { vec![self.join(room)] } else { Vec::new() }
    }

    /// The packet by which a client says something to the others in a room. `size` are bytes that
    /// it has more than usual.
    pub fn say(&self, room: usize, client: usize, size: usize) -> String {
        let name = format!("{NAME}{}", "x".repeat(size));
        let user = user(client);
        let data = format!(r#"{{"chatId":"r{room}","userId":"{user}","userName":"{name}"}}"#);
        if self.peer == Peer::Souk {
            return format!(r#"42["typing-start",{data}]"#);
        }
        let data = data.replace('}', r#","isTyping":true}"#);
        format!(r#"42["say","r{room}",{data}]"#)
    }

    /// One request and its answer.
    pub fn http(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; its data are thrown away anyhow.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The request that has Souk journal an event for a room, of about the size of
/// [`Server::say`]'s, `size` bytes longer.
pub fn emission(room: usize, size: usize) -> String {
    let (user, more) = (user(0), "x".repeat(size));
    let data = format!(
        r#"{{"chatId":"r{room}","userId":"{user}","userName":"{NAME}{more}","isTyping":true}}"#
    );
    let body = format!(r#"{{"event":"user-typing","room":"chat-r{room}","data":{data}}}"#);
    format!(
        "POST /api/realtime/emit HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Service-Key: {SERVICE_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
