//! What goes wrong in requests and replies, in both dialects, through the real program: each has a
//! status of its own, tells in the caller's dialect what to do, and leaves a program that goes on.

use byokey_sim::{Kind, Script, Sim};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::rig::{House, Server, body, chat_sim, config, messages_sim, provider, soon};

const SURFACES: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

struct Place {
    chat: Sim,
    messages: Sim,
    _locked: Sim,
    house: House,
    server: Server,
    key: String,
}

impl Place {
    async fn with(settings: &str) -> Self {
        let (chat, messages) = (chat_sim().await, messages_sim().await);
        let locked = Sim::start(Kind::Chat, Script::default().key("another")).await;
        let gone = chat_sim().await;
        let config = config(&[("c", &chat), ("m", &messages)])
            + &provider("locked", &locked)
            + &provider("gone", &gone)
            + settings;
        drop(gone);
        let house = House::configured(&config);
        for id in ["c", "m", "locked", "gone"] {
            let unchecked = ["add-key", id, "--no-check"];
            house.run_with(&unchecked, Script::KEY).await.ok();
        }
        let key = house.client_key("k").await;
        let server = house.serve().await;
        Self {
            chat,
            messages,
            _locked: locked,
            house,
            server,
            key,
        }
    }

    /// Still serves, and no thread of it has failed.
    async fn goes_on(self, rows: usize) {
        for path in SURFACES {
            for model in ["c/x", "m/x"] {
                assert_eq!(self.server.say(path, &self.key, model, "hi").await.0, 200);
            }
        }
        self.house.run(&["stop"]).await.ok();
        let (code, told) = self.server.ended().await;
        assert_eq!(code, Some(0), "{told}");
        assert!(!told.contains("fault in thread"), "{told}");
        let used = self
            .house
            .run(&["usage", "--by", "day", "--json"])
            .await
            .ok()
            .json();
        let groups = used["groups"].as_array().unwrap().iter();
        let counted: u64 = groups.map(|day| day["requests"].as_u64().unwrap()).sum();
        assert_eq!(
            counted,
            rows as u64 + 4,
            "a row for every request with a valid key"
        );
    }
}

/// An error as this dialect has it, and its message.
#[track_caller]
fn message(path: &str, error: &Value, case: &str) -> String {
    if path == "/v1/messages" {
        assert_eq!(error["type"], "error", "{case}: {error}");
        assert!(error["request_id"].is_string(), "{case}: {error}");
    } else {
        assert!(
            error["error"].as_object().unwrap().contains_key("code"),
            "{case}: {error}"
        );
    }
    assert!(error["error"]["type"].is_string(), "{case}: {error}");
    error["error"]["message"].as_str().unwrap().to_owned()
}

async fn refused(case: &str, path: &str, reply: reqwest::Response, status: u16, words: &str) {
    assert_eq!(reply.status(), status, "{case}");
    assert!(
        reply.headers().contains_key("x-byokey-request-id"),
        "{case}"
    );
    let error: Value = reply.json().await.unwrap();
    let told = message(path, &error, case);
    assert!(told.contains(words), "{case}: no {words:?} in {told}");
}

