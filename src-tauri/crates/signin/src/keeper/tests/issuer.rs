//! A token endpoint for one test: rotates what it is given, counts, and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What it may say instead of a grant.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status, further headers, body.
    Page(u16, String, String),
    /// A grant that breaks off in its middle.
    Cut,
}

impl Answer {
    pub(crate) fn page(status: u16, body: &str) -> Self {
        Self::Page(status, String::new(), body.to_owned())
    }

    pub(crate) fn refused(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"error":"{code}","error_description":"the words of {code}"}}"#);
        Self::page(status, if code.is_empty() { "{}" } else { &body })
    }
}

#[derive(Default)]
struct State {
    posts: Vec<String>,
    always: HashMap<String, Answer>,
    once: HashMap<String, VecDeque<Answer>>,
    gate: Option<Gate>,
}

/// Holds answers back.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    reached: Arc<Notify>,
    open: Arc<Notify>,
}

impl Gate {
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) fn open(&self) {
        self.open.notify_one();
    }
}

pub(crate) struct Issuer {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, state }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/token", self.origin())
    }

    /// The bodies that came.
    pub(crate) fn posts(&self) -> Vec<String> {
        self.state.lock().posts.clone()
    }

    /// Answers a refresh token like this from now on.
    pub(crate) fn always(&self, refresh: &str, answer: Answer) {
        self.state.lock().always.insert(refresh.to_owned(), answer);
    }

    /// The same for one more time.
    pub(crate) fn once(&self, refresh: &str, answer: Answer) {
        let mut state = self.state.lock();
        state
            .once
            .entry(refresh.to_owned())
            .or_default()
            .push_back(answer);
    }

    /// Holds the next answer back.
    pub(crate) fn hold(&self) -> Gate {
        let gate = Gate::default();
        self.state.lock().gate = Some(gate.clone());
        gate
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some(body) = read(&mut stream).await else {
        return;
    };
    let given: Value = serde_json::from_str(&body).unwrap();
    let refresh = given["refresh_token"].as_str().unwrap().to_owned();
    let (answer, gate) = {
        let mut state = state.lock();
        state.posts.push(body);
        let once = state.once.get_mut(&refresh).and_then(VecDeque::pop_front);
        let answer = once.or_else(|| state.always.get(&refresh).cloned());
        (answer, state.gate.take())
    };
    if let Some(gate) = gate {
        gate.reached.notify_one();
        gate.open.notified().await;
    }
    let (status, headers, body) = match answer {
        Some(Answer::Page(status, headers, body)) => (status, headers, body),
        None => (200, String::new(), rotated(&refresh)),
        Some(Answer::Cut) => {
            let text = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"access_token\":\"x\",";
            let _ = stream.write_all(text.as_bytes()).await;
            return;
        }
    };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // One that has read enough hangs up.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// `refresh-x-3` becomes the pair number 4 of `x`.
fn rotated(refresh: &str) -> String {
    let (name, number) = refresh.rsplit_once('-').unwrap();
    let who = name.strip_prefix("refresh-").unwrap();
    let next = number.parse::<u32>().unwrap() + 1;
    format!(
        r#"{{"access_token":"access-{who}-{next}","refresh_token":"refresh-{who}-{next}","expires_in":3600}}"#
    )
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(at) = request.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1)?;
    let length: usize = length.split("\r\n").next()?.parse().ok()?;
    while request.len() < end + length {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&request[end..end + length]).into_owned())
}
