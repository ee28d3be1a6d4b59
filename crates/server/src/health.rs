//! Whether PostgreSQL answers: looked at all the time, so that requests need not find out one by
//! one while the network swallows what they send.
//!
//! What holds always here: a node that is cut off refuses writes and is not ready within
//! [`LOOK_EVERY`] and [`ANSWER_WITHIN`]; it serves again as soon as one look is answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use db::DbError;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A server that takes longer is taken for lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What the last look found.
#[derive(Debug, Default)]
pub struct Health {
    lost: AtomicBool,
}

impl Health {
    /// Fails while the database is lost.
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub fn check(&self) -> Result<(), DbError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(DbError::Unavailable("the database does not answer".into()));
        }
        Ok(())
    }

    fn found(&self, lost: bool) {
        if self.lost.swap(lost, Ordering::Relaxed) != lost {
            if lost {
                tracing::error!("the database does not answer: writes are refused");
            } else {
                tracing::info!("the database answers again");
            }
        }
    }

    /// Looks until `stop`, on a connection of its own: the pool's may all be at work.
    pub(crate) async fn watch(&self, pool: PgPool, stop: CancellationToken) {
        let looking = async {
            let mut conn = None;
            loop {
                let look = timeout(ANSWER_WITHIN, look(&pool, &mut conn)).await;
                let lost = !matches!(look, Ok(Ok(())));
                if lost {
                    conn = None;
                }
                self.found(lost);
                sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = looking => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn look(pool: &PgPool, conn: &mut Option<PgConnection>) -> Result<(), sqlx::Error> {
    if conn.is_none() {
        let options = pool.connect_options().as_ref().clone().application_name("souk-health");
        *conn = Some(options.connect().await?);
    }
    match conn {
        Some(conn) => conn.ping().await,
        None => Ok(()),
    }
}
