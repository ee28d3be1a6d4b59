//! Reading variables: the value or its default, and what was wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Secret;
use super::values::{Bytes, parse_duration};

/// A variable that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What is wrong, to follow the name.
    pub message: String,
}

impl Problem {
    pub(super) fn new(variable: &str, message: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.message)
    }
}

/// A variable as the reference shows it.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// The group it stands in.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its default; `None` where absence has a meaning of its own.
    pub default: Option<&'static str>,
    /// What it does.
    pub description: &'static str,
}

/// Reads variables, and gathers problems and descriptions on the way.
pub(super) struct Env<'a> {
    vars: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
    variables: Vec<Variable>,
    section: &'static str,
}

impl<'a> Env<'a> {
    pub(super) fn new(vars: &'a BTreeMap<String, String>) -> Self {
        Self { vars, problems: Vec::new(), variables: Vec::new(), section: "" }
    }

    pub(super) fn section(&mut self, name: &'static str) {
        self.section = name;
    }

    pub(super) fn problem(&mut self, name: &str, message: &str) {
        self.problems.push(Problem::new(name, message));
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn into_variables(self) -> Vec<Variable> {
        self.variables
    }

    /// An empty value counts as absent, as compose files and shells produce them.
    fn raw(&self, name: &str) -> Option<&'a str> {
        self.vars.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
    }

    fn describe(
        &mut self,
        name: &'static str,
        default: Option<&'static str>,
        description: &'static str,
    ) {
        self.variables.push(Variable { section: self.section, name, default, description });
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        description: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.describe(name, Some(default), description);
        let given = match self.raw(name).map(&parse) {
            Some(Ok(value)) => return value,
            Some(Err(message)) => Some(message),
            None => None,
        };
        if let Some(message) = given {
            self.problem(name, &message);
        }
        #[expect(clippy::expect_used, reason = "defaults are constants that a test reads")]
        parse(default).expect("a default parses")
    }

    pub(super) fn get<T: FromStr>(
        &mut self,
        name: &'static str,
        default: &'static str,
        description: &'static str,
    ) -> T
    where
        T::Err: fmt::Display,
    {
        self.parsed(name, default, description, |text| {
            text.parse::<T>().map_err(|error| format!("`{text}` cannot be used: {error}"))
        })
    }

    pub(super) fn list<T: FromStr>(
        &mut self,
        name: &'static str,
        default: &'static str,
        description: &'static str,
    ) -> Vec<T>
    where
        T::Err: fmt::Display,
    {
        self.parsed(name, default, description, |text| {
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| part.parse::<T>().map_err(|e| format!("`{part}` cannot be used: {e}")))
                .collect()
        })
    }

    pub(super) fn duration(
        &mut self,
        name: &'static str,
        default: &'static str,
        description: &'static str,
    ) -> Duration {
        self.parsed(name, default, description, parse_duration)
    }

    pub(super) fn bytes(
        &mut self,
        name: &'static str,
        default: &'static str,
        description: &'static str,
    ) -> usize {
        self.get::<Bytes>(name, default, description).0
    }

    /// A text whose absence has a meaning of its own.
    pub(super) fn text(&mut self, name: &'static str, description: &'static str) -> Option<String> {
        self.describe(name, None, description);
        self.raw(name).map(str::to_owned)
    }

    pub(super) fn secret(
        &mut self,
        name: &'static str,
        description: &'static str,
    ) -> Option<Secret> {
        self.describe(name, None, description);
        self.raw(name).map(Secret::new)
    }
}
