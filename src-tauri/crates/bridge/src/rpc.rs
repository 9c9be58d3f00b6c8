//! JSON-RPC with a program over its pipes, many conversations at once.
//!
//! One task reads and sorts: answers go to whoever asked, news of a conversation to its listener. A
//! program may ask back; what no run answers is declined at once, because a program that waits for a
//! person here would wait for ever.

mod framing;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::{
    io::AsyncWriteExt,
    process::ChildStdin,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::process::Running;
pub(crate) use framing::Framing;
use framing::Messages;

/// How a program speaks.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    /// How messages are told apart on the pipe.
    pub(crate) framing: Framing,
    /// The conversation that a message's parameters name.
    pub(crate) conversation: fn(&Value) -> Option<&str>,
    /// The program's question that runs answer themselves.
    pub(crate) question: &'static str,
    /// News whose last word is kept, as it may come before anybody listens or concerns them all.
    pub(crate) kept: &'static [&'static str],
    /// The answer to every other question, by its method; `None` says that there is no such method.
    pub(crate) decline: fn(&str) -> Option<Value>,
}

/// What a conversation's listener hears.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// News.
    Notice {
        /// Its kind.
        method: String,
        /// What is told.
        params: Value,
    },
    /// A question that wants [`Peer::answer`].
    Question {
        /// Its id.
        id: Value,
        /// What is asked.
        params: Value,
    },
}

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RpcTrouble {
    /// The program has ended; its last words.
    Gone(String),
    /// It said no.
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// It said nothing for so many seconds.
    Silent(u64),
}

/// A program that is spoken with. It ends when this is dropped.
pub(crate) struct Peer {
    shared: Arc<Shared>,
    framing: Framing,
    out: mpsc::UnboundedSender<Vec<u8>>,
    reading: JoinHandle<()>,
}

type Answer = Result<Value, RpcTrouble>;

struct Shared {
    next_id: AtomicU64,
    /// Who waits for which answer; `None` once the program has ended.
    asked: Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>,
    listeners: Mutex<HashMap<String, mpsc::UnboundedSender<Heard>>>,
    news: Mutex<HashMap<String, Value>>,
    last_words: Mutex<String>,
}

/// Hears one conversation until it is dropped.
pub(crate) struct Listener {
    conversation: String,
    shared: Arc<Shared>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Peer {
    /// Takes over a program that was just started.
    pub(crate) fn new(mut running: Running, habits: Habits) -> Self {
        let shared = Arc::new(Shared {
            next_id: AtomicU64::new(1),
            asked: Mutex::new(Some(HashMap::new())),
            listeners: Mutex::default(),
            news: Mutex::default(),
            last_words: Mutex::default(),
        });
        // Without a bound, because a reader that waits for one slow caller would hold up all others;
        // what gathers is at most what the models say.
        let (out, lines) = mpsc::unbounded_channel();
        if let Some(input) = running.input() {
            tokio::spawn(write(input, lines));
        }
        let reading = tokio::spawn(read(running, habits, Arc::clone(&shared), out.clone()));
        Self {
            shared,
            framing: habits.framing,
            out,
            reading,
        }
    }

    /// Whether the program has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.shared.asked.lock().is_none()
    }

    /// Asks and waits for the answer, at most `limit`.
    ///
    /// # Errors
    /// When the program refuses, says nothing, or ends.
    pub(crate) async fn call(&self, method: &str, params: Value, limit: Duration) -> Answer {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let (told, answer) = oneshot::channel();
        match &mut *self.shared.asked.lock() {
            Some(asked) => asked.insert(id, told),
            None => return Err(RpcTrouble::Gone(self.last_words())),
        };
        self.send(json!({"id": id, "method": method, "params": params}));
        match timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(RpcTrouble::Gone(self.last_words())),
            Err(_) => {
                if let Some(asked) = &mut *self.shared.asked.lock() {
                    asked.remove(&id);
                }
                Err(RpcTrouble::Silent(limit.as_secs()))
            }
        }
    }

    /// Tells without waiting for anything.
    pub(crate) fn notify(&self, method: &str) {
        self.send(json!({"method": method}));
    }

    /// Answers a question.
    pub(crate) fn answer(&self, id: &Value, result: &Value) {
        self.send(json!({"id": id, "result": result}));
    }

    /// Asks, and does not care for the answer.
    pub(crate) fn ask_in_passing(&self, method: &str, params: Value) {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        self.send(json!({"id": id, "method": method, "params": params}));
    }

    /// Hears a conversation from now on.
    pub(crate) fn listen(&self, conversation: &str) -> Listener {
        let (told, heard) = mpsc::unbounded_channel();
        let mut listeners = self.shared.listeners.lock();
        // After the program's end nobody would ever hang up on this listener.
        if !self.is_gone() {
            listeners.insert(conversation.to_owned(), told);
        }
        Listener {
            conversation: conversation.to_owned(),
            shared: Arc::clone(&self.shared),
            heard,
        }
    }

    /// The last news of this kind that nobody heard.
    pub(crate) fn news(&self, method: &str) -> Option<Value> {
        self.shared.news.lock().get(method).cloned()
    }

    /// The program's last words, once it has ended.
    pub(crate) fn last_words(&self) -> String {
        self.shared.last_words.lock().clone()
    }

    fn send(&self, message: Value) {
        // A program that has ended is noticed by the reader.
        let _ = self.out.send(self.framing.frame(message));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The reader owns the child.
        self.reading.abort();
    }
}

