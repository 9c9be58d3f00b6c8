use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byokey_vault::{Actor, KeyLimits, NewAccount, Outcome, Secret};
use futures_util::StreamExt;
use serde_json::json;

use super::plain::{Plain, json};
use super::rig::{Rig, add_account};

const KEY: &str = "xi-secret-0123456789";

async fn elevenlabs(server: &Plain) -> Rig {
    let config = format!("providers: {{elevenlabs: {{base_url: {}}}}}", server.url);
    Rig::configured(&config, |vault| {
        add_account(vault, "elevenlabs", None, KEY);
        add_account(vault, "elevenlabs", Some("second"), "another-key-0123");
    })
    .await
}

#[tokio::test]
async fn everything_passes_but_the_credential() {
    let server = Plain::start(|asked| {
        Response::builder()
            .status(207)
            .header("content-type", "audio/mpeg")
            .header("x-theirs", "kept")
            .header("character-cost", "12")
            .header("connection", "close, x-hop")
            .header("x-hop", "gone")
            .body(Body::from(asked.body.clone()))
            .unwrap()
    })
    .await;
    let rig = elevenlabs(&server).await;
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let sent = rig
        .http
        .patch(format!(
            "{}/native/elevenlabs/v1/voices/a%2Fb/x:y?q=1&q=%20&token=byk_zzz",
            rig.url
        ))
        .header("xi-api-key", &rig.key)
        .header("content-type", "application/x-anything")
        .header("x-mine", "kept")
        .header("cookie", "session=1")
        .header("x-forwarded-for", "10.0.0.1")
        .header("connection", "x-hop")
        .header("x-hop", "gone")
        .body(body.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 207);
    let headers = sent.headers().clone();
    assert_eq!(headers["x-theirs"], "kept");
    assert_eq!(headers["x-byokey-route"], "elevenlabs/default");
    assert!(headers.contains_key("x-byokey-request-id"));
    assert!(!headers.contains_key("x-hop"));
    assert_eq!(sent.bytes().await.unwrap(), body);

    let asked = server.last();
    assert_eq!(asked.method, "PATCH");
    assert_eq!(asked.target, "/v1/voices/a%2Fb/x:y?q=1&q=%20");
    assert_eq!(asked.header("xi-api-key"), KEY);
    assert_eq!(asked.header("content-type"), "application/x-anything");
    assert_eq!(asked.header("x-mine"), "kept");
    assert_eq!(asked.header("content-length"), "300000");
    assert!(asked.header("user-agent").starts_with("byokey/"));
    for gone in ["cookie", "x-forwarded-for", "x-hop", "authorization"] {
        assert!(!asked.headers.contains_key(gone), "{gone}");
    }
    assert!(
        asked
            .headers
            .values()
            .all(|it| !it.as_bytes().starts_with(b"byk_"))
    );

    let row = &rig.usage(1).await[0];
    assert_eq!((row.status, row.outcome), (207, Outcome::Ok));
    assert_eq!(row.asked_model, "native/elevenlabs");
    assert_eq!((row.bytes_in, row.bytes_out), (300_000, 300_000));
    assert_eq!(row.units.characters, Some(12));
}

#[tokio::test]
async fn an_account_can_be_chosen() {
    let server = Plain::json(json!({})).await;
    let rig = elevenlabs(&server).await;
    for (path, header) in [
        ("/native/elevenlabs@second/v1/models", None),
        ("/native/elevenlabs/v1/models", Some("second")),
    ] {
        let mut asked = rig
            .http
            .get(format!("{}{path}", rig.url))
            .bearer_auth(&rig.key);
        if let Some(name) = header {
            asked = asked.header("x-byokey-account", name);
        }
        assert_eq!(asked.send().await.unwrap().status(), 200);
        assert_eq!(server.last().header("xi-api-key"), "another-key-0123");
        assert!(!server.last().headers.contains_key("x-byokey-account"));
    }
    let none = rig
        .http
        .get(format!("{}/native/elevenlabs@third/v1", rig.url));
    let none = none.bearer_auth(&rig.key).send().await.unwrap();
    assert!(
        none.text()
            .await
            .unwrap()
            .contains("byokey add-key elevenlabs")
    );
}

