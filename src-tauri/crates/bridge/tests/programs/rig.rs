//! What all tests with real programs need: where the programs are, and how a reply is read.

use std::{fs, path::PathBuf, time::Duration};

use byokey_bridge::{BridgeBody, BridgeCall, BridgeSettings, BridgeTrouble, Bridges};
use byokey_catalog::{Bridge, Catalog, Flow};
use byokey_sim::{Kind, Script, Seen, Sim};
use http::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(90);

/// The folder whose `node_modules` holds the programs.
pub(crate) fn packages() -> PathBuf {
    let folder = std::env::var_os("BYOKEY_TEST_PROGRAMS").expect(
        "these tests need the real programs; `cargo xtask test clients` installs them and names \
         their folder in BYOKEY_TEST_PROGRAMS",
    );
    PathBuf::from(folder).join("node_modules")
}

/// This system as npm names it.
pub(crate) fn system() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        _ => "arm64",
    };
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        os => os,
    };
    format!("{os}-{arch}")
}

/// A user's machine with a program on it, and a simulated provider for that.
pub(crate) struct House {
    folder: TempDir,
    pub(crate) sim: Sim,
    pub(crate) bridge: Bridge,
    pub(crate) settings: BridgeSettings,
    pub(crate) bridges: Bridges,
}

impl House {
    pub(crate) async fn new(kind: Kind, (provider, route): (&str, &str), program: PathBuf) -> Self {
        let catalog = Catalog::bundled().unwrap();
        let route = catalog.provider(provider).unwrap().route(route).unwrap();
        let Flow::Bridge(bridge) = &route.flow else {
            panic!("{provider} has no such bridge");
        };
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self {
            sim: Sim::start(kind, Script::default()).await,
            bridge: bridge.clone(),
            settings: BridgeSettings {
                program: Some(program),
                env: [].into(),
            },
            bridges: Bridges::new(folder.path().join("work")),
            folder,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Where the program keeps its things.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) async fn call(&self, body: &Value) -> Response<BridgeBody> {
        let call = self.bridges.call(BridgeCall {
            bridge: &self.bridge,
            settings: &self.settings,
            account: 1,
            body: body.to_string().into(),
        });
        soon("a reply", call).await
    }

    pub(crate) async fn say(&self, body: &Value) -> Said {
        Said::of(self.call(body).await).await
    }

    pub(crate) async fn trouble(&self, body: &Value) -> (u16, BridgeTrouble) {
        let response = self.call(body).await;
        let trouble = response.extensions().get::<BridgeTrouble>().cloned();
        (response.status().as_u16(), trouble.expect("a trouble"))
    }

    /// What the model was asked last.
    pub(crate) fn asked(&self) -> Value {
        let all = self.sim.requests();
        all.last().map(Seen::json).unwrap()
    }
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// A Messages request with these messages.
pub(crate) fn request(model: &str, messages: &Value) -> Value {
    json!({"model": model, "max_tokens": 1000, "stream": true, "messages": messages})
}

/// One message of the user.
pub(crate) fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

fn tool(name: &str) -> Value {
    let properties = json!({"city": {"type": "string"}, "days": {"type": "integer"}});
    json!({"name": name, "description": format!("asks for the {name}"),
        "input_schema": {"type": "object", "properties": properties}})
}

pub(crate) fn with_tools(mut body: Value, names: &[&str]) -> Value {
    body["tools"] = names.iter().map(|name| tool(name)).collect();
    body
}

/// The next request of a tool loop: the reply and what came out of its calls.
pub(crate) fn answered(mut body: Value, said: &Said, outputs: &[&str]) -> Value {
    let results: Vec<_> = said
        .calls()
        .iter()
        .zip(outputs)
        .map(|(call, output)| {
            json!({"type": "tool_result", "tool_use_id": call["id"], "content": output})
        })
        .collect();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": said.content}));
    messages.push(json!({"role": "user", "content": results}));
    body
}

/// A whole reply, read from its stream.
#[derive(Debug)]
pub(crate) struct Said {
    /// The content blocks, as the Messages API would reply them.
    pub(crate) content: Vec<Value>,
    /// Why it ended; null when it did not.
    pub(crate) stop_reason: Value,
    /// The counts at the end.
    pub(crate) usage: Value,
    /// How many pieces of text came.
    pub(crate) pieces: usize,
    /// The error that ended it.
    pub(crate) error: Value,
}

impl Said {
    pub(crate) async fn of(response: Response<BridgeBody>) -> Self {
        let trouble = response.extensions().get::<BridgeTrouble>().cloned();
        assert_eq!(response.status(), 200, "{trouble:?}");
        let body = soon("the end of the reply", response.into_body().collect()).await;
        let body = body.unwrap().to_bytes();
        let text = std::str::from_utf8(&body).unwrap();
        let mut said = Self {
            content: Vec::new(),
            stop_reason: Value::Null,
            usage: Value::Null,
            pieces: 0,
            error: Value::Null,
        };
        for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            said.event(serde_json::from_str(data).unwrap());
        }
        said
    }

    fn event(&mut self, mut event: Value) {
        let kind = event["type"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "content_block_start" => self.content.push(event["content_block"].take()),
            "content_block_delta" => {
                let block = self.content.last_mut().unwrap();
                let delta = &event["delta"];
                let (from, to) = match delta["type"].as_str().unwrap() {
                    "text_delta" => {
                        self.pieces += 1;
                        ("text", "text")
                    }
                    "thinking_delta" => ("thinking", "thinking"),
                    "input_json_delta" => ("partial_json", "json"),
                    _ => return,
                };
                let sofar = block[to].as_str().unwrap_or_default();
                block[to] = (sofar.to_owned() + delta[from].as_str().unwrap()).into();
            }
            "content_block_stop" => {
                let block = self.content.last_mut().unwrap();
                if let Some(json) = block["json"].as_str() {
                    block["input"] = serde_json::from_str(json).unwrap();
                    block.as_object_mut().unwrap().remove("json");
                }
            }
            "message_delta" => {
                self.stop_reason = event["delta"]["stop_reason"].take();
                self.usage = event["usage"].take();
            }
            "error" => self.error = event["error"].take(),
            _ => {}
        }
    }

    /// All of its visible text.
    pub(crate) fn text(&self) -> String {
        let texts = self
            .content
            .iter()
            .filter_map(|block| block["text"].as_str());
        texts.collect()
    }

    /// The tool calls in it.
    pub(crate) fn calls(&self) -> Vec<&Value> {
        let calls = self.content.iter();
        calls.filter(|block| block["type"] == "tool_use").collect()
    }
}
