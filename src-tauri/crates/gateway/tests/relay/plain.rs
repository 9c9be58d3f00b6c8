//! A server of no dialect that notes what it was asked and answers as it is told.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method};
use parking_lot::Mutex;

/// What the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A running server.
pub(crate) struct Plain {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Plain {
    pub(crate) async fn start(
        answer: impl Fn(&Asked) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (answer, noted) = (answer.clone(), noted.clone());
            async move {
                let (parts, body) = request.into_parts();
                let seen = Asked {
                    method: parts.method,
                    target: parts.uri.to_string(),
                    headers: parts.headers,
                    body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
                };
                noted.lock().push(seen.clone());
                answer(&seen)
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// One that gives everybody this JSON.
    pub(crate) async fn json(body: serde_json::Value) -> Self {
        Self::start(move |_| json(200, &body)).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().expect("nothing was asked")
    }
}

pub(crate) fn json(status: u16, body: &serde_json::Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}
