//! What a copy has to know of a schema, and what it has to suspend while rows come in any order.

use std::collections::BTreeMap;

use super::quoted;
use crate::{DbError, Engine, Kind, Sql, Tx, args};

/// A table as both engines have it.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub name: String,
    /// Name and type, by name.
    pub columns: Vec<(String, Kind)>,
    /// The columns of the primary key, in its order.
    pub key: Vec<String>,
}

const SQLITE: &str = "SELECT t.name AS tbl, c.name AS col, lower(c.type) AS kind, c.pk AS key_place
    FROM (SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\')
        t JOIN pragma_table_info(t.name) c ORDER BY t.name, c.name";

const POSTGRES: &str = "SELECT CAST(t.relname AS TEXT) COLLATE \"C\" AS tbl,
        CAST(a.attname AS TEXT) COLLATE \"C\" AS col, format_type(a.atttypid, NULL) AS kind,
        COALESCE(array_position(CAST(p.indkey AS SMALLINT[]), a.attnum) + 1, 0) AS key_place
    FROM pg_class t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index p ON p.indrelid = t.oid AND p.indisprimary
    WHERE t.relkind = 'r' AND t.relnamespace = CAST(current_schema() AS REGNAMESPACE)
    ORDER BY tbl, col";

/// The tables by name, but for those of `except` and that of migrations.
pub(super) async fn tables(tx: &mut Tx, except: &[&str]) -> Result<Vec<Table>, DbError> {
    let columns = match tx.engine() {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    };
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: BTreeMap<i64, String> = BTreeMap::new();
    for row in tx.fetch_all(Sql::concat(&[columns]), args![]).await? {
        let (name, column): (String, String) = (row.get("tbl")?, row.get("col")?);
        if name == "schema_migrations" || except.contains(&name.as_str()) {
            continue;
        }
        if tables.last().is_none_or(|table| table.name != name) {
            end(&mut tables, &mut keys)?;
            tables.push(Table { name, columns: Vec::new(), key: Vec::new() });
        }
        let Some(table) = tables.last_mut() else { continue };
        let kind = kind(row.get("kind")?).ok_or_else(|| {
            DbError::Config(format!("{}.{column} has a type of its own", table.name))
        })?;
        let key_place: i64 = row.get("key_place")?;
        if key_place > 0 {
            keys.insert(key_place, column.clone());
        }
        table.columns.push((column, kind));
    }
    end(&mut tables, &mut keys)?;
    Ok(tables)
}

/// All columns of the last table are known.
fn end(tables: &mut [Table], keys: &mut BTreeMap<i64, String>) -> Result<(), DbError> {
    let Some(table) = tables.last_mut() else { return Ok(()) };
    table.key = std::mem::take(keys).into_values().collect();
    if table.key.is_empty() {
        return Err(DbError::Config(format!("{} has no primary key", table.name)));
    }
    Ok(())
}

fn kind(declared: &str) -> Option<Kind> {
    Some(match declared {
        "text" => Kind::Text,
        "bigint" | "integer" => Kind::Int,
        "boolean" => Kind::Bool,
        "bytea" | "blob" => Kind::Bytes,
        "double precision" | "real" => Kind::Float,
        _ => return None,
    })
}

/// What has to be put back, as statements.
pub(super) struct Lifted(Vec<String>);

/// Puts foreign keys off to the end and switches triggers off.
pub(super) async fn lift_constraints(tx: &mut Tx) -> Result<Lifted, DbError> {
    let mut restore = Vec::new();
    let mut lift = Vec::new();
    match tx.engine() {
        Engine::Sqlite => {
            lift.push("PRAGMA defer_foreign_keys = ON".to_owned());
            let triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
            for row in tx.fetch_all(Sql::concat(&[triggers]), args![]).await? {
                lift.push(format!("DROP TRIGGER {}", quoted(row.get("name")?)));
                restore.push(row.get("sql")?);
            }
        }
        Engine::Postgres => {
            let keys = "SELECT t.relname AS tbl, c.conname AS name
                FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
                WHERE c.contype = 'f' AND NOT c.condeferrable
                  AND t.relnamespace = CAST(current_schema() AS REGNAMESPACE)";
            for row in tx.fetch_all(Sql::concat(&[keys]), args![]).await? {
                let (table, name) = (quoted(row.get("tbl")?), quoted(row.get("name")?));
                let alter = format!("ALTER TABLE {table} ALTER CONSTRAINT {name}");
                lift.push(format!("{alter} DEFERRABLE INITIALLY DEFERRED"));
                restore.push(format!("{alter} NOT DEFERRABLE"));
            }
            let triggers = "SELECT DISTINCT t.relname AS tbl
                FROM pg_trigger r JOIN pg_class t ON t.oid = r.tgrelid
                WHERE NOT r.tgisinternal
                  AND t.relnamespace = CAST(current_schema() AS REGNAMESPACE)";
            for row in tx.fetch_all(Sql::concat(&[triggers]), args![]).await? {
                let table = quoted(row.get("tbl")?);
                lift.push(format!("ALTER TABLE {table} DISABLE TRIGGER USER"));
                restore.push(format!("ALTER TABLE {table} ENABLE TRIGGER USER"));
            }
            // Checks what was put off; the tables can be altered only after that.
            restore.insert(0, "SET CONSTRAINTS ALL IMMEDIATE".to_owned());
        }
    }
    for statement in lift {
        tx.execute(Sql::from_schema(statement), args![]).await?;
    }
    Ok(Lifted(restore))
}

/// Puts everything back, and checks the foreign keys.
pub(super) async fn restore_constraints(tx: &mut Tx, lifted: Lifted) -> Result<(), DbError> {
    for statement in lifted.0 {
        tx.execute(Sql::from_schema(statement), args![]).await?;
    }
    if tx.engine() == Engine::Sqlite {
        let broken =
            Sql::concat(&["SELECT \"table\" AS tbl FROM pragma_foreign_key_check LIMIT 1"]);
        if tx.fetch_optional(broken, args![]).await?.is_some() {
            return Err(DbError::ForeignKey);
        }
    }
    Ok(())
}
