//! What the console reads. Journal and ledger are searched by the deal's ids: that is slow on a
//! large journal, and done for an operator who looks at one deal.

use std::collections::BTreeMap;

use db::{Db, DbError, FromRow, args, sql};
use events::{RequestId, UserId};

use super::model::{Booked, JournalEntry, containing};

/// Most events of a timeline.
const EVENTS_MAX: i64 = 1000;

/// Entries after a position, in order.
pub async fn journal_after(db: &Db, after: i64, limit: i64) -> Result<Vec<JournalEntry>, DbError> {
    let sql = sql!(
        "SELECT position, event_id, name, audience, payload, created_at FROM journal
         WHERE position > $1 AND name <> '$control' ORDER BY position LIMIT $2"
    );
    let rows = db.fetch_all(sql, args![after, limit]).await?;
    rows.iter().map(JournalEntry::from_row).collect()
}

/// The newest entries, in order.
pub async fn journal_newest(db: &Db, limit: i64) -> Result<Vec<JournalEntry>, DbError> {
    let sql = sql!(
        "SELECT position, event_id, name, audience, payload, created_at FROM journal
         WHERE name <> '$control' ORDER BY position DESC LIMIT $1"
    );
    let rows = db.fetch_all(sql, args![limit]).await?;
    rows.iter().rev().map(JournalEntry::from_row).collect()
}

/// What the journal says of a request, in order.
pub async fn events_of(db: &Db, id: &RequestId) -> Result<Vec<JournalEntry>, DbError> {
    let sql = sql!(
        "SELECT j.position, j.event_id, j.name, j.audience, j.payload, j.created_at FROM journal j
         WHERE j.name <> '$control' AND (j.audience LIKE $1 OR j.payload LIKE $1)
           AND j.created_at >= (SELECT created_at FROM purchase_requests WHERE id = $2)
         ORDER BY j.position LIMIT $3"
    );
    let rows = db.fetch_all(sql, args![containing(id), id, EVENTS_MAX]).await?;
    rows.iter().map(JournalEntry::from_row).collect()
}

/// What the ledger says of a request, its payments and its payouts, each entry once.
pub async fn entries_of(db: &Db, id: &RequestId) -> Result<Vec<Booked>, DbError> {
    let sql = sql!(
        "SELECT payment_id AS id FROM payment_shares WHERE request_id = $1
         UNION SELECT id FROM payouts WHERE request_id = $1"
    );
    let mut ids = vec![id.to_string()];
    for row in db.fetch_all(sql, args![id]).await? {
        ids.push(row.get("id")?);
    }
    let mut found = BTreeMap::new();
    for id in ids {
        let sql = sql!(
            "SELECT e.transfer_id, e.line, e.from_account, e.to_account, e.amount,
                    t.kind, t.reference, t.currency, t.created_at
             FROM ledger_entries e JOIN ledger_transfers t ON t.id = e.transfer_id
             WHERE t.reference LIKE $1 OR e.from_account LIKE $1 OR e.to_account LIKE $1"
        );
        for row in db.fetch_all(sql, args![containing(&id)]).await? {
            let booked = Booked::from_row(&row)?;
            found.insert(booked.key.clone(), booked);
        }
    }
    Ok(found.into_values().collect())
}

/// A user's name.
pub async fn name_of(db: &Db, id: &UserId) -> Result<Option<String>, DbError> {
    let row = db.fetch_optional(sql!("SELECT name FROM users WHERE id = $1"), args![id]).await?;
    row.map(|row| row.get("name")).transpose()
}
