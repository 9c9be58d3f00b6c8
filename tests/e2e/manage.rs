//! The management API as a program of the user's own would ask it.

use serde_json::{Value, json};

use super::{House, Server, soon};

/// Access to the management API of a running engine.
pub(crate) struct Manage<'a> {
    server: &'a Server,
    token: String,
}

impl House {
    /// The management API of the engine that runs on this house.
    pub(crate) fn manage<'a>(&self, server: &'a Server) -> Manage<'a> {
        Manage {
            server,
            token: self.manage_token(),
        }
    }
}

impl Manage<'_> {
    /// Asks; the status and what it says. Without a body for null.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.server.request(method, path, &self.token);
        let request = match body {
            Value::Null => request,
            body => request.json(&body),
        };
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        (status, reply.json().await.unwrap_or_default())
    }

    /// Starts a sign-in by this route, its notice accepted. Its id.
    pub(crate) async fn start(&self, provider: &str, route: &str, more: Value) -> String {
        let mut body = json!({"provider": provider, "route": route, "accept_notice": true});
        if let Value::Object(more) = more {
            body.as_object_mut().unwrap().extend(more);
        }
        let (status, started) = self.ask("POST", "/manage/signins", body).await;
        assert_eq!(status, 201, "{started}");
        started["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a sign-in is at one of these steps.
    pub(crate) async fn step(&self, id: &str, wanted: &[&str]) -> Value {
        let mut path = format!("/manage/signins/{id}");
        let waited = async {
            loop {
                let (status, seen) = self.ask("GET", &path, Value::Null).await;
                assert_eq!(status, 200, "{seen}");
                let kind = seen["step"]["kind"].as_str().unwrap();
                if wanted.contains(&kind) {
                    return seen["step"].clone();
                }
                let over = matches!(kind, "done" | "failed");
                assert!(!over, "wanted {wanted:?}, came to {seen}");
                let mark = seen["mark"].as_str().unwrap();
                path = format!("/manage/signins/{id}?after={mark}");
            }
        };
        soon(&format!("the sign-in to be {wanted:?}"), waited).await
    }
}
