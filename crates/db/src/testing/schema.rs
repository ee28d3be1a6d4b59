//! A schema in words that are the same for both engines, to compare the twin migrations.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Db, DbError, Engine, Row, Sql, args};

/// What a database holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// One line for each table, column (type, nullability, default), primary key, index, CHECK
    /// constraint (by name), foreign key and trigger (by table, time and event).
    ///
    /// Of a partial index the predicate is not compared, nor the text of expressions and checks.
    pub lines: BTreeSet<String>,
    /// What breaks the rules for names in [`error`](crate::error).
    pub problems: BTreeSet<String>,
}

/// The columns of an index; `None` stands for an expression.
type Columns = Vec<Option<String>>;

/// Describes the schema of `db`, without the table of migrations.
pub async fn schema(db: &Db) -> Result<Schema, DbError> {
    match db.engine() {
        Engine::Sqlite => sqlite(db).await,
        Engine::Postgres => postgres(db).await,
    }
}

impl Schema {
    fn column(&mut self, table: &str, name: &str, kind: &str, not_null: bool, default: &str) {
        let null = if not_null { "not null" } else { "null" };
        self.lines.insert(format!("column {table}.{name} {kind} {null} {default}").trim().into());
    }

    fn index(
        &mut self,
        table: &str,
        name: &str,
        unique: bool,
        partial: bool,
        columns: &[Option<String>],
    ) {
        let listed: Vec<_> =
            columns.iter().map(|column| column.as_deref().unwrap_or("<expression>")).collect();
        let kind = if unique { "unique index" } else { "index" };
        let partial = if partial { " where <predicate>" } else { "" };
        self.lines.insert(format!("{kind} {name} on {table} ({}){partial}", listed.join(", ")));
        let expected = format!("{table}_{}", listed.join("_"));
        if unique && columns.iter().all(Option::is_some) && name != expected {
            self.problems.insert(format!("unique index {name} has to be named {expected}"));
        }
    }

    fn foreign_key(&mut self, table: &str, from: &str, target: &str, to: &str, on_delete: &str) {
        let on_delete = match on_delete {
            "NO ACTION" => String::new(),
            action => format!(" on delete {}", action.to_ascii_lowercase()),
        };
        self.lines.insert(format!("foreign key {table} ({from}) to {target} ({to}){on_delete}"));
    }
}

/// `type 'x'::text` and `'x'` are the same default.
fn default(text: Option<String>) -> String {
    let Some(text) = text else { return String::new() };
    let text = text.split("::").next().unwrap_or_default().trim();
    let text = text.trim_start_matches('(').trim_end_matches(')');
    format!("default {}", if text.starts_with('\'') { text.into() } else { text.to_lowercase() })
}

const SQLITE_TABLES: &str = "FROM sqlite_schema t WHERE t.type = 'table'
    AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name <> 'schema_migrations'";

