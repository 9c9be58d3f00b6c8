//! A certified OpenID server as a provider of the user's own: browser and device login, renewal
//! under rotation with reuse detection, revocation. It forgives nothing that RFCs forbid.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
};

use super::matrix::installed;
use crate::rig::{House, Server, body, soon};

const CHAT: &str = "/v1/chat/completions";

/// The server, its API, and a person at a browser.
struct Certified {
    issuer: String,
    client: String,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Certified {
    async fn start() -> Self {
        let (program, folder) = installed();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/oidc_provider.mjs");
        let mut child = Command::new(program)
            .arg(script)
            .env("NODE_FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = soon("the certified server", lines.next_line()).await;
        let first: Value = serde_json::from_str(&first.unwrap().unwrap()).unwrap();
        let text = |member: &str| first[member].as_str().unwrap().to_owned();
        Self {
            issuer: text("issuer"),
            client: text("client"),
            stdin: child.stdin.take().unwrap(),
            lines,
            _child: child,
        }
    }

    /// byokey's configuration with this provider as `own`.
    fn config(&self) -> String {
        let Self { issuer, client, .. } = self;
        format!(
            "port: 0\nproviders:\n  own:\n    dialect: chat\n    base_url: {issuer}/v1\n    \
             models: [m]\n    oauth: {{ issuer: '{issuer}', client_id: {client} }}\n"
        )
    }

    async fn wish(&mut self, wish: Value) -> Value {
        let line = format!("{wish}\n");
        self.stdin.write_all(line.as_bytes()).await.unwrap();
        let outcome = soon("a wish", self.lines.next_line()).await.unwrap();
        let outcome: Value = serde_json::from_str(&outcome.unwrap()).unwrap();
        assert!(outcome["error"].is_null(), "{outcome}");
        outcome
    }

    /// How often a grant type was granted.
    async fn granted(&mut self, kind: &str) -> usize {
        let told = self.wish(json!({"told": true})).await;
        let granted = told["granted"].as_array().unwrap();
        granted.iter().filter(|it| *it == kind).count()
    }
}

async fn sign_in(certified: &mut Certified, house: &House, server: &Server, person: &str) {
    let api = house.manage(server);
    let id = api.start("own", "oauth-pkce", Value::Null).await;
    let step = api.step(&id, &["browser"]).await;
    let visit = json!({"visit": step["url"], "as": person});
    assert_eq!(certified.wish(visit).await["status"], 200);
    api.step(&id, &["done"]).await;
}

#[tokio::test]
async fn a_browser_login_lives_through_rotation_with_reuse_detection() {
    let mut certified = Certified::start().await;
    let house = House::configured(&certified.config());
    let key = house.client_key("k").await;
    let mut server = house.serve().await;
    sign_in(&mut certified, &house, &server, "ada").await;
    for round in 1..=4 {
        certified.wish(json!({"expire": true})).await;
        // Many at once: one renewal, or the family would be dead.
        let mut many = JoinSet::new();
        for _ in 0..20 {
            let asked = body("own/m", "hi", false).to_string();
            many.spawn(server.post(CHAT, &key, asked).send());
        }
        while let Some(reply) = many.join_next().await {
            let reply: Value = reply.unwrap().unwrap().json().await.unwrap();
            let said = &reply["choices"][0]["message"]["content"];
            assert_eq!(said, "Hello ada", "{reply}");
        }
        assert_eq!(certified.granted("refresh_token").await, round);
        if round % 2 == 0 {
            server.kill().await;
            server = house.serve().await;
        }
    }
    let told = certified.wish(json!({"told": true})).await;
    assert_eq!(
        (&told["refused"], &told["revoked"]),
        (&json!([]), &json!(0))
    );
    let out = house.run(&["logout", "own"]).await.ok();
    assert!(out.err.contains("has ended the login, too"), "{out:?}");
    let told = certified.wish(json!({"told": true})).await;
    assert_eq!(told["revoked"], 1, "{told}");
}

#[tokio::test]
async fn a_device_login_waits_for_the_person() {
    let mut certified = Certified::start().await;
    let house = House::configured(&certified.config());
    let key = house.client_key("k").await;
    let server = house.serve().await;
    let api = house.manage(&server);
    let id = api.start("own", "oauth-device", Value::Null).await;
    let step = api.step(&id, &["code"]).await;
    let typed = json!({"type": step["direct"], "as": "grace"});
    let page = certified.wish(typed).await;
    assert!(page["page"].as_str().unwrap().contains("Success"), "{page}");
    api.step(&id, &["done"]).await;
    let (status, reply) = server.say(CHAT, &key, "own/m", "hi").await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["choices"][0]["message"]["content"], "Hello grace");
    certified.wish(json!({"expire": true})).await;
    assert_eq!(server.say(CHAT, &key, "own/m", "hi").await.0, 200);
    assert_eq!(certified.granted("refresh_token").await, 1);
}
