//! The program is killed, and all its clients come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bench::stats::percentile;

use crate::crowd::{Crowd, Person};
use crate::souk::{MEMBERS, Rest, Souk, World, emit_many, room_of};

/// What each client missed.
pub const MISSED: usize = 5;
/// What an event has beside its number, in bytes.
const FILLER: usize = 150;
/// Between two requests of the probe.
const EVERY: Duration = Duration::from_millis(2);
/// Time for what follows a storm or a connect.
const SETTLE: Duration = Duration::from_secs(3);

/// The figures of one storm, by name.
pub type Figures = Vec<(&'static str, f64)>;

/// One storm of so many clients.
pub async fn run(clients: usize, postgres: bool, at_once: bool) -> Result<Figures> {
    let world = World::new(clients, postgres, &[]).await?;
    storm(&world, clients, at_once).with_context(|| world.log())
}

fn storm(world: &World, clients: usize, at_once: bool) -> Result<Figures> {
    let souk = world.start()?;
    let empty = souk.memory()?.0;
    let person = |number: usize| Person {
        token: world.tokens[number].clone(),
        joins: vec![
            format!(r#"421["user-online","u{number}"]"#),
            format!(r#"422["join-buyer-room","u{number}"]"#),
            format!(r#"423["join-chat-room","{}"]"#, room_of(number)),
        ],
    };
    // The probe's clock must not wait for the clients to be handled.
    rustix::process::nice(19)?;
    let mut crowd = Crowd::connect(souk.address, (0..clients).map(person))?;
    settle(&mut crowd)?;
    let idle = souk.memory()?.0.saturating_sub(empty) as f64 / clients as f64 / 1024.0;

    let killed = Instant::now();
    drop(souk);
    crowd.lose()?;
    let souk = world.start()?;
    let restarted = killed.elapsed();
    let empty = souk.memory()?.0;
    let rooms = clients.div_ceil(MEMBERS);
    let filler = "x".repeat(FILLER);
    for n in 1..=MISSED {
        emit_many(souk.address, rooms, |room| {
            (format!("chat-c{room}"), format!(r#"{{"n":{n},"filler":"{filler}"}}"#))
        })?;
    }
    let ran = souk.run_time()?;
    let (back, mut times) = come_back(world, &souk, &mut crowd, at_once)?;
    let ran = souk.run_time()?.saturating_sub(ran);
    settle(&mut crowd)?;
    let (after, peak) = souk.memory()?;
    let after = after.saturating_sub(empty) as f64 / clients as f64 / 1024.0;
    let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    Ok(vec![
        ("seconds", back.as_secs_f64()),
        ("cpu", ran.as_secs_f64() * 1e6 / clients as f64),
        ("rest-p50", percentile(&mut times, 0.5)),
        ("rest-p99", percentile(&mut times, 0.99)),
        ("rest-max", percentile(&mut times, 1.0)),
        ("failed", crowd.failed as f64),
        ("peak", mib(peak)),
        ("memory-idle", idle),
        ("memory-after", after),
        ("restart", restarted.as_secs_f64()),
    ])
}

/// Until all are back with their events, and what the requests took meanwhile, in milliseconds.
fn come_back(
    world: &World,
    souk: &Souk,
    crowd: &mut Crowd,
    at_once: bool,
) -> Result<(Duration, Vec<f64>)> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let mut rest = Rest::to(souk.address)?;
            let mut times = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                times.push(rest.ask(&world.tokens[0])?.as_secs_f64() * 1e3);
                std::thread::sleep(EVERY);
            }
            anyhow::Ok(times)
        });
        let started = Instant::now();
        crowd.come_back(souk.address, MISSED, at_once);
        let mut all = || {
            while crowd.at_goal < world.tokens.len() {
                crowd.turn(Duration::from_millis(10))?;
                if started.elapsed() > Duration::from_mins(2) {
                    bail!("{} recovered, {} have all", crowd.recovered, crowd.at_goal);
                }
            }
            Ok(started.elapsed())
        };
        let took = all();
        is_over.store(true, Ordering::Relaxed);
        let times = probe.join().map_err(|_| anyhow!("the probe panicked"))?;
        Ok((took?, times?))
    })
}

fn settle(crowd: &mut Crowd) -> Result<()> {
    let until = Instant::now() + SETTLE;
    while Instant::now() < until {
        crowd.turn(Duration::from_millis(50))?;
    }
    Ok(())
}