async fn query(db: &Db, pieces: &[&'static str]) -> Result<Vec<Row>, DbError> {
    db.fetch_all(Sql::concat(pieces), args![]).await
}

async fn sqlite(db: &Db) -> Result<Schema, DbError> {
    let mut schema = Schema::default();
    for row in query(db, &["SELECT t.name, t.sql ", SQLITE_TABLES]).await? {
        let table: String = row.get("name")?;
        let (named, all) = checks(row.get("sql")?);
        if named.len() < all {
            schema.problems.insert(format!("table {table} has a CHECK without a name"));
        }
        let lines = named.into_iter().map(|name| format!("check {name} on {table}"));
        schema.lines.extend(lines);
        schema.lines.insert(format!("table {table}"));
    }
    let keys = sqlite_columns(db, &mut schema).await?;
    sqlite_indexes(db, &mut schema).await?;
    sqlite_foreign_keys(db, &mut schema, &keys).await?;
    let triggers = "SELECT tbl_name, sql FROM sqlite_schema WHERE type = 'trigger'";
    for row in query(db, &[triggers]).await? {
        let (table, sql) = (row.get::<&str>("tbl_name")?, row.get::<&str>("sql")?);
        let words: Vec<_> = sql.split_whitespace().map(str::to_ascii_lowercase).collect();
        let times = ["before", "after", "instead"];
        if let Some([time, event]) =
            words.windows(2).find_map(|w| times.contains(&w[0].as_str()).then(|| [&w[0], &w[1]]))
        {
            schema.lines.insert(format!("trigger {time} {event} on {table}"));
        }
    }
    Ok(schema)
}

/// Writes the columns; returns the primary key of each table.
async fn sqlite_columns(
    db: &Db,
    schema: &mut Schema,
) -> Result<BTreeMap<String, Vec<String>>, DbError> {
    let columns = "SELECT t.name AS tbl, c.name, c.type, c.\"notnull\" AS not_null, c.dflt_value, \
                   c.pk FROM (SELECT t.name ";
    let rows = query(db, &[columns, SQLITE_TABLES, ") t JOIN pragma_table_info(t.name) c"]).await?;
    let mut keys: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for row in rows {
        let (table, name): (String, String) = (row.get("tbl")?, row.get("name")?);
        let declared = row.get::<&str>("type")?.to_ascii_lowercase();
        let key: i64 = row.get("pk")?;
        if key > 0 {
            keys.entry(table.clone()).or_default().push((key, name.clone()));
        }
        let row_id = key > 0 && declared == "integer";
        let kind = if row_id { "bigint" } else { &declared };
        let not_null = row_id || row.get("not_null")?;
        schema.column(&table, &name, kind, not_null, &default(row.get("dflt_value")?));
    }
    let keys = keys.into_iter().map(|(table, mut columns)| {
        columns.sort();
        (table, columns.into_iter().map(|(_, name)| name).collect::<Vec<_>>())
    });
    let keys: BTreeMap<_, _> = keys.collect();
    for (table, columns) in &keys {
        schema.lines.insert(format!("primary key {table} ({})", columns.join(", ")));
    }
    Ok(keys)
}

async fn sqlite_indexes(db: &Db, schema: &mut Schema) -> Result<(), DbError> {
    let indexes = "SELECT t.name AS tbl, i.name, i.\"unique\" AS is_unique, i.partial, \
                   c.name AS col FROM (SELECT t.name ";
    let rest = ") t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
                WHERE i.origin <> 'pk' ORDER BY i.name, c.seqno";
    let mut found: BTreeMap<(String, String, bool, bool), Columns> = BTreeMap::new();
    for row in query(db, &[indexes, SQLITE_TABLES, rest]).await? {
        let key = (row.get("tbl")?, row.get("name")?, row.get("is_unique")?, row.get("partial")?);
        found.entry(key).or_default().push(row.get("col")?);
    }
    for ((table, mut name, unique, partial), columns) in found {
        if name.starts_with("sqlite_autoindex_") {
            // A UNIQUE in the table: violations of it name the columns.
            let columns: Vec<_> = columns.iter().flatten().map(String::as_str).collect();
            name = format!("{table}_{}", columns.join("_"));
        }
        schema.index(&table, &name, unique, partial, &columns);
    }
    Ok(())
}

async fn sqlite_foreign_keys(
    db: &Db,
    schema: &mut Schema,
    keys: &BTreeMap<String, Vec<String>>,
) -> Result<(), DbError> {
    let foreign = "SELECT t.name AS tbl, f.id, f.\"table\" AS target, f.\"from\" AS source, \
                   f.\"to\" AS dest, f.on_delete FROM (SELECT t.name ";
    let rest = ") t JOIN pragma_foreign_key_list(t.name) f ORDER BY t.name, f.id, f.seq";
    let mut found: BTreeMap<(String, i64), Vec<Row>> = BTreeMap::new();
    for row in query(db, &[foreign, SQLITE_TABLES, rest]).await? {
        found.entry((row.get("tbl")?, row.get("id")?)).or_default().push(row);
    }
    for ((table, _), rows) in found {
        let Some(first) = rows.first() else { continue };
        let target = first.get::<&str>("target")?;
        let from: Vec<&str> = rows.iter().map(|row| row.get("source")).collect::<Result<_, _>>()?;
        let to: Option<Vec<&str>> =
            rows.iter().map(|row| row.get("dest")).collect::<Result<_, _>>()?;
        let to = match to {
            Some(to) => to.join(", "),
            // REFERENCES without columns: the primary key.
            None => keys.get(target).map(|key| key.join(", ")).unwrap_or_default(),
        };
        schema.foreign_key(&table, &from.join(", "), target, &to, first.get("on_delete")?);
    }
    Ok(())
}

/// The names of the named CHECK constraints in a CREATE TABLE, and the number of all.
fn checks(sql: &str) -> (Vec<String>, usize) {
    let spaced = sql.replace(['(', ')', ','], " ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let all = words.iter().filter(|word| word.eq_ignore_ascii_case("check")).count();
    let named = words.windows(3).filter(|words| {
        words[0].eq_ignore_ascii_case("constraint") && words[2].eq_ignore_ascii_case("check")
    });
    (named.map(|words| words[1].to_owned()).collect(), all)
}

async fn postgres(db: &Db) -> Result<Schema, DbError> {
    let mut schema = Schema::default();
    let columns = "SELECT c.table_name AS tbl, c.column_name AS name, c.data_type AS kind,
            c.is_nullable = 'NO' AS not_null, CAST(c.column_default AS TEXT) AS dflt
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
          AND c.table_name <> 'schema_migrations'";
    for row in query(db, &[columns]).await? {
        let (table, name) = (row.get::<&str>("tbl")?, row.get::<&str>("name")?);
        schema.lines.insert(format!("table {table}"));
        let not_null = row.get("not_null")?;
        schema.column(table, name, row.get("kind")?, not_null, &default(row.get("dflt")?));
    }
    let indexes = "SELECT t.relname AS tbl, i.relname AS name, x.indisunique AS is_unique,
            x.indpred IS NOT NULL AS partial, x.indisprimary AS is_primary, a.attname AS col
        FROM pg_index x
        JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_class t ON t.oid = x.indrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'
        CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k (attnum, position)
        LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum AND k.attnum > 0
        WHERE t.relname <> 'schema_migrations' ORDER BY i.relname, k.position";
    let mut found: BTreeMap<(String, String, bool, bool, bool), Columns> = BTreeMap::new();
    for row in query(db, &[indexes]).await? {
        let (table, name) = (row.get("tbl")?, row.get("name")?);
        let key = (table, name, row.get("is_unique")?, row.get("partial")?, row.get("is_primary")?);
        found.entry(key).or_default().push(row.get("col")?);
    }
    for ((table, name, unique, partial, primary), columns) in found {
        if primary {
            let columns: Vec<_> = columns.iter().flatten().map(String::as_str).collect();
            schema.lines.insert(format!("primary key {table} ({})", columns.join(", ")));
        } else {
            schema.index(&table, &name, unique, partial, &columns);
        }
    }
    let constraints = "SELECT c.conname AS name, t.relname AS tbl, c.contype = 'f' AS is_foreign,
            f.relname AS target,
            (SELECT string_agg(a.attname, ', ' ORDER BY k.position)
             FROM unnest(c.conkey) WITH ORDINALITY k (attnum, position)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS source,
            (SELECT string_agg(a.attname, ', ' ORDER BY k.position)
             FROM unnest(c.confkey) WITH ORDINALITY k (attnum, position)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS dest,
            CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                 WHEN 'r' THEN 'RESTRICT' WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END
                 AS on_delete
        FROM pg_constraint c
        JOIN pg_class t ON t.oid = c.conrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'
        LEFT JOIN pg_class f ON f.oid = c.confrelid
        WHERE c.contype IN ('c', 'f')";
    for row in query(db, &[constraints]).await? {
        let (table, name) = (row.get::<&str>("tbl")?, row.get::<&str>("name")?);
        if row.get("is_foreign")? {
            let (source, dest) = (row.get("source")?, row.get("dest")?);
            schema.foreign_key(table, source, row.get("target")?, dest, row.get("on_delete")?);
        } else {
            schema.lines.insert(format!("check {name} on {table}"));
        }
    }
    let triggers = "SELECT lower(CAST(action_timing AS TEXT)) AS time,
            lower(CAST(event_manipulation AS TEXT)) AS event, event_object_table AS tbl
        FROM information_schema.triggers WHERE trigger_schema = 'public'";
    for row in query(db, &[triggers]).await? {
        let (time, event) = (row.get::<&str>("time")?, row.get::<&str>("event")?);
        schema.lines.insert(format!("trigger {time} {event} on {}", row.get::<&str>("tbl")?));
    }
    Ok(schema)
}
