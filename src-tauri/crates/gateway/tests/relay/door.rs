use std::time::Duration;

use byokey_sim::Sim;
use byokey_vault::{Actor, KeyLimits};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rig::{Rig, chat_body, chat_sim, messages_body};

async fn rig() -> (Rig, Sim) {
    let sim = chat_sim().await;
    (Rig::start(&[("mine", &sim)], "").await, sim)
}

/// Sends bytes as they are and returns everything that comes back.
async fn raw(rig: &Rig, request: &str) -> String {
    let mut stream = TcpStream::connect(rig.url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    let read = stream.read_to_end(&mut reply);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(reply).unwrap()
}

#[tokio::test]
async fn no_route_without_a_key() {
    let (rig, sim) = rig().await;
    let body = chat_body("mine/m", "hi", false).to_string();
    for key in ["", "byk_wrong", "' OR '1'='1"] {
        for path in [
            "/v1/chat/completions",
            "/v1/messages",
            "/v1/models",
            "/v1/models/x",
            "/x",
        ] {
            let post = path.ends_with("ions") || path.ends_with("messages");
            let url = format!("{}{path}", rig.url);
            let mut request = if post {
                rig.http.post(url)
            } else {
                rig.http.get(url)
            };
            if post {
                request = request
                    .header("content-type", "application/json")
                    .body(body.clone());
            }
            if !key.is_empty() {
                request = request.bearer_auth(key);
            }
            assert_eq!(
                request.send().await.unwrap().status(),
                401,
                "{path} {key:?}"
            );
        }
    }
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn foreign_hosts_and_pages_are_refused_before_the_key() {
    let (rig, sim) = rig().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let body = chat_body("mine/m", "hi", false).to_string();
        let reply = rig
            .post("/v1/chat/completions", body)
            .header(name, value)
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 403, "{name}");
        assert!(!reply.headers().contains_key("access-control-allow-origin"));
    }
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn wrong_paths_methods_and_types_are_told() {
    let (rig, _sim) = rig().await;
    let body = || chat_body("mine/m", "hi", false).to_string();
    let get = |path: &str| {
        rig.http
            .get(format!("{}{path}", rig.url))
            .bearer_auth(&rig.key)
    };

    assert_eq!(get("/v1/nothing").send().await.unwrap().status(), 404);
    let wrong = get("/v1/chat/completions").send().await.unwrap();
    assert_eq!(wrong.status(), 405);
    assert_eq!(wrong.headers()["allow"], "POST");
    let with_body = get("/v1/models").body("x").send().await.unwrap();
    assert_eq!(with_body.status(), 400);
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = rig
            .post("/v1/chat/completions", body())
            .header("content-type", kind);
        // Sent beside the right one, which must not open the door either.
        assert_eq!(request.send().await.unwrap().status(), 400, "{kind}");
    }
    let health = rig
        .http
        .get(format!("{}/healthz", rig.url))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn errors_come_in_the_callers_dialect() {
    let (rig, _sim) = rig().await;
    let chat: Value = rig
        .chat(chat_body("nobody", "hi", false))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(chat["error"]["code"], "model_not_found");
    let reply = rig.messages(messages_body("nobody", "hi", false)).await;
    assert_eq!(reply.status(), 404);
    assert!(reply.headers().contains_key("x-byokey-request-id"));
    let messages: Value = reply.json().await.unwrap();
    assert_eq!(messages["type"], "error");
    assert_eq!(messages["error"]["type"], "not_found_error");
}

#[tokio::test]
async fn near_names_are_suggested() {
    let (rig, _sim) = rig().await;
    let reply: Value = rig
        .chat(chat_body("mine-modle", "hi", false))
        .await
        .json()
        .await
        .unwrap();
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(message.contains("mine-model"), "{message}");
}

#[tokio::test]
async fn bad_bodies_are_told_before_anything_is_sent() {
    let (rig, sim) = rig().await;
    let deep = format!(
        r#"{{"model":"mine/m","messages":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let bodies: [(&[u8], &str); 8] = [
        (b"", "empty"),
        (b"hello", "not valid JSON"),
        (b"[1]", "JSON object"),
        (br#"{"messages":[]}"#, "model"),
        (br#"{"model":1}"#, "model"),
        (b"{\"model\":\"mine/m\",\"x\":\"\xff\"}", "UTF-8"),
        (br#"{"model":"mine/m","#, "middle"),
        (deep.as_bytes(), "nested"),
    ];
    for (body, expected) in bodies {
        for path in ["/v1/chat/completions", "/v1/messages"] {
            let reply = rig.post(path, body.to_vec()).send().await.unwrap();
            assert_eq!(reply.status(), 400, "{expected}");
            let error: Value = reply.json().await.unwrap();
            let message = error["error"]["message"].as_str().unwrap();
            assert!(message.contains(expected), "{message}");
        }
    }
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn a_body_that_turns_bad_halfway_is_told_too() {
    let (rig, sim) = rig().await;
    let mut body = br#"{"model":"mine/m","messages":[{"role":"user","content":""#.to_vec();
    body.resize(3_000_000, b'x');
    body.extend_from_slice(b"\"}]} trailing");
    let reply = rig.post("/v1/chat/completions", body).send().await.unwrap();
    assert_eq!(reply.status(), 400);
    assert!(
        sim.requests().is_empty(),
        "half a request must not look like a whole one"
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "max_body_mib: 1").await;
    let text = "x".repeat(2 << 20);
    let reply = rig.chat(chat_body("mine/m", &text, false)).await;
    assert_eq!(reply.status(), 413);
    // The same without an announced length.
    let pieces = futures_util::stream::iter(
        chat_body("mine/m", &text, false)
            .to_string()
            .into_bytes()
            .chunks(100_000)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect::<Vec<_>>(),
    );
    let body = reqwest::Body::wrap_stream(pieces);
    let reply = rig.post("/v1/chat/completions", body).send().await.unwrap();
    assert_eq!(reply.status(), 413);
}

#[tokio::test]
async fn a_caller_that_is_still_sending_hears_why_it_is_refused() {
    let (rig, sim) = rig().await;
    let long = |model: &str| chat_body(model, &"x".repeat(8 << 20), false).to_string();
    for (key, model, status) in [("byk_nobodys", "mine/m", 401), (&*rig.key, "nobody/m", 404)] {
        let request = rig.http.post(format!("{}/v1/chat/completions", rig.url));
        let request = request.header("content-type", "application/json");
        let reply = request.bearer_auth(key).body(long(model)).send();
        assert_eq!(reply.await.unwrap().status(), status);
    }
    assert!(
        sim.requests().iter().all(|seen| seen.path == "/v1/models"),
        "no more than a look whether a live list has the name"
    );
}

#[tokio::test]
async fn broken_framing_dies_at_the_door() {
    let (rig, sim) = rig().await;
    let host = rig.url.trim_start_matches("http://").to_owned();
    for head in [
        "POST /v1/chat/completions HTTP/1.1\r\nHost: H\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: H\r\nContent-Length: -5\r\n\r\nhello",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nHost : H\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: H\r\nX: a\0b\r\n\r\n",
        "NONSENSE\r\n\r\n",
    ] {
        let reply = raw(&rig, &head.replace("Host: H", &format!("Host: {host}"))).await;
        let status = reply.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "401"), "{head:?}: {reply:?}");
    }
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn limits_of_a_client_key_hold() {
    let (rig, _sim) = rig().await;
    let limits = KeyLimits {
        models: vec!["mine/allowed*".into()],
        rpm: Some(3),
        ..KeyLimits::default()
    };
    let vault = rig.engine.vault();
    let (_, key) = vault
        .create_client_key("small", limits, Actor::Cli)
        .unwrap();
    rig.engine.accounts_changed().await.unwrap();
    let ask = |model: &str| {
        let body = chat_body(model, "hi", false).to_string();
        let request = rig.http.post(format!("{}/v1/chat/completions", rig.url));
        let request = request
            .header("content-type", "application/json")
            .body(body);
        request.bearer_auth(key.expose()).send()
    };
    assert_eq!(ask("mine/allowed-1").await.unwrap().status(), 200);
    assert_eq!(ask("mine/other").await.unwrap().status(), 403);
    assert_eq!(ask("mine/allowed-2").await.unwrap().status(), 200);
    let refused = ask("mine/allowed-1").await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));

    vault.revoke_client_key("small", Actor::Cli).unwrap();
    rig.engine.accounts_changed().await.unwrap();
    assert_eq!(ask("mine/allowed-1").await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_key_may_be_waived_on_loopback() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("mine", &sim)], "auth: { require_key: false }").await;
    let body = chat_body("mine/m", "hi", false).to_string();
    let url = format!("{}/v1/chat/completions", rig.url);
    let request = rig
        .http
        .post(url)
        .header("content-type", "application/json")
        .body(body);
    assert_eq!(
        request
            .bearer_auth("anything")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn models_are_listed_in_both_forms() {
    let (rig, _sim) = rig().await;
    let get = |path: &str| {
        rig.http
            .get(format!("{}{path}", rig.url))
            .bearer_auth(&rig.key)
    };
    let list: Value = get("/v1/models")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"][0]["id"], "mine-model");
    let list = get("/v1/models")
        .header("anthropic-version", "2023-06-01")
        .send();
    let list: Value = list.await.unwrap().json().await.unwrap();
    assert_eq!(list["data"][0]["type"], "model");
    assert_eq!(list["first_id"], "mine-model");
    let one: Value = get("/v1/models/mine-model")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(one["owned_by"], "mine");
    let one: Value = get("/v1/models/mine%2Fnew")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(one["id"], "mine/new");
    assert_eq!(
        get("/v1/models/nothing").send().await.unwrap().status(),
        404
    );
}

#[tokio::test]
async fn a_taken_port_is_named_and_left_alone() {
    let (rig, _sim) = rig().await;
    let port: u16 = rig.url.rsplit(':').next().unwrap().parse().unwrap();
    let good = std::fs::read_to_string(rig.config_path()).unwrap();
    let taken = good.replace("port: 0", &format!("port: {port}"));
    std::fs::write(rig.config_path(), taken).unwrap();
    rig.engine.reload().await.unwrap();
    let error = rig.engine.listen().await.err().unwrap().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
}
