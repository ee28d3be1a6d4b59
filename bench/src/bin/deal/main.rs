//! `cargo xtask bench deal`: whole deals over REST on SQLite, and what each step of one costs.
//!
//! The release build runs in a process of its own on one core, with its usual settings, so every
//! answered request is on disk; the clients are on another core. A deal is a request, three offers,
//! an acceptance, a payment in play money, the shipment, the delivery code, its entry, the buyer's
//! confirmation and the payout, which the server begins by itself and an administrator's socket
//! hears of. CPU is the time that the server's threads ran, as the scheduler counts it.
//!
//! A step's latency is measured among whole deals. Its CPU is measured by itself: all of a crowd of
//! deals take the step, and it is waited until the server is quiet, so that what a step leaves to
//! do later is counted to it.

mod client;
mod report;
mod steps;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bench::machine::{self, Machine};
use bench::souk::{self, Home, Souk};
use bench::stats::{Figure, percentile};
use serde_json::json;

use client::{Client, Listener};
use report::{Latency, Level, Report, StepCost};
use steps::{Deal, People, Step};

const HELP: &str = "\
cargo xtask bench deal [options]

  --quick          a short round: shows that the benchmark works
  --rounds <n>     rounds, by default 5, each with a server and a database of its own
  --no-build       takes the server as it was built before
  --out <folder>   where table and raw figures go, by default <target>/bench
";

/// Deals in flight.
const LEVELS: [usize; 3] = [1, 8, 32];
/// In flight while a step is measured by itself.
const AT_A_STEP: usize = 8;

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    warm_up: Duration,
    window: Duration,
    /// Deals that take each step together.
    crowd: usize,
}

const FULL: Size =
    Size { warm_up: Duration::from_secs(1), window: Duration::from_secs(5), crowd: 480 };
const QUICK: Size =
    Size { warm_up: Duration::from_millis(200), window: Duration::from_millis(800), crowd: 24 };

const SETTINGS: [(&str, &str); 3] =
    [("PAYMENT_SANDBOX", "true"), ("AUTH_ATTEMPTS_PER_MINUTE", "0"), ("ACCESS_TOKEN_TTL", "1h")];

const ADMIN: &str = "admin@bench.example";
const PASSWORD: &str = "a long enough password 7";

struct Options {
    quick: bool,
    rounds: usize,
    build: bool,
    out: Option<PathBuf>,
}