#[tokio::test]
async fn bad_bodies() {
    let place = Place::with("").await;
    let deep = |n| {
        format!(
            r#"{{"model":"c/x","messages":{}{}}}"#,
            "[".repeat(n),
            "]".repeat(n)
        )
    };
    let huge = format!(r#"{{"model":"c/x","x":"{}"}}"#, "x".repeat(65 << 20));
    let bodies: [(&str, Vec<u8>, u16, &str); 13] = [
        ("nothing", vec![], 400, "empty"),
        ("not JSON", b"hello".to_vec(), 400, "not valid JSON"),
        ("an array", b"[1]".to_vec(), 400, "JSON object"),
        ("a string", b"\"hi\"".to_vec(), 400, "JSON object"),
        ("null", b"null".to_vec(), 400, "JSON object"),
        ("no model", br#"{"messages":[]}"#.to_vec(), 400, "model"),
        (
            "no string",
            br#"{"model":1,"messages":[]}"#.to_vec(),
            400,
            "model",
        ),
        ("half", br#"{"model":"c/x","#.to_vec(), 400, "middle"),
        (
            "no UTF-8",
            b"{\"model\":\"c/x\",\"x\":\"\xff\"}".to_vec(),
            400,
            "UTF-8",
        ),
        ("depth", deep(100_000).into_bytes(), 400, "nested"),
        (
            "unknown",
            body("c-modle", "hi", false).to_string().into(),
            404,
            "did you mean c-model",
        ),
        (
            "no such",
            body("qqq/x", "hi", false).to_string().into(),
            404,
            "qqq/x",
        ),
        ("65 MiB", huge.into_bytes(), 413, "64 MiB"),
    ];
    let count = bodies.len() * 2;
    for (case, sent, status, words) in bodies {
        for path in SURFACES {
            let reply = place
                .server
                .post(path, &place.key, sent.clone())
                .send()
                .await
                .unwrap();
            refused(case, path, reply, status, words).await;
        }
    }
    // Looking for a model that nobody knows may read the providers' lists; no prompt goes anywhere.
    for sim in [&place.chat, &place.messages] {
        assert!(sim.requests().iter().all(|asked| asked.method == "GET"));
    }
    place.goes_on(count).await;
}

#[tokio::test]
async fn bad_callers() {
    let place = Place::with("").await;
    let good = || body("c/x", "hi", false).to_string();
    for path in SURFACES {
        let post = |key: &str| place.server.post(path, key, good());
        for key in ["byk_nobodys", "", "' OR '1'='1"] {
            let reply = post(key).send().await.unwrap();
            refused("a wrong key", path, reply, 401, "byokey keys create").await;
        }
        for (name, value) in [
            ("host", "evil.example"),
            ("host", "127.0.0.1:1"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let reply = post(&place.key).header(name, value).send().await.unwrap();
            refused(name, path, reply, 403, "").await;
        }
        let reply = place.server.get(path, &place.key).send().await.unwrap();
        assert_eq!(reply.headers()["allow"], "POST");
        refused("GET", path, reply, 405, "POST").await;
        let twice = post(&place.key).header("content-type", "text/plain");
        refused(
            "a second type",
            path,
            twice.send().await.unwrap(),
            400,
            "application/json",
        )
        .await;
    }
    let get = |path: &str| place.server.get(path, &place.key);
    let reply = get("/v1/nothing").send().await.unwrap();
    refused(
        "an unknown path",
        "/v1/chat/completions",
        reply,
        404,
        "/v1/nothing",
    )
    .await;
    let reply = get("/v1/models").body("x").send().await.unwrap();
    refused(
        "GET with a body",
        "/v1/chat/completions",
        reply,
        400,
        "body",
    )
    .await;
    let reply = get("/v1/models")
        .header("anthropic-version", "2023-06-01")
        .body("x");
    refused(
        "GET with a body",
        "/v1/messages",
        reply.send().await.unwrap(),
        400,
        "body",
    )
    .await;
    assert!(place.chat.requests().is_empty());
    place.goes_on(2).await;
}

#[tokio::test]
async fn bad_framing() {
    let place = Place::with("").await;
    let host = place.server.url.trim_start_matches("http://").to_owned();
    for head in [
        "NONSENSE\r\n\r\n",
        "\0\u{1}\u{2}\r\n\r\n",
        "GET /v1/models HTTP/9.9\r\nHost: H\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: H\r\nHost: H\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nHost: H\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /v1/messages HTTP/1.1\r\nHost: H\r\nContent-Length: -5\r\n\r\nhello",
        "POST /v1/messages HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzz\r\n",
    ] {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let sent = head.replace("Host: H", &format!("Host: {host}"));
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut reply = Vec::new();
        soon(
            "an answer to broken framing",
            stream.read_to_end(&mut reply),
        )
        .await
        .unwrap();
        let reply = String::from_utf8_lossy(&reply);
        let status = reply.split(' ').nth(1).unwrap_or_default();
        assert!(
            status.is_empty() || status.starts_with('4'),
            "{head:?}: {reply}"
        );
    }
    assert!(place.messages.requests().is_empty());
    place.goes_on(0).await;
}

/// What each pairing of caller and provider answers, all asked at once.
async fn bad_replies(place: &Place, control: &str, stream: bool, judge: impl Fn(&str, u16, &str)) {
    let ask = async |path, model| {
        let sent = body(model, control, stream).to_string();
        let reply = place.server.post(path, &place.key, sent).send().await;
        let reply = reply.unwrap();
        let status = reply.status().as_u16();
        judge(path, status, &reply.text().await.unwrap());
    };
    let [chat, messages] = SURFACES;
    tokio::join!(
        ask(chat, "c/x"),
        ask(chat, "m/x"),
        ask(messages, "c/x"),
        ask(messages, "m/x"),
    );
}

#[tokio::test]
async fn bad_whole_replies() {
    let place = Place::with("timeouts: { headers_s: 2, idle_s: 2 }\n").await;
    // What callers of Chat and of Messages get; two where a pass and a translation differ.
    type Case = (&'static str, &'static [u16], &'static [u16], &'static str);
    let cases: [Case; 10] = [
        ("[[sim html]]", &[502], &[500], "provider"),
        ("[[sim status=502 html]]", &[502], &[500], ""),
        ("[[sim half]]", &[502], &[500], "provider"),
        ("[[sim cut]]", &[502], &[500], "provider"),
        ("[[sim status=400]]", &[400], &[400], "Simulated"),
        ("[[sim status=401]]", &[502], &[502], "byokey add-key"),
        ("[[sim status=429]]", &[429], &[429], "Simulated"),
        (
            "[[sim status=429 retry_after=7]]",
            &[429],
            &[429],
            "Simulated",
        ),
        ("[[sim status=500]]", &[500, 502], &[500], "Simulated"),
        (
            "[[sim silent]]",
            &[504],
            &[504],
            "did not answer within 2 s",
        ),
    ];
    for (control, chat, messages, words) in cases {
        bad_replies(&place, control, false, |path, status, reply| {
            let expected = if path == SURFACES[0] { chat } else { messages };
            assert!(
                expected.contains(&status),
                "{path} {control}: {status} {reply}"
            );
            let error = serde_json::from_str(reply).unwrap();
            let told = message(path, &error, control);
            assert!(
                told.contains(words),
                "{path} {control}: no {words:?} in {told}"
            );
        })
        .await;
    }
    place.goes_on(cases.len() * 4).await;
}

#[tokio::test]
async fn bad_streams() {
    let place = Place::with("timeouts: { idle_s: 1 }\n").await;
    // What fails before its first word is no stream yet, so there are words before the failure.
    let controls = [
        "[[sim cut=5]] a b c d e f g",
        "[[sim end=5]] a b c d e f g",
        "[[sim stall=5]] a b c d e f g",
        "[[sim error_in_stream]] a b c d e f g",
    ];
    for control in controls {
        bad_replies(&place, control, true, |path, status, text| {
            assert_eq!(status, 200, "{path} {control}");
            let last = text
                .split("\n\n")
                .filter(|frame| !frame.is_empty())
                .last()
                .unwrap();
            let data = last.split("data: ").nth(1).unwrap();
            let error: Value = serde_json::from_str(data).unwrap();
            assert!(
                error["error"]["message"].is_string(),
                "{path} {control}: {last}"
            );
            assert_eq!(
                path == "/v1/messages",
                last.starts_with("event: error"),
                "{last}"
            );
            let ends = text.contains("[DONE]") || text.contains("message_stop");
            assert!(
                !ends,
                "half a reply must not look complete: {path} {control}: {text}"
            );
        })
        .await;
    }
    place.goes_on(controls.len() * 4).await;
}

#[tokio::test]
async fn providers_that_cannot_serve() {
    let place = Place::with("").await;
    for (model, statuses, words) in [
        (
            "locked/x",
            [502, 502],
            "byokey add-key locked --account default",
        ),
        ("gone/x", [502, 500], "gone/default"),
        (
            "claude/claude-opus-4-5",
            [503, 503],
            "byokey add-key claude",
        ),
    ] {
        for (path, status) in SURFACES.into_iter().zip(statuses) {
            let (answered, error) = place.server.say(path, &place.key, model, "hi").await;
            assert_eq!(answered, status, "{path} {model}: {error}");
            let told = message(path, &error, model);
            assert!(told.contains(words), "{path}: no {words:?} in {told}");
            if model == "locked/x" && path == SURFACES[0] {
                assert_eq!(error["error"]["code"], "account_needs_login");
            }
        }
    }
    place.goes_on(6).await;
}
