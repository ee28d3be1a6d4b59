//! Offsets: how a client names the last event that it saw.
//!
//! What holds always here: an offset names a position of one journal. The journal's *epoch*, a
//! random text that is made with the database, is part of it, so an offset of another database,
//! or any other text that a client took for one, is never mistaken for an offset of this one.

use std::sync::Arc;

use db::{Db, DbError, args, sql};

use crate::text::hex;

/// Names one journal for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// An epoch of this text; `random` makes a new one.
    fn new(random: [u8; 8]) -> Self {
        Self(hex(&random).into())
    }

    /// The offset of a position.
    pub fn offset(&self, position: i64) -> String {
        format!("{}.{position}", self.0)
    }

    /// The position of an offset; `None` for another epoch's and for what is no offset.
    pub fn position(&self, offset: &str) -> Option<i64> {
        let digits = offset.strip_prefix(&*self.0)?.strip_prefix('.')?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let position: i64 = digits.parse().ok().filter(|_| plain)?;
        // One text for each position.
        (digits.len() == 1 || !digits.starts_with('0')).then_some(position)
    }
}

/// The epoch of a database; `random` becomes it where there is none yet.
pub(super) async fn load(db: &Db, random: [u8; 8]) -> Result<Epoch, DbError> {
    const KEY: &str = "journal_epoch";
    let find = || sql!("SELECT value FROM meta WHERE key = $1");
    if let Some(row) = db.fetch_optional(find(), args![KEY]).await? {
        return Ok(Epoch(row.get::<String>("value")?.into()));
    }
    let mut tx = db.begin().await?;
    tx.execute(
        sql!("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING"),
        args![KEY, &*Epoch::new(random).0],
    )
    .await?;
    let row = tx.fetch_one(find(), args![KEY]).await?;
    tx.commit().await?;
    Ok(Epoch(row.get::<String>("value")?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_of_one_epoch_and_of_one_form() {
        let (epoch, other) = (Epoch::new([7; 8]), Epoch::new([8; 8]));
        for position in [0, 1, 42, i64::MAX] {
            let offset = epoch.offset(position);
            assert_eq!(epoch.position(&offset), Some(position), "{offset}");
            assert_eq!(other.position(&offset), None);
        }
        let form = |text: &str| epoch.position(&format!("0707070707070707{text}"));
        assert_eq!(form(".12"), Some(12));
        for text in
            ["", ".", "12", ".-1", ".+1", ".1 ", ".01", ".1.0", ".x", ".9223372036854775808"]
        {
            assert_eq!(form(text), None, "{text}");
        }
        for text in ["", "hello", "12", ".12", "0707070707070708.1"] {
            assert_eq!(epoch.position(text), None, "{text}");
        }
    }
}