fn options() -> Result<Option<Options>> {
    use lexopt::prelude::*;
    let mut options = Options { quick: false, rounds: 5, build: true, out: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => (options.quick, options.rounds) = (true, 1),
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("no-build") => options.build = false,
            Long("out") => options.out = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(Some(options))
}

/// Every value of every round, by what it is.
#[derive(Default)]
struct Values {
    rates: BTreeMap<usize, Vec<f64>>,
    cpu: BTreeMap<usize, Vec<f64>>,
    busy: BTreeMap<usize, Vec<f64>>,
    step_cpu: BTreeMap<usize, Vec<f64>>,
    /// By step and deals in flight.
    p50: BTreeMap<(usize, usize), Vec<f64>>,
    p99: BTreeMap<(usize, usize), Vec<f64>>,
}

fn main() -> Result<()> {
    let Some(options) = options()? else {
        print!("{HELP}");
        return Ok(());
    };
    let cores = machine::cores();
    let [.., clients, server] = cores[..] else { bail!("this needs two cores") };
    if options.build {
        souk::build()?;
    }
    // Before this process is bound to a core.
    let machine = Machine::here();
    let size = if options.quick { QUICK } else { FULL };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut values = Values::default();
    for number in 1..=options.rounds {
        let home = Home::new(&SETTINGS)?;
        home.run(&["admin", "create", "--email", ADMIN, "--password", PASSWORD])?;
        let souk = home.serve(&[server], &[clients])?;
        runtime.block_on(round(&souk, size, &mut values)).with_context(|| {
            format!("round {number}; the server's words are in <target>/bench/souk.log")
        })?;
        drop(souk);
        // Nothing counts unless the books are right.
        home.run(&["reconcile"])?;
        let last =
            |of: &BTreeMap<usize, Vec<f64>>, key| of.get(&key).and_then(|v| v.last().copied());
        for level in LEVELS {
            let (rate, cpu) = (last(&values.rates, level), last(&values.cpu, level));
            let (rate, cpu) = (rate.unwrap_or_default(), cpu.unwrap_or_default());
            eprintln!("{number} {level:>3} in flight: {rate:.0} deals/s, {cpu:.2} ms of CPU each");
        }
    }
    let report = report(machine, options.quick, &values)?;
    let out = match options.out {
        Some(out) => out,
        None => souk::target_folder()?.join("bench"),
    };
    std::fs::create_dir_all(&out)?;
    std::fs::write(out.join("deal.json"), serde_json::to_string_pretty(&report)?)?;
    std::fs::write(out.join("deal.md"), report.table())?;
    println!("{}\n\n{}\nwritten to {}", report.machine, report.table(), out.display());
    Ok(())
}

fn report(machine: Machine, quick: bool, values: &Values) -> Result<Report> {
    let figure = |values: Option<&Vec<f64>>| {
        values.and_then(|values| Figure::of(values)).context("nothing was measured")
    };
    let mut levels = Vec::new();
    for in_flight in LEVELS {
        levels.push(Level {
            in_flight,
            deals_a_second: figure(values.rates.get(&in_flight))?,
            cpu_ms_a_deal: figure(values.cpu.get(&in_flight))?,
            cores_busy: figure(values.busy.get(&in_flight))?,
        });
    }
    let mut steps = Vec::new();
    for (index, step) in Step::ALL.into_iter().enumerate() {
        let mut latency = BTreeMap::new();
        for level in LEVELS {
            let p50_ms = figure(values.p50.get(&(index, level)))?;
            let p99_ms = figure(values.p99.get(&(index, level)))?;
            latency.insert(level, Latency { p50_ms, p99_ms });
        }
        let cpu_ms = values.step_cpu.get(&index).and_then(|values| Figure::of(values));
        steps.push(StepCost { step: step.label(), cpu_ms, latency });
    }
    let mut fsync = bench::node::fsync_times()?;
    #[expect(clippy::disallowed_methods, reason = "the date of the run is what is wanted")]
    let now = SystemTime::now();
    Ok(Report {
        machine,
        at: now.duration_since(UNIX_EPOCH)?.as_secs(),
        quick,
        fsync_p50_ms: percentile(&mut fsync, 0.5),
        fsync_p99_ms: percentile(&mut fsync, 0.99),
        levels,
        steps,
    })
}

/// One round on a fresh server.
async fn round(souk: &Souk, size: Size, values: &mut Values) -> Result<()> {
    let mut client = Client::connect(souk.address).await?;
    let body = json!({ "email": ADMIN, "password": PASSWORD });
    let answer = client.call("POST", "/api/auth/login", "", Some(&body)).await?;
    let token = answer["accessToken"].as_str().context("no token")?;
    let listener = Listener::connect(souk.address, token).await?;
    // What the sign-ups cost is counted to their threads, which end some time later.
    let mut people = Vec::new();
    for group in 0..LEVELS.into_iter().max().unwrap_or_default() {
        people.push(People::register(&mut client, group).await?);
    }
    souk.run_time()?;
    for level in LEVELS {
        whole_deals(souk, size, &people[..level], &listener, values).await?;
    }
    each_step(souk, size, &people[..AT_A_STEP], &listener, values).await
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Whole deals, as many at a time as there are groups of people.
async fn whole_deals(
    souk: &Souk,
    size: Size,
    people: &[People],
    listener: &Listener,
    values: &mut Values,
) -> Result<()> {
    let counting = Cell::new(false);
    let (done, stop) = (Cell::new(0_u32), Cell::new(false));
    let latencies = RefCell::new(vec![Vec::new(); Step::ALL.len()]);
    let worker = async |people: &People| {
        let mut client = Client::connect(souk.address).await?;
        while !stop.get() {
            let mut deal = Deal::new(people);
            for (index, step) in Step::ALL.into_iter().enumerate() {
                let began = Instant::now();
                deal.take(step, &mut client, listener).await?;
                if counting.get() {
                    let each = if step == Step::Offers { 3.0 } else { 1.0 };
                    latencies.borrow_mut()[index].push(millis(began.elapsed()) / each);
                }
            }
            if counting.get() {
                done.set(done.get() + 1);
            }
        }
        anyhow::Ok(())
    };
    let watch = async {
        tokio::time::sleep(size.warm_up).await;
        counting.set(true);
        let (began, cpu) = (Instant::now(), souk.run_time()?);
        tokio::time::sleep(size.window).await;
        counting.set(false);
        let (took, ran) = (began.elapsed(), souk.run_time()?.saturating_sub(cpu));
        stop.set(true);
        anyhow::Ok((took, ran))
    };
    let workers = futures_util::future::try_join_all(people.iter().map(worker));
    let ((took, ran), _) = futures_util::future::try_join(watch, workers).await?;
    let (level, done) = (people.len(), f64::from(done.get()));
    values.rates.entry(level).or_default().push(done / took.as_secs_f64());
    values.cpu.entry(level).or_default().push(millis(ran) / done);
    values.busy.entry(level).or_default().push(ran.as_secs_f64() / took.as_secs_f64());
    for (index, mut of_step) in latencies.into_inner().into_iter().enumerate() {
        let key = (index, level);
        values.p50.entry(key).or_default().push(percentile(&mut of_step, 0.5));
        values.p99.entry(key).or_default().push(percentile(&mut of_step, 0.99));
    }
    Ok(())
}

/// Each step by itself, taken by all of a crowd of deals.
async fn each_step(
    souk: &Souk,
    size: Size,
    people: &[People],
    listener: &Listener,
    values: &mut Values,
) -> Result<()> {
    let mut lanes = Vec::new();
    for people in people {
        let deals: Vec<Deal> = (0..size.crowd / AT_A_STEP).map(|_| Deal::new(people)).collect();
        lanes.push((Client::connect(souk.address).await?, deals));
    }
    quiet(souk).await?;
    for (index, step) in Step::ALL.into_iter().enumerate() {
        if step == Step::Payout {
            continue;
        }
        let before = souk.run_time()?;
        let lane = async |(client, deals): &mut (Client, Vec<Deal>)| {
            for deal in deals {
                deal.take(step, client, listener).await?;
                if step == Step::Confirm {
                    deal.take(Step::Payout, client, listener).await?;
                }
            }
            anyhow::Ok(())
        };
        futures_util::future::try_join_all(lanes.iter_mut().map(lane)).await?;
        quiet(souk).await?;
        let ran = souk.run_time()?.saturating_sub(before);
        let each = millis(ran) / size.crowd as f64;
        values.step_cpu.entry(index).or_default().push(each);
    }
    Ok(())
}

/// Waits until the server has nothing more to do.
async fn quiet(souk: &Souk) -> Result<()> {
    for _ in 0..200 {
        let before = souk.run_time()?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        if souk.run_time()?.saturating_sub(before) < Duration::from_millis(1) {
            return Ok(());
        }
    }
    bail!("the server does not come to rest")
}
