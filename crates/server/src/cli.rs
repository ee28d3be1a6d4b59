//! The command line: `souk [serve|migrate|admin create|reconcile|config|openapi|asyncapi]`.

use std::process::ExitCode;
use std::time::Instant;

use crate::app::App;
use crate::config::Config;
use crate::node::{self, Node};
use crate::{config, docs, ledger, seed, telemetry, transfer};

const USAGE: &str = "\
souk: the backend of an escrow marketplace

Usage: souk [COMMAND]

Commands:
  serve      Run the server (the default)
  migrate    Bring the database to this version and exit
  migrate --from URL --to URL
             Move everything to another database, of another engine or the same
  admin create --email EMAIL --password PASSWORD
             Make an administrator
  seed [--seed NUMBER]
             Fill an empty database with demo data and print its accounts
  reconcile  Compare the ledger with payments, payouts and the gateway; fails when they
             differ
  config     Print every setting with its default (the text of .env.example)
  openapi    Print the OpenAPI document
  asyncapi   Print the AsyncAPI document of the events

`config` and `asyncapi` take --markdown, for a page to read.

Settings come from the environment and from .env; `souk config` lists them.
";

enum Command {
    Serve,
    Migrate,
    Transfer { from: String, to: String },
    AdminCreate { email: String, password: String },
    Seed { seed: u64 },
    Reconcile,
    Config { markdown: bool },
    OpenApi,
    AsyncApi { markdown: bool },
    Help,
    Version,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let command = match parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("souk: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(lines) => {
            for line in lines {
                eprintln!("souk: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: lexopt::Parser) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;
    let mut words = Vec::new();
    let (mut email, mut password) = (None, None);
    let (mut from, mut to) = (None, None);
    let mut seed = 1;
    let mut markdown = false;
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("email") => email = Some(args.value()?.string()?),
            Long("password") => password = Some(args.value()?.string()?),
            Long("from") => from = Some(args.value()?.string()?),
            Long("markdown") => markdown = true,
            Long("seed") => seed = args.value()?.parse()?,
            Long("to") => to = Some(args.value()?.string()?),
            Value(word) => words.push(word.string()?),
            other @ (Short(_) | Long(_)) => return Err(other.unexpected()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["serve"] => Ok(Command::Serve),
        ["migrate"] => match (from, to) {
            (None, None) => Ok(Command::Migrate),
            (Some(from), Some(to)) => Ok(Command::Transfer { from, to }),
            _ => Err("--from and --to go together".into()),
        },
        ["reconcile"] => Ok(Command::Reconcile),
        ["config"] => Ok(Command::Config { markdown }),
        ["openapi"] => Ok(Command::OpenApi),
        ["asyncapi"] => Ok(Command::AsyncApi { markdown }),
        ["seed"] => Ok(Command::Seed { seed }),
        ["help"] => Ok(Command::Help),
        ["admin", "create"] => Ok(Command::AdminCreate {
            email: email.ok_or("--email is missing")?,
            password: password.ok_or("--password is missing")?,
        }),
        words => Err(format!("there is no command `{}`", words.join(" ")).into()),
    }
}

fn run(command: Command) -> Result<(), Vec<String>> {
    match command {
        Command::Help => print!("{USAGE}"),
        Command::Version => println!("souk {}", env!("CARGO_PKG_VERSION")),
        Command::Config { markdown: false } => print!("{}", config::env_example()),
        Command::Config { markdown: true } => print!("{}", docs::settings::markdown()),
        Command::OpenApi => print_json(docs::openapi::document())?,
        Command::AsyncApi { markdown: false } => {
            print_json(docs::asyncapi::document(&events::catalog()))?;
        }
        Command::AsyncApi { markdown: true } => {
            let text = docs::reference::markdown(&events::catalog());
            print!("{}", text.map_err(|error| vec![error.to_string()])?);
        }
        Command::Serve => with_app(|app| async move {
            let node = Node::start(app).await?;
            println!("Souk listens on http://{}", node.addr());
            node::stop_signal().await;
            node.stop().await;
            Ok(())
        })?,
        Command::Migrate => with_app(|_| async { Ok(()) })?,
        Command::Transfer { from, to } => {
            telemetry::init(false);
            for (table, sum) in block_on(transfer::run(&from, &to))? {
                println!("{:>10} {table}", sum.rows);
            }
            println!(
                "Everything was moved and compared: rows, contents, positions of the journal."
            );
        }
        Command::Seed { seed } => fill(seed)?,
        Command::AdminCreate { email, password } => {
            with_app(|app| async move { create_admin(&app, &email, &password).await })?;
        }
        Command::Reconcile => with_app(|app| async move { reconcile(&app).await })?,
    }
    Ok(())
}

/// Prints the sums and every difference; an error where there is one.
async fn reconcile(app: &App) -> Result<(), String> {
    let found =
        ledger::reconcile::with_gateways(app).await.map_err(|error| error.message.to_string())?;
    for sum in &found.sums {
        println!("{:>6} {}", sum.currency.as_str(), sum.sum);
    }
    for difference in &found.differences {
        println!("{difference}");
    }
    match found.differences.len() {
        0 => {
            println!("The ledger agrees with payments, payouts and the gateway");
            Ok(())
        }
        count => Err(format!("{count} differences")),
    }
}

fn print_json(document: serde_json::Result<serde_json::Value>) -> Result<(), Vec<String>> {
    let text = document.and_then(|document| serde_json::to_string_pretty(&document));
    println!("{}", text.map_err(|error| vec![error.to_string()])?);
    Ok(())
}

/// Fills the database with demo data and prints who can sign in.
fn fill(number: u64) -> Result<(), Vec<String>> {
    let config = Config::from_process()
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let start = Instant::now();
    let made = block_on(async {
        let app = seed::open(config).await?;
        seed::fill(&app, number).await
    })?;
    println!(
        "Made in {:.1} s: {} requests, {} messages, {} disputes, {} templates, {} checkouts.",
        start.elapsed().as_secs_f64(),
        made.requests,
        made.messages,
        made.disputes,
        made.templates,
        made.checkouts
    );
    println!(
        "All accounts have the password {:?}; see deals go on with PAYMENT_SANDBOX=true.\n",
        seed::PASSWORD
    );
    for account in made.accounts {
        println!("{:>7}  {:<36}  {}", account.role, account.email, account.name);
    }
    Ok(())
}

async fn create_admin(app: &App, email: &str, password: &str) -> Result<(), String> {
    crate::auth::service::create_admin(app, email, password).await.map_err(|error| {
        let details = error.details.unwrap_or_default();
        let details: Vec<_> =
            details.iter().map(|(field, text)| format!("{field} {text}")).collect();
        if details.is_empty() { error.message.into_owned() } else { details.join("; ") }
    })?;
    println!("The administrator {email} can sign in now");
    Ok(())
}

/// Reads the configuration, opens and migrates the database, and runs `work` on a runtime.
fn with_app<F>(work: impl FnOnce(App) -> F) -> Result<(), Vec<String>>
where
    F: Future<Output = Result<(), String>>,
{
    let config = Config::from_process()
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    telemetry::init(config.log_json);
    block_on(async {
        let parts = node::Outside::system(&config)?;
        work(node::open(config, parts).await?).await
    })
}

/// Runs `work` on a runtime of its own.
fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, Vec<String>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| vec![format!("no runtime: {e}")])?;
    let result = runtime.block_on(work);
    // Blocking work that is still under way must not hold up the end of the program.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result.map_err(|line| vec![line])
}
