//! Copies every row of one database into another one of the same schema, whatever their engines.
//!
//! What holds always here: the source is read in one snapshot and the target written in one
//! transaction, which the caller commits; so the target holds a state that the source once had,
//! or what it held before. What was written is read back and compared before that.

mod catalog;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{DbError, Kind, Row, Sql, Tx, Value, args};
use catalog::Table;

/// Most rows that are read at once.
const BATCH: usize = 500;
/// Most parameters in one statement; SQLite's limit is 32,766.
const MAX_PARAMETERS: usize = 30_000;

/// What a table holds, independently of the order of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// The number of rows.
    pub rows: u64,
    /// The sum of the rows' hashes (the first half of SHA-256 over all columns).
    pub hash: u128,
}

/// What each table holds, by its name.
pub type Sums = BTreeMap<String, Sum>;

/// What each table of the database holds, but for the tables `except` and that of migrations.
pub async fn sums(tx: &mut Tx, except: &[&str]) -> Result<Sums, DbError> {
    let mut sums = Sums::new();
    for table in catalog::tables(tx, except).await? {
        let mut sum = Sum::default();
        let mut after = None;
        while let Some(batch) = Batch::read(tx, &table, after.take()).await? {
            batch.add_to(&mut sum);
            after = Some(batch.last_key);
        }
        sums.insert(table.name, sum);
    }
    Ok(sums)
}

/// Replaces what the tables of `to` hold by what those of `from` do, but for the tables `except`
/// and that of migrations, and returns what that is. `from` is a transaction of
/// [`begin_read`](crate::Db::begin_read).
///
/// # Errors
/// [`DbError::Config`] where the schemas differ, or what was written does not read the same;
/// [`DbError::ForeignKey`]; whatever a statement fails with. Then `to` has to be rolled back.
pub async fn copy(from: &mut Tx, to: &mut Tx, except: &[&str]) -> Result<Sums, DbError> {
    let tables = catalog::tables(from, except).await?;
    if tables != catalog::tables(to, except).await? {
        return Err(DbError::Config("the two databases have different schemas".into()));
    }
    let lifted = catalog::lift_constraints(to).await?;
    for table in &tables {
        to.execute(Sql::from_schema(format!("DELETE FROM {}", quoted(&table.name))), args![])
            .await?;
    }
    let mut written = Sums::new();
    for table in &tables {
        let sum = copy_table(from, to, table).await?;
        tracing::info!(table = table.name, rows = sum.rows, "copied");
        written.insert(table.name.clone(), sum);
    }
    catalog::restore_constraints(to, lifted).await?;
    let stored = sums(to, except).await?;
    if let Some((table, _)) = written.iter().find(|(name, sum)| stored.get(*name) != Some(*sum)) {
        return Err(DbError::Config(format!("{table} does not read as it was written")));
    }
    Ok(written)
}

async fn copy_table(from: &mut Tx, to: &mut Tx, table: &Table) -> Result<Sum, DbError> {
    let mut sum = Sum::default();
    let mut after = None;
    let at_once = (MAX_PARAMETERS / table.columns.len().max(1)).clamp(1, BATCH);
    while let Some(batch) = Batch::read(from, table, after.take()).await? {
        batch.add_to(&mut sum);
        for rows in batch.rows.chunks(at_once) {
            to.execute(table.insert(rows.len()), rows.concat()).await?;
        }
        after = Some(batch.last_key);
    }
    Ok(sum)
}

/// Some rows of a table, in the order of its primary key.
struct Batch {
    /// The values, in the order of the table's columns.
    rows: Vec<Vec<Value>>,
    /// The primary key of the last row.
    last_key: Vec<Value>,
}

impl Batch {
    /// The rows after a key; `None` when there are no more.
    async fn read(
        tx: &mut Tx,
        table: &Table,
        after: Option<Vec<Value>>,
    ) -> Result<Option<Self>, DbError> {
        let rows = tx.fetch_all(table.select(after.is_some()), after.unwrap_or_default()).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last_key = table
            .key_columns()
            .map(|(name, kind)| value(last, name, kind))
            .collect::<Result<_, _>>()?;
        let values =
            |row| table.columns.iter().map(|(name, kind)| value(row, name, *kind)).collect();
        let rows = rows.iter().map(values).collect::<Result<_, _>>()?;
        Ok(Some(Self { rows, last_key }))
    }

    fn add_to(&self, sum: &mut Sum) {
        sum.rows += self.rows.len() as u64;
        for row in &self.rows {
            sum.hash = sum.hash.wrapping_add(hash(row));
        }
    }
}

fn value(row: &Row, column: &str, kind: Kind) -> Result<Value, DbError> {
    Ok(match kind {
        Kind::Text => row.get::<Option<String>>(column)?.into(),
        Kind::Int => row.get::<Option<i64>>(column)?.into(),
        Kind::Bool => row.get::<Option<bool>>(column)?.into(),
        Kind::Bytes => row.get::<Option<Vec<u8>>>(column)?.into(),
        Kind::Float => row.get::<Option<f64>>(column)?.into(),
    })
}

/// The first half of SHA-256 over the values, each with its type and length.
fn hash(row: &[Value]) -> u128 {
    let mut hash = Sha256::new();
    for value in row {
        let (tag, bytes): (u8, &[u8]) = match value {
            Value::Null(_) => (0, &[]),
            Value::Text(text) => (1, text.as_bytes()),
            Value::Int(number) => (2, &number.to_le_bytes()),
            Value::Bool(truth) => (3, &[u8::from(*truth)]),
            Value::Bytes(bytes) => (4, bytes),
            Value::Float(number) => (5, &number.to_bits().to_le_bytes()),
        };
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    u128::from_le_bytes(half)
}

impl Table {
    fn key_columns(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.key.iter().filter_map(|key| {
            let column = self.columns.iter().find(|(name, _)| name == key)?;
            Some((column.0.as_str(), column.1))
        })
    }

    /// Reads a batch; behind a key when `after`, whose columns are then the parameters.
    fn select(&self, after: bool) -> Sql {
        let columns = list(self.columns.iter().map(|(name, _)| name));
        let (table, key) = (quoted(&self.name), list(&self.key));
        let after = if after {
            format!(" WHERE ({key}) > ({})", parameters(1, self.key.len()))
        } else {
            String::new()
        };
        Sql::from_schema(format!(
            "SELECT {columns} FROM {table}{after} ORDER BY {key} LIMIT {BATCH}"
        ))
    }

    /// Inserts so many rows.
    fn insert(&self, rows: usize) -> Sql {
        let count = self.columns.len();
        let columns = list(self.columns.iter().map(|(name, _)| name));
        let values: Vec<_> =
            (0..rows).map(|row| format!("({})", parameters(row * count + 1, count))).collect();
        let (table, values) = (quoted(&self.name), values.join(", "));
        Sql::from_schema(format!("INSERT INTO {table} ({columns}) VALUES {values}"))
    }
}

/// `$3, $4, $5`
fn parameters(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A name as SQL writes it, whatever characters it has.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
