//! The program in a process of its own, and its database.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bench::machine;
use bench::node::POSTGRES_URL;
use bench::people;
use db::{Sql, args};
use rustix::process::Pid;
use souk::config::Config;
use souk::node::{self, Outside};

/// The key of services.
const KEY: &str = "the key of a benchmark's services";
/// The key of tokens.
const SECRET: &str = "the key of a benchmark's tokens, of no use elsewhere";
/// Members of one chat.
pub const MEMBERS: usize = 50;

/// Where the data are, and who is there.
pub struct World {
    folder: PathBuf,
    database: String,
    program: PathBuf,
    settings: Vec<(String, String)>,
    /// The users' access tokens, by number.
    pub tokens: Vec<String>,
}

impl World {
    /// An empty database with so many users, [`MEMBERS`] of which are in each chat.
    pub async fn new(users: usize, postgres: bool, settings: &[(&str, &str)]) -> Result<Self> {
        let target = std::env::current_exe()?;
        let target = target.ancestors().nth(2).context("not in a target folder")?.to_owned();
        let folder = std::env::temp_dir().join(format!("souk-recover-{}", std::process::id()));
        // What an earlier scenario of this process left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let database = if postgres {
            std::env::var(POSTGRES_URL)
                .with_context(|| format!("{POSTGRES_URL} is not set: use `cargo xtask bench`"))?
        } else {
            format!("sqlite:{}", folder.join("souk.db").display())
        };
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let program = target.join("release/souk");
        let mut world =
            Self { folder, database, program, settings: settings.collect(), tokens: Vec::new() };
        world.fill(users, postgres).await?;
        Ok(world)
    }

    fn vars(&self) -> BTreeMap<String, String> {
        let own = [
            ("DATABASE_URL", self.database.as_str()),
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("JWT_SECRET", SECRET),
            ("SERVICE_KEY", KEY),
            ("ACCESS_TOKEN_TTL", "12h"),
            ("RUST_LOG", "warn"),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.into_iter().chain(self.settings.iter().cloned()).collect()
    }

    /// Makes users and chats, and tokens for the users.
    async fn fill(&mut self, users: usize, postgres: bool) -> Result<()> {
        if postgres {
            self.empty().await?;
        }
        let chat = |first: usize| (room_of(first), (first..(first + MEMBERS).min(users)).collect());
        let chats = (0..users).step_by(MEMBERS).map(chat);
        let id = |number| format!("u{number}");
        self.tokens = people::settle(&self.vars(), users, id, "A bench client", chats).await?;
        Ok(())
    }

    /// An earlier scenario used the database.
    async fn empty(&self) -> Result<()> {
        let config = Config::from_vars(&self.vars()).map_err(|p| anyhow!("{p:?}"))?;
        let outside = Outside::system(&config).map_err(|error| anyhow!(error))?;
        let app = node::open(config, outside).await.map_err(|error| anyhow!(error))?;
        let mut tx = app.db.begin().await?;
        for delete in [
            "DELETE FROM chat_participants",
            "DELETE FROM chats",
            "DELETE FROM presence_nodes",
            "DELETE FROM presence",
            "DELETE FROM users",
        ] {
            tx.execute(Sql::concat(&[delete]), args![]).await?;
        }
        tx.commit().await?;
        app.db.close().await;
        Ok(())
    }

    /// Starts the program and waits until it listens.
    pub fn start(&self) -> Result<Souk> {
        let log = fs::File::create(self.folder.join("souk.log"))?;
        let mut child = Command::new(&self.program)
            .envs(self.vars())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let address = loop {
            let line = lines.next().context("the program ended at its start")??;
            if let Some(address) = line.strip_prefix("Souk listens on http://") {
                break address.parse()?;
            }
        };
        // It may go on to say something.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Souk { child, address })
    }

    /// What the program complained of.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("souk.log")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The chat of a user.
pub fn room_of(user: usize) -> String {
    format!("c{}", user / MEMBERS)
}

/// The running program. Dropping it kills it.
pub struct Souk {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Souk {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The time that all its threads have run.
    pub fn run_time(&self) -> Result<Duration> {
        Ok(machine::run_times(self.pid())?.iter().map(|(_, ran)| *ran).sum())
    }

    /// Its memory now and at most, in bytes.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let status = Path::new("/proc").join(self.child.id().to_string()).join("status");
        let text = fs::read_to_string(status)?;
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|kib| kib.trim().strip_suffix(" kB"));
        let peak: u64 = peak.context("no VmHWM")?.trim().parse()?;
        Ok((machine::resident_bytes(self.pid())?, peak * 1024))
    }
}

impl Drop for Souk {
    fn drop(&mut self) {
        // SIGKILL; it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection for requests, one after the other.
pub struct Rest(BufReader<TcpStream>);

impl Rest {
    /// Connects.
    pub fn to(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The status of an answer.
    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<u16> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                bail!("the connection was closed");
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap_or_default().parse()?;
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        self.0.read_exact(&mut vec![0; length])?;
        Ok(status)
    }

    /// Emits an event as another process would.
    pub fn emit(&mut self, room: &str, data: &str) -> Result<()> {
        let body = format!(r#"{{"event":"told","room":"{room}","data":{data}}}"#);
        let key = format!("X-Service-Key: {KEY}\r\n");
        match self.send("POST", "/api/realtime/emit", &key, &body)? {
            202 => Ok(()),
            status => bail!("{status} for an event"),
        }
    }

    /// How long a user's request takes that reads the database.
    pub fn ask(&mut self, token: &str) -> Result<Duration> {
        let started = Instant::now();
        let token = format!("Authorization: Bearer {token}\r\n");
        match self.send("GET", "/api/notifications/unread-count", &token, "")? {
            200 => Ok(started.elapsed()),
            status => bail!("{status} for a request"),
        }
    }
}

/// Emits events on many connections; `told(n)` gives the room and the data of each.
pub fn emit_many(
    address: SocketAddr,
    count: usize,
    told: impl Fn(usize) -> (String, String) + Sync,
) -> Result<()> {
    const CONNECTIONS: usize = 16;
    let emit = |first: usize| {
        let mut rest = Rest::to(address)?;
        for n in (first..count).step_by(CONNECTIONS) {
            let (room, data) = told(n);
            rest.emit(&room, &data)?;
        }
        anyhow::Ok(())
    };
    let emit = &emit;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..CONNECTIONS).map(|first| scope.spawn(move || emit(first))).collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("an emitter panicked"))??;
        }
        Ok(())
    })
}
