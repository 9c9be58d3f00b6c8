use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use super::{body, soon};

/// A running `byokey serve`. Dropping it kills the process.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    http: reqwest::Client,
}

impl Server {
    /// Starts this command and waits until it says where it listens.
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut stdout = child.stdout.take().unwrap();
        let url = soon("byokey to listen", async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let url = address_in(&line);
                output.lock().push_str(&(line + "\n"));
                if let Some(url) = url {
                    return url;
                }
            }
            panic!("byokey did not listen: {}", output.lock());
        })
        .await;
        let (on, off) = (Arc::clone(&output), Arc::clone(&output));
        let errors = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                on.lock().push_str(&(line + "\n"));
            }
        });
        let data = tokio::spawn(async move {
            let mut bytes = Vec::new();
            // A broken pipe ends it like the end of the process does.
            let _ = stdout.read_to_end(&mut bytes).await;
            off.lock().push_str(&String::from_utf8_lossy(&bytes));
        });
        // A second installation finds the first one in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            url,
            child,
            output,
            readers: vec![errors, data],
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Everything it has written so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().clone()
    }

    pub(crate) fn post(
        &self,
        path: &str,
        key: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .bearer_auth(key)
            .header("content-type", "application/json")
            .body(body)
    }

    pub(crate) fn get(&self, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.http
            .get(format!("{}{path}", self.url))
            .bearer_auth(key)
    }

    pub(crate) fn request(&self, method: &str, path: &str, token: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.bearer_auth(token)
    }

    pub(crate) fn patch(&self, path: &str, token: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = self.http.patch(format!("{}{path}", self.url));
        request.bearer_auth(token).json(body)
    }

    /// Says one thing in the dialect of the path and returns status and reply.
    pub(crate) async fn say(&self, path: &str, key: &str, model: &str, text: &str) -> (u16, Value) {
        let reply = self
            .post(path, key, body(model, text, false).to_string())
            .send()
            .await
            .unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Reads its output no more: from here on every write of it fails.
    pub(crate) async fn stop_reading(&mut self) {
        for reader in self.readers.drain(..) {
            reader.abort();
            // It ends as cancelled, and with it its end of the pipe.
            let _ = reader.await;
        }
    }

    /// Waits until it has ended by itself; returns its exit code and everything it wrote.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = soon("the end of byokey serve", self.child.wait()).await;
        for reader in self.readers.drain(..) {
            reader.await.unwrap();
        }
        (status.unwrap().code(), self.output())
    }

    /// Ends it without any warning.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn address_in(line: &str) -> Option<String> {
    const START: &str = "http://127.0.0.1:";
    let rest = line.split_once(START)?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    (!digits.is_empty()).then(|| format!("{START}{digits}"))
}
