//! `cargo xtask tidy`: rules of the source tree that no compiler checks. A test runs it too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{generate, process, project};

/// The most lines that a source file may have.
const LINES_MAX: usize = 600;

/// Files that are written by hand and read by people.
const SOURCES: &[&str] =
    &["rs", "js", "mjs", "ts", "tsx", "py", "sh", "sql", "css", "html", "md", "toml", "yml"];

/// What must not stand in a file, by the endings of the files it concerns (none: all sources).
const BANNED: &[(&[&str], &[&str], &str)] = &[
    (&["rs"], &["todo!(", "unimplemented!("], "unfinished code"),
    (&["rs"], &["#[ignore"], "a test that never runs"),
    (&["js", "mjs", "ts"], &["test.skip(", "it.skip(", "describe.skip("], "a test that never runs"),
    (&["js", "mjs", "ts"], &[".only("], "a test that hides the others"),
    (&["py"], &["mark.skip", "unittest.skip"], "a test that never runs"),
    (&[], &["TODO", "FIXME", "XXX"], "an open end: do it or leave it out"),
    (&[], &["<<<<<<< ", ">>>>>>> "], "a conflict mark"),
];

/// The one file that has to name what is banned.
const THIS_FILE: &str = "xtask/src/tidy.rs";

/// Prints every breach; the exit code says whether there was one.
pub fn run() -> Result<ExitCode> {
    let breaches = check_tree(project::root())?;
    for breach in &breaches {
        println!("{breach}");
    }
    if breaches.is_empty() {
        println!("the tree is tidy");
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{} breaches of the rules in xtask/src/tidy.rs", breaches.len())
}

/// Checks all files of the tree that git does not ignore.
fn check_tree(root: &Path) -> Result<Vec<String>> {
    let listing = process::read(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(root),
    )?;
    // A file that was deleted but not yet committed is still listed.
    let files: BTreeSet<&str> =
        listing.split('\0').filter(|path| !path.is_empty() && root.join(path).is_file()).collect();
    if files.is_empty() {
        bail!("git lists no files in {}", root.display());
    }
    let mut breaches = check_migrations(&files);
    let mut schemas = BTreeMap::new();
    for path in &files {
        if !SOURCES.contains(&extension(path)) {
            continue;
        }
        let text = std::fs::read_to_string(root.join(path)).with_context(|| (*path).to_owned())?;
        breaches.extend(check_file(path, &text));
        for name in schema_names(&text) {
            let first = schemas.entry(name.to_owned()).or_insert(*path);
            if *first != *path {
                breaches.push(format!("{path}: the schema `{name}` is {first}'s too"));
            }
        }
        if extension(path) == "md" {
            breaches.extend(check_links(root, path, &text));
        }
    }
    Ok(breaches)
}

fn extension(path: &str) -> &str {
    Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// The rules that one file's text is enough for.
fn check_file(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX && !generate::is_generated(path) {
        breaches.push(format!("{path}: {lines} lines, more than {LINES_MAX}"));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if matches!(name, "lib.rs" | "main.rs" | "mod.rs")
        && path.contains("/src/")
        && !text.starts_with("//!")
    {
        breaches.push(format!("{path}: does not start with `//!` and what holds in this module"));
    }
    if path == THIS_FILE {
        return breaches;
    }
    for (extensions, words, why) in BANNED {
        if !extensions.is_empty() && !extensions.contains(&extension(path)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!("{path}:{}: `{word}`: {why}", number + 1));
            }
        }
    }
    breaches
}

/// The names under which a file's types stand in the OpenAPI document. Two of one name are one
/// schema there, and nothing else says that one of them is lost.
fn schema_names(text: &str) -> Vec<&str> {
    let (mut names, mut renamed, mut described) = (Vec::new(), None, false);
    for line in text.lines().map(str::trim) {
        described |= line.starts_with("text_enum! {")
            || (line.contains("ToSchema") && !line.starts_with("use ") && !line.starts_with("//"));
        if let Some((_, name)) = line.split_once("schema(as = ") {
            renamed = name.split([')', ',']).next();
        }
        let item =
            ["pub struct ", "pub enum "].into_iter().find_map(|kind| line.strip_prefix(kind));
        if let Some(item) = item {
            let name = item.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            names.extend(renamed.take().or(name).filter(|_| described));
            described = false;
        }
    }
    names
}

/// Every migration exists for both engines, under one name and numbered without a gap.
fn check_migrations(files: &BTreeSet<&str>) -> Vec<String> {
    let of = |engine: &str| -> BTreeSet<&str> {
        let folder = format!("migrations/{engine}/");
        let names = files.iter().filter_map(|path| path.strip_prefix(folder.as_str()));
        names.filter(|name| extension(name) == "sql").collect()
    };
    let (sqlite, postgres) = (of("sqlite"), of("postgres"));
    let mut breaches: Vec<String> = sqlite
        .symmetric_difference(&postgres)
        .map(|name| format!("migrations: {name} exists for one engine only"))
        .collect();
    for (index, name) in sqlite.union(&postgres).enumerate() {
        let number = name.split('_').next().and_then(|digits| digits.parse::<usize>().ok());
        if number != Some(index + 1) || name.find('_') != Some(4) {
            breaches.push(format!("migrations: {name} should be number {:04}", index + 1));
        }
    }
    breaches
}

/// Relative links of a Markdown file lead somewhere; one that starts with `/` is of the server.
fn check_links(root: &Path, path: &str, text: &str) -> Vec<String> {
    let folder = root.join(path).parent().map_or_else(|| root.to_owned(), Path::to_owned);
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split('#').next())
        .filter(|target| !target.is_empty() && !target.contains([':', ' ']))
        .filter(|target| !target.starts_with('/'))
        .filter(|target| !folder.join(target).exists())
        .map(|target| format!("{path}: the link to {target} leads nowhere"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        assert_eq!(check_tree(project::root()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_good_file_passes() {
        assert!(check_file("crates/a/src/lib.rs", "//! What it is.\nfn main() {}\n").is_empty());
        assert!(check_file("crates/a/src/a.rs", "fn ignored() {}\n").is_empty());
    }

    #[test]
    fn each_rule_finds_its_breach() {
        let long = "//! x\n".repeat(LINES_MAX + 1);
        for (path, text) in [
            ("crates/a/src/a.rs", long.as_str()),
            ("crates/a/src/b/mod.rs", "fn main() {}"),
            ("crates/a/src/a.rs", "fn f() { todo!() }"),
            ("crates/a/src/a.rs", "#[ignore = \"slow\"]"),
            ("tests/clients/a.test.mjs", "it.only(\"x\")"),
            ("tests/clients/a.test.mjs", "test.skip(\"x\")"),
            ("tests/clients/test_a.py", "@pytest.mark.skip"),
            ("README.md", "FIXME"),
            ("Cargo.toml", ">>>>>>> theirs"),
        ] {
            assert_eq!(check_file(path, text).len(), 1, "{path}: {text:.40}");
        }
    }

    #[test]
    fn migrations_are_twins_without_a_gap() {
        let check = |files: &[&'static str]| check_migrations(&files.iter().copied().collect());
        let first = ["migrations/sqlite/0001_a.sql", "migrations/postgres/0001_a.sql"];
        assert!(check(&first).is_empty());
        assert_eq!(check(&first[..1]).len(), 1);
        assert_eq!(
            check(&["migrations/sqlite/0002_a.sql", "migrations/postgres/0002_a.sql"]).len(),
            1
        );
        assert_eq!(check(&["migrations/sqlite/1_a.sql", "migrations/postgres/1_a.sql"]).len(), 1);
    }

    #[test]
    fn schemas_have_names() {
        let text = "use utoipa::ToSchema;\npub struct A;\n#[derive(Debug, ToSchema)]\npub struct B(u8);\n\
                    #[derive(\nDebug,\nToSchema,\n)]\n#[schema(as = Other)]\npub enum C {}\n\
                    text_enum! { \"x\",\n/// D.\npub enum D {\n} }\npub enum E {}\n";
        assert_eq!(schema_names(text), ["B", "Other", "D"]);
    }

    #[test]
    fn links_lead_somewhere() {
        let check = |text| check_links(project::root(), "README.md", text);
        assert!(check("[a](Cargo.toml) [b](https://x.y) [c](#part) [d](xtask/src#x)").is_empty());
        assert_eq!(check("[a](nowhere.md)").len(), 1);
    }
}
