//! What is paid out, by a rail that answers as the dice fall and is cut off at any step.

use std::pin::pin;

use db::{DbError, args, sql};
use serde_json::json;
use souk::payouts;

use super::Fault;
use super::run::{History, Step, same};

impl History<'_> {
    /// The id of the payout, where there is one.
    pub async fn find_payout(&mut self) -> Step {
        let rows = sql!("SELECT id FROM payouts WHERE request_id = $1 ORDER BY id");
        let request = self.deal.request_id();
        let rows = self.app.app.db.fetch_all(rows, args![&request]).await;
        let rows = rows.map_err(|error| error.to_string())?;
        if rows.len() > 1 {
            return Err(format!("{} payouts of one share", rows.len()));
        }
        if let Some(row) = rows.first()
            && let Some(payment) = self.model.payment()
        {
            payment.payout = Some(row.get("id").map_err(|error: DbError| error.to_string())?);
        }
        Ok(())
    }

    pub async fn start_payout(&mut self) -> Step {
        if self.model.request != "completed" {
            return Ok(());
        }
        self.note(format_args!("start the payout"));
        let mut tx = self.tx().await;
        let request = self.deal.request_id();
        let found = payouts::service::start(&mut tx, &self.app.app, &request).await;
        Self::conclude(tx, found, None).await?;
        self.find_payout().await
    }

    /// Hands the payout over, and perhaps ends at any step of it.
    pub async fn hand_over(&mut self) -> Step {
        let Some(payout) = self.payout() else { return Ok(()) };
        let polls = self.cut().unwrap_or(usize::MAX);
        self.note(format_args!("hand over, {polls} polls"));
        crate::payouts::cut(pin!(payouts::service::submit(&self.app.app, &payout)), polls).await;
        self.after_payout().await
    }

    pub async fn look(&mut self) -> Step {
        let Some(payout) = self.payout() else { return Ok(()) };
        let polls = self.cut().unwrap_or(usize::MAX);
        self.note(format_args!("look, {polls} polls"));
        crate::payouts::cut(pin!(payouts::service::poll(&self.app.app, &payout)), polls).await;
        self.after_payout().await
    }

    /// A payout goes as its rail answers; the payment has to fit it.
    async fn after_payout(&mut self) -> Step {
        let Some(payout) = self.payout() else { return Ok(()) };
        // What was cut off in its commit may be stored a moment later, and then before this.
        self.tx().await.commit().await.map_err(|error| error.to_string())?;
        let row = sql!("SELECT status, attempt FROM payouts WHERE id = $1");
        let row = self.app.app.db.fetch_one(row, args![&payout]).await;
        let row = row.map_err(|error| error.to_string())?;
        let status: String = row.get("status").map_err(|error: DbError| error.to_string())?;
        let attempt: i64 = row.get("attempt").map_err(|error: DbError| error.to_string())?;
        let Some(payment) = self.model.payment() else { return Ok(()) };
        (payment.status, payment.escrow) = match status.as_str() {
            "queued" if attempt == 0 => ("confirmed", "releasable"),
            "queued" | "failed" => ("confirmed", "failed"),
            "completed" => ("completed", "released"),
            _ => ("confirmed", "releasing"),
        };
        let submitted = self.world.rail.submitted.lock().expect("a lock");
        let of_this = submitted.iter().filter(|(name, _)| name.starts_with(payout.as_str()));
        for (name, times) in of_this {
            same(&format!("{name} handed over"), *times, 1)?;
        }
        Ok(())
    }

    /// Things that nobody should do: a second payout, an escrow set whatever it was; and an
    /// administrator who tries a payout again.
    pub async fn meddle(&mut self) -> Step {
        let Some(payout) = self.payout() else { return self.overwrite().await };
        if self.below(2) == 0 {
            self.note(format_args!("insert a second payout"));
            let mut tx = self.app.app.db.begin().await.map_err(|error| error.to_string())?;
            let second = sql!(
                "INSERT INTO payouts (id, payment_id, request_id, seller_id, provider, currency,
                     amount, crypto, address, status, attempt, created_at, updated_at)
                 SELECT id || '-2', payment_id, request_id, seller_id, provider, currency, amount,
                     crypto, address, 'queued', 0, created_at, updated_at
                 FROM payouts WHERE id = $1"
            );
            if tx.execute(second, args![&payout]).await.is_ok() {
                tx.commit().await.map_err(|error| error.to_string())?;
            }
            return self.find_payout().await;
        }
        self.note(format_args!("retry the payout"));
        let body = json!({ "notSent": false });
        let retry = format!("/api/payment/payouts/{payout}/retry");
        let answer = self.world.admin.post(&retry).json(&body).send().await;
        if !matches!(answer.status.as_u16(), 200 | 409) {
            return Err(format!("{answer:#?}"));
        }
        self.after_payout().await
    }

    async fn overwrite(&mut self) -> Step {
        if self.world.fault != Fault::UnconditionalUpdate {
            return Ok(());
        }
        self.note(format_args!("set the escrow whatever it was"));
        let update =
            sql!("UPDATE payment_shares SET escrow_state = 'funded' WHERE request_id = $1");
        let mut tx = self.app.app.db.begin().await.map_err(|error| error.to_string())?;
        tx.execute(update, args![&self.deal.request_id()]).await.map_err(|e| e.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())
    }
}
