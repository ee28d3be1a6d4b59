//! One query for what many ask at the same time.
//!
//! What holds always here: an answer is from a query that began after the question was asked. Who
//! asks alone does not wait; while one query runs and for [`PAUSE`] after it, further questions
//! gather for the next one. So many questions cost few queries, however fast they come.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use db::DbError;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::app::App;

/// Between the end of one query and the next.
const PAUSE: Duration = Duration::from_millis(5);
/// Questions that one query answers.
const BATCH: usize = 500;

/// Asks the database: the answers to the questions that have one.
type Query<K, V> = fn(App, Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, DbError>>;

/// The questions of one kind.
pub struct Gather<K, V> {
    query: Query<K, V>,
    state: Arc<Mutex<State<K, V>>>,
}

type Answer<V> = Result<Option<V>, DbError>;

struct State<K, V> {
    waiting: HashMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    is_running: bool,
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is a single step.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V> Gather<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Questions that `query` answers.
    pub fn new(query: Query<K, V>) -> Self {
        let state = State { waiting: HashMap::new(), is_running: false };
        Self { query, state: Arc::new(Mutex::new(state)) }
    }

    /// The answer, if there is one.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn ask(&self, app: &App, question: K) -> Answer<V> {
        let (sender, answer) = oneshot::channel();
        let is_running = {
            let mut state = lock(&self.state);
            state.waiting.entry(question).or_default().push(sender);
            std::mem::replace(&mut state.is_running, true)
        };
        if !is_running {
            // In a task of its own: whoever asked first may give up.
            tokio::spawn(run(app.clone(), self.query, self.state.clone()));
        }
        let gone = |_| DbError::Unavailable("the query was given up".into());
        answer.await.map_err(gone)?
    }
}

/// Answers until nobody asks.
async fn run<K, V>(app: App, query: Query<K, V>, state: Arc<Mutex<State<K, V>>>)
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    loop {
        let asked: HashMap<K, Vec<_>> = {
            let mut state = lock(&state);
            let some: Vec<K> = state.waiting.keys().take(BATCH).cloned().collect();
            let asked = some.into_iter().filter_map(|key| state.waiting.remove_entry(&key));
            let asked: HashMap<_, _> = asked.collect();
            if asked.is_empty() {
                state.is_running = false;
                return;
            }
            asked
        };
        let is_full = asked.len() == BATCH;
        // A panic of the query must not stop the later ones.
        let answers = tokio::spawn(query(app.clone(), asked.keys().cloned().collect())).await;
        let answers = answers
            .unwrap_or_else(|error| Err(DbError::Unavailable(format!("the query: {error}"))));
        for (key, senders) in asked {
            for sender in senders {
                let answer = match &answers {
                    Ok(answers) => Ok(answers.get(&key).cloned()),
                    Err(error) => Err(error.clone()),
                };
                let _ = sender.send(answer);
            }
        }
        if !is_full {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