#[tokio::test]
async fn twilio_gets_user_and_password() {
    let server = Plain::json(json!({"sid": "SM1"})).await;
    let config = format!(
        "providers: {{twilio: {{base_url: {}/2010-04-01}}}}",
        server.url
    );
    let rig = Rig::configured(&config, |vault| {
        let new = NewAccount {
            provider: "twilio",
            name: None,
            route: "api-key",
            base_origin: None,
            limited: false,
            fields: &[("account_sid", "AC1"), ("user", "SK2")],
        };
        vault
            .add_key(new, Secret::new("secret-of-twilio"), Actor::Cli)
            .unwrap();
    })
    .await;
    // As Twilio's own programs send it, with the client key as password.
    let sent = rig
        .http
        .post(format!(
            "{}/native/twilio/2010-04-01/Accounts/AC1/Messages.json",
            rig.url
        ))
        .basic_auth("AC1", Some(&rig.key))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("To=%2B1&Body=hi")
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    let asked = server.last();
    assert_eq!(asked.target, "/2010-04-01/Accounts/AC1/Messages.json");
    assert_eq!(asked.body, b"To=%2B1&Body=hi");
    let basic = STANDARD.encode("SK2:secret-of-twilio");
    assert_eq!(asked.header("authorization"), format!("Basic {basic}"));
}

#[tokio::test]
async fn errors_of_the_provider_pass_and_count() {
    let server =
        Plain::start(|_| json(401, &json!({"detail": {"status": "invalid_api_key"}}))).await;
    let rig = elevenlabs(&server).await;
    let sent = rig
        .http
        .get(format!("{}/native/elevenlabs/v1/models", rig.url));
    let sent = sent.bearer_auth(&rig.key).send().await.unwrap();
    assert_eq!(sent.status(), 401);
    assert!(sent.text().await.unwrap().contains("invalid_api_key"));
    let row = &rig.usage(1).await[0];
    assert_eq!((row.status, row.outcome), (401, Outcome::UpstreamError));
}

#[tokio::test]
async fn tokens_are_read_where_a_reply_has_them() {
    let reply = json!({"data": [], "usage": {"prompt_tokens": 7, "total_tokens": 7}});
    let server = Plain::json(reply).await;
    let rig = elevenlabs(&server).await;
    let sent = rig
        .post("/native/elevenlabs/v1/embeddings", "{}")
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    sent.bytes().await.unwrap();
    assert_eq!(rig.usage(1).await[0].usage.input, Some(7));
}

#[tokio::test]
async fn a_body_flows_while_it_is_sent() {
    // Answers before the caller has said everything: only a body that flows lets that through.
    let server = Plain::json(json!({"ok": true})).await;
    let rig = elevenlabs(&server).await;
    let pieces =
        futures_util::stream::iter((0..16).map(|_| Ok::<_, std::io::Error>(vec![7; 1 << 20])));
    let sent = rig
        .http
        .post(format!("{}/native/elevenlabs/v1/files", rig.url))
        .bearer_auth(&rig.key)
        .body(reqwest::Body::wrap_stream(pieces.boxed()))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(server.last().body.len(), 16 << 20);
    assert_eq!(server.last().header("transfer-encoding"), "chunked");
}

#[tokio::test]
async fn who_may_not_come_in_reaches_nobody() {
    let server = Plain::json(json!({})).await;
    let rig = elevenlabs(&server).await;
    let create = |name: &str, models: &[&str]| {
        let limits = KeyLimits {
            models: models.iter().map(|it| (*it).to_owned()).collect(),
            ..KeyLimits::default()
        };
        let vault = rig.engine.vault();
        vault.create_client_key(name, limits, Actor::Cli).unwrap().1
    };
    let limited = create("limited", &["gpt-5*"]);
    let allowed = create("allowed", &["native/elevenlabs"]);
    rig.engine.accounts_changed().await.unwrap();
    let get = |path: &str, key: &str| {
        let get = rig.http.get(format!("{}{path}", rig.url)).bearer_auth(key);
        async move { get.send().await.unwrap().status().as_u16() }
    };
    let path = "/native/elevenlabs/v1/models";
    assert_eq!(get(path, "byk_wrong").await, 401);
    assert_eq!(get(path, limited.expose()).await, 403);
    assert_eq!(get("/native/nobody/v1", &rig.key).await, 404);
    assert!(server.asked().is_empty());
    assert_eq!(get(path, allowed.expose()).await, 200);
}

#[tokio::test]
async fn a_path_stays_below_its_host() {
    let server = Plain::json(json!({})).await;
    let rig = elevenlabs(&server).await;
    let address = rig.url.strip_prefix("http://").unwrap();
    for path in [
        "/native/elevenlabs/../x",
        "/native/elevenlabs/v1/%2e%2e/x",
        "/native/elevenlabs//evil.example/x",
        "/native/elevenlabs/http://evil.example/x",
    ] {
        // By hand: a client library would tidy the path.
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            rig.key
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 400"), "{path}: {reply}");
    }
    assert!(server.asked().is_empty());
}