impl Listener {
    /// What happens next; `None` when the program has ended.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.listeners.lock().remove(&self.conversation);
    }
}

async fn write(mut input: ChildStdin, mut messages: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(message) = messages.recv().await {
        let written = async {
            input.write_all(&message).await?;
            input.flush().await
        };
        if written.await.is_err() {
            return;
        }
    }
}

async fn read(
    mut running: Running,
    habits: Habits,
    shared: Arc<Shared>,
    out: mpsc::UnboundedSender<Vec<u8>>,
) {
    if let Some(output) = running.output() {
        let mut messages = Messages::new(output, habits.framing);
        while let Ok(Some(message)) = messages.next().await {
            match serde_json::from_slice(message) {
                Ok(Value::Object(message)) => shared.sort(message, &habits, &out),
                Ok(_) => tracing::debug!("a program wrote a line that is no message"),
                Err(error) => tracing::debug!(%error, "a program wrote a line that is no message"),
            }
        }
    }
    let words = running.last_words().await;
    *shared.last_words.lock() = words.clone();
    // First nobody can ask any more, then nobody can wait in vain.
    let asked = shared.asked.lock().take();
    for waiting in asked.into_iter().flat_map(HashMap::into_values) {
        let _ = waiting.send(Err(RpcTrouble::Gone(words.clone())));
    }
    shared.listeners.lock().clear();
}

impl Shared {
    fn sort(
        &self,
        mut message: Map<String, Value>,
        habits: &Habits,
        out: &mpsc::UnboundedSender<Vec<u8>>,
    ) {
        let mut taken = |member| message.remove(member).unwrap_or_default();
        let (id, params) = (taken("id"), taken("params"));
        let Value::String(method) = taken("method") else {
            self.answered(&id, taken("result"), &taken("error"));
            return;
        };
        let conversation = (habits.conversation)(&params).map(str::to_owned);
        let listeners = self.listeners.lock();
        let listener = conversation.and_then(|name| listeners.get(&name));
        if id.is_null() {
            match listener {
                Some(listener) => {
                    let _ = listener.send(Heard::Notice { method, params });
                }
                None if habits.kept.contains(&method.as_str()) => {
                    self.news.lock().insert(method, params);
                }
                None => {}
            }
            return;
        }
        if let Some(listener) = listener.filter(|_| method == habits.question) {
            let _ = listener.send(Heard::Question { id, params });
            return;
        }
        let answer = match (habits.decline)(&method) {
            Some(result) => json!({"id": id, "result": result}),
            None => {
                let error = json!({"code": NO_METHOD, "message": "byokey does not do this"});
                json!({"id": id, "error": error})
            }
        };
        let _ = out.send(habits.framing.frame(answer));
    }

    fn answered(&self, id: &Value, result: Value, error: &Value) {
        let mut asked = self.asked.lock();
        let waiting = id
            .as_u64()
            .zip(asked.as_mut())
            .and_then(|(id, asked)| asked.remove(&id));
        // Nobody waits for the answer to what was asked in passing.
        let Some(waiting) = waiting else { return };
        let answer = match error {
            Value::Null => Ok(result),
            error => Err(RpcTrouble::Refused {
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
            }),
        };
        let _ = waiting.send(answer);
    }
}

/// JSON-RPC: there is no such method.
const NO_METHOD: i64 = -32601;

#[cfg(test)]
mod tests;
