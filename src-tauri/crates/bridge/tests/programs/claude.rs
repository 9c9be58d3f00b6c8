//! The real Claude Code with a simulated Messages provider behind it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use byokey_bridge::{
    BridgeBody, BridgeCall, BridgeSettings, BridgeTrouble, Bridges, LoginState, LoginWord,
};
use byokey_catalog::{Bridge, Catalog, Flow};
use byokey_sim::{Kind, Script, Seen, Sim};
use http::{Response, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::rig::{Said, packages, request, soon, user};

/// A model to which the program says what it adds as the system.
const MODEL: &str = "claude-sonnet-5";
/// One to which it says so within the user's own messages.
const OLDER: &str = "claude-haiku-4-5";
/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A user's machine with Claude Code on it.
struct House {
    folder: TempDir,
    sim: Sim,
    bridge: Bridge,
    settings: BridgeSettings,
    bridges: Bridges,
}

impl House {
    /// Somebody is signed in by a token.
    async fn new() -> Self {
        let mut house = Self::signed_out().await;
        let token = ("CLAUDE_CODE_OAUTH_TOKEN".to_owned(), Script::KEY.to_owned());
        house.settings.env.extend([token]);
        house
    }

    async fn signed_out() -> Self {
        let folder = TempDir::new().unwrap();
        let sim = Sim::start(Kind::Messages, Script::default()).await;
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let home = home.to_str().unwrap().to_owned();
        let env = BTreeMap::from([
            ("ANTHROPIC_BASE_URL", sim.base_url()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
            ("CLAUDE_CONFIG_DIR", home.clone()),
            ("HOME", home),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]);
        let env = env
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            bridges: Bridges::new(folder.path().join("work")),
            bridge: row(),
            settings: BridgeSettings {
                program: Some(program()),
                env: env.collect(),
            },
            folder,
            sim,
        }
    }

    async fn call(&self, body: &Value) -> Response<BridgeBody> {
        let call = self.bridges.call(BridgeCall {
            bridge: &self.bridge,
            settings: &self.settings,
            account: 1,
            body: body.to_string().into(),
        });
        soon("a reply", call).await
    }

    async fn say(&self, body: &Value) -> Said {
        Said::of(self.call(body).await).await
    }

    async fn trouble(&self, body: &Value) -> (u16, BridgeTrouble) {
        let response = self.call(body).await;
        let trouble = response.extensions().get::<BridgeTrouble>().cloned();
        (response.status().as_u16(), trouble.expect("a trouble"))
    }

    /// What the model was asked, without the program's own requests.
    fn asked(&self) -> Vec<Value> {
        let all = self.sim.requests();
        let conversations = all
            .iter()
            .filter(|seen| seen.path.starts_with("/v1/messages?"));
        conversations.map(Seen::json).collect()
    }

    /// How often the program was started for a conversation: each time has a session of its own.
    fn runs(&self) -> usize {
        let all = self.sim.requests();
        let mut sessions: Vec<_> = all
            .iter()
            .map(|seen| seen.header("x-claude-code-session-id").to_owned())
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions
            .iter()
            .filter(|session| !session.is_empty())
            .count()
    }
}

fn row() -> Bridge {
    let catalog = Catalog::bundled().unwrap();
    let route = catalog
        .provider("claude")
        .unwrap()
        .route("claude-cli")
        .unwrap();
    match &route.flow {
        Flow::Bridge(bridge) => bridge.clone(),
        flow => panic!("{flow:?}"),
    }
}

/// The native program within its package for this system.
fn program() -> PathBuf {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        os => os,
    };
    let arch = if std::env::consts::ARCH == "x86_64" {
        "x64"
    } else {
        "arm64"
    };
    let name = format!("claude{}", std::env::consts::EXE_SUFFIX);
    packages()
        .join(format!("@anthropic-ai/claude-code-{os}-{arch}"))
        .join(name)
}

/// What the caller and the model said, without what the program adds.
fn conversation(asked: &Value) -> Vec<Value> {
    let messages = asked["messages"].as_array().unwrap().iter();
    let said = messages.filter(|message| message["role"] != "system");
    let plain = said.map(|message| match &message["content"] {
        Value::String(text) => json!([message["role"], [{"type": "text", "text": text}]]),
        content => {
            let mut content = content.clone();
            for block in content.as_array_mut().unwrap() {
                block.as_object_mut().unwrap().remove("cache_control");
            }
            json!([message["role"], content])
        }
    });
    plain.collect()
}

fn tools(names: &[&str]) -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"], "additionalProperties": false});
    let tool = |name: &&str| json!({"name": name, "description": format!("{name}. {}", "Long. ".repeat(600)), "input_schema": schema});
    names.iter().map(tool).collect()
}

/// The next request of a caller who has run the tools.
fn after(body: &Value, said: &Said, outputs: &[Value]) -> Value {
    let mut body = body.clone();
    let results: Vec<_> = said.calls().iter().zip(outputs)
        .map(|(call, output)| json!({"type": "tool_result", "tool_use_id": call["id"], "content": output}))
        .collect();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": said.content}));
    messages.push(json!({"role": "user", "content": results}));
    body
}

#[tokio::test]
async fn a_text_streams() {
    let house = House::new().await;
    let mut body = request(
        MODEL,
        &user("[[sim chunks=20]] grüezi 你好 😀 \"q\" \\ @/etc/passwd"),
    );
    body["system"] =
        json!([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]);
    let said = house.say(&body).await;
    assert_eq!(
        (&said.stop_reason, &said.error),
        (&json!("end_turn"), &Value::Null)
    );
    assert!(said.pieces >= 20, "{said:?}");
    assert!(said.usage["output_tokens"].as_u64().unwrap() > 0);
    let asked = house.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["model"], MODEL);
    assert_eq!(asked[0]["max_tokens"], body["max_tokens"]);
    assert_eq!(asked[0]["tools"], json!([]), "none of its own tools");
    let system = asked[0]["system"].as_array().unwrap().last().unwrap();
    assert_eq!(system["text"], "Be brief.\n\nBe kind.");
    let text = "[[sim chunks=20]] grüezi 你好 😀 \"q\" \\ @/etc/passwd";
    assert_eq!(
        conversation(&asked[0]),
        [json!(["user", [{"type": "text", "text": text}]])]
    );
}

#[tokio::test]
async fn a_whole_reply_is_the_same_message() {
    let house = House::new().await;
    let mut body = request(MODEL, &user("How is it?"));
    body["tools"] = tools(&["weather"]);
    body["stream"] = json!(false);
    let response = house.call(&body).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let whole = soon("the reply", response.into_body().collect()).await;
    let whole: Value = serde_json::from_slice(&whole.unwrap().to_bytes()).unwrap();
    assert_eq!(
        (&whole["type"], &whole["stop_reason"]),
        (&json!("message"), &json!("tool_use"))
    );
    let call = whole["content"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&call["name"], call["input"].is_object()),
        (&json!("weather"), true)
    );
    assert!(whole["usage"]["output_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_conversation_arrives_as_it_was() {
    let house = House::new().await;
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}});
    let text = |text: &str| json!({"type": "text", "text": text});
    let turns = [
        ("user", json!([picture, text("/help first")])),
        (
            "assistant",
            json!([text("Looking."), {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
            {"type": "tool_use", "id": "toolu_2", "name": "tides", "input": {}}]),
        ),
        (
            "user",
            json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("rain"), picture]},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "none", "is_error": true}, text("Well?")]),
        ),
        ("assistant", json!([text("It rains.")])),
        (
            "user",
            json!([text("/compact"), picture, text("[[sim image]] last")]),
        ),
    ];
    let messages: Vec<_> = turns
        .iter()
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    let mut body = request(MODEL, &json!(messages));
    body["tools"] = tools(&["weather"]);
    body["tool_choice"] = json!({"type": "none"});
    let said = house.say(&body).await;
    assert!(said.text().contains("[image image/png"), "{said:?}");
    let mut expected: Vec<_> = turns
        .iter()
        .map(|(role, content)| json!([role, content]))
        .collect();
    // The names under which the program knows the caller's tools.
    expected[1][1][1]["name"] = json!("mcp__caller__weather");
    expected[1][1][2]["name"] = json!("mcp__caller__tides");
    let asked = house.asked();
    assert_eq!(conversation(asked.last().unwrap()), expected);
    assert_eq!(asked.len(), 1, "the history alone asks nobody");
    assert_eq!(asked[0]["tools"], json!([]));
}

#[tokio::test]
async fn a_tools_output_goes_on_with_the_same_run() {
    for model in [MODEL, OLDER] {
        let house = House::new().await;
        let mut body = request(model, &user("How is it?"));
        body["tools"] = tools(&["weather"]);
        body["max_tokens"] = json!(60_000);
        let first = house.say(&body).await;
        assert_eq!(first.stop_reason, "tool_use");
        let calls = first.calls();
        assert_eq!((calls.len(), &calls[0]["name"]), (1, &json!("weather")));
        let sent = &house.asked()[0]["tools"][0];
        assert_eq!(sent["input_schema"], body["tools"][0]["input_schema"]);
        assert_eq!(sent["description"], body["tools"][0]["description"]);

        // More than the program would show the model of its own tools' outputs.
        let output = format!("sunny {}", "x".repeat(100_000));
        let second = house.say(&after(&body, &first, &[json!(output)])).await;
        assert_eq!(second.stop_reason, "end_turn");
        assert!(second.text().contains("The tool said: sunny"), "{model}");
        assert_eq!(house.runs(), 1, "{model}");
        let told = house.asked()[1].to_string();
        assert!(told.contains(&output), "the whole of it");
    }
}

#[tokio::test]
async fn two_tools_at_once_and_two_rounds() {
    let house = House::new().await;
    let mut body = request(MODEL, &user("[[sim parallel]] How is it?"));
    body["tools"] = tools(&["weather", "tides"]);
    let first = house.say(&body).await;
    let names: Vec<_> = first
        .calls()
        .iter()
        .map(|call| call["name"].clone())
        .collect();
    assert_eq!((names.len(), &first.stop_reason), (2, &json!("tool_use")));
    assert!(names.contains(&json!("weather")) && names.contains(&json!("tides")));
    let outputs = [
        json!("out one"),
        json!([{"type": "text", "text": "out two"}]),
    ];
    let next = after(&body, &first, &outputs);
    let second = house.say(&next).await;
    assert!(
        second.text().contains("out one") && second.text().contains("out two"),
        "{second:?}"
    );
    assert_eq!(house.runs(), 1);
}

#[tokio::test]
async fn a_changed_conversation_begins_anew() {
    let house = House::new().await;
    let mut body = request(MODEL, &user("How is it?"));
    body["tools"] = tools(&["weather"]);
    let first = house.say(&body).await;
    let mut next = after(&body, &first, &[json!("snow")]);
    next["messages"][0]["content"] = json!("How will it be?");
    let second = house.say(&next).await;
    assert!(second.text().contains("The tool said: snow"), "{second:?}");
    assert_eq!(house.runs(), 2);

    // With a picture in it, which the waiting run could not be given unchanged.
    let first = house.say(&body).await;
    let picture = json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]);
    let second = house.say(&after(&body, &first, &[picture])).await;
    assert_eq!(second.stop_reason, "end_turn");
    assert_eq!(house.runs(), 4);
    let asked = house.asked();
    assert!(asked.last().unwrap().to_string().contains(PIXEL));
}

#[tokio::test]
async fn thinking_and_its_limits_are_passed_on() {
    let house = House::new().await;
    let mut body = request(MODEL, &user("[[sim think]] Why?"));
    body["thinking"] = json!({"type": "adaptive"});
    body["output_config"] = json!({"effort": "low"});
    let said = house.say(&body).await;
    assert_eq!(said.content[0]["type"], "thinking");
    let asked = &house.asked()[0];
    assert_eq!(
        asked["thinking"],
        json!({"type": "adaptive", "display": "summarized"})
    );
    assert_eq!(asked["output_config"]["effort"], "low");
    house.say(&request(MODEL, &user("And so?"))).await;
    let asked = &house.asked()[1];
    assert_ne!(asked["thinking"]["type"], "adaptive", "{asked}");
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_program() {
    let house = House::new().await;
    let text = "[[sim chunks=500 delay_ms=50]] on and on";
    let mut body = house.call(&request(MODEL, &user(text))).await.into_body();
    for _ in 0..4 {
        soon("a frame", body.frame()).await.unwrap().unwrap();
    }
    assert_eq!(house.sim.open_streams(), 1);
    drop(body);
    soon(
        "the end of the stream",
        house.sim.wait_until(|sim| sim.open_streams() == 0),
    )
    .await;
}

#[tokio::test]
async fn the_providers_refusals_keep_their_status_and_words() {
    let house = House::new().await;
    for (at, status) in [403, 429, 500, 529, 400].into_iter().enumerate() {
        let text = format!("[[sim status={status}]] hello");
        let (told, trouble) = house.trouble(&request(MODEL, &user(&text))).await;
        assert_eq!(told, status, "{trouble}");
        let words = trouble.to_string();
        assert!(
            words.starts_with("claude: ") && words.contains("Simulated"),
            "{words}"
        );
        // The program tries a request that is called bad once more without its own additions.
        let is_final = status != 400;
        assert!(
            !is_final || house.asked().len() == at + 1,
            "further tries are byokey's to make"
        );
    }
    let said = house
        .say(&request(MODEL, &user("[[sim end=6]] hello")))
        .await;
    assert!(!said.error.is_null(), "{said:?}");
}

#[tokio::test]
async fn nobody_signed_in_is_an_instruction() {
    let house = House::signed_out().await;
    let probe = house.bridges.probe(&house.bridge, &house.settings);
    let told = soon("the program's state", probe).await.unwrap();
    assert_eq!(told.login, LoginState::SignedOut);
    let (status, trouble) = house.trouble(&request(MODEL, &user("hello"))).await;
    assert_eq!(status, 401);
    assert!(
        matches!(trouble, BridgeTrouble::SignedOut { .. }),
        "{trouble}"
    );
    assert!(
        trouble.to_string().contains("claude auth login"),
        "{trouble}"
    );
    assert!(house.asked().is_empty());

    let mut refused = House::new().await;
    refused.settings.env.insert(
        "CLAUDE_CODE_OAUTH_TOKEN".to_owned(),
        "sk-ant-oat01-wrong".to_owned(),
    );
    let (status, trouble) = refused.trouble(&request(MODEL, &user("hello"))).await;
    assert_eq!(status, 401, "{trouble}");
}

#[tokio::test]
async fn a_login_of_its_own_is_told_and_forgotten() {
    let house = House::signed_out().await;
    let login = json!({"claudeAiOauth": {"accessToken": Script::KEY, "refreshToken": "sk-ant-ort01-x", "expiresAt": 4_000_000_000_000_u64,
        "scopes": ["user:inference", "user:profile"], "subscriptionType": "max", "rateLimitTier": "default_claude_max_5x"}});
    let account = json!({"oauthAccount": {"accountUuid": "11111111-1111-4111-8111-111111111111", "emailAddress": "me@example.org",
        "organizationUuid": "11111111-1111-4111-8111-111111111112", "organizationName": "Mine"}});
    let home = house.folder.path().join("home");
    let file = home.join(".credentials.json");
    fs::write(&file, login.to_string()).unwrap();
    fs::write(home.join(".claude.json"), account.to_string()).unwrap();
    let state = async || {
        let probe = house.bridges.probe(&house.bridge, &house.settings);
        soon("the program's state", probe).await.unwrap()
    };
    let label = Some("me@example.org".to_owned());
    let told = state().await;
    assert_eq!(
        told.login,
        LoginState::SignedIn {
            label,
            plan: Some("max".to_owned())
        }
    );
    assert!(told.version.to_string().starts_with("2.1."));

    let said = house.say(&request(MODEL, &user("hello"))).await;
    // The program tells the model who its user is, before what the caller said.
    assert!(said.text().ends_with("hello"), "{said:?}");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        login.to_string(),
        "its login is its own"
    );
    soon(
        "the logout",
        house.bridges.logout(&house.bridge, &house.settings),
    )
    .await
    .unwrap();
    assert_eq!(state().await.login, LoginState::SignedOut);
}

#[tokio::test]
async fn its_own_sign_in_shows_the_page_and_takes_a_code() {
    let mut house = House::signed_out().await;
    // No browser is opened in a test, and the code leads nowhere.
    for name in ["BROWSER", "HTTPS_PROXY"] {
        let value = if name == "BROWSER" {
            "/bin/true"
        } else {
            "http://127.0.0.1:9"
        };
        house.settings.env.insert(name.to_owned(), value.to_owned());
    }
    let (paste, mut pasted) = mpsc::channel(1);
    let mut pages = Vec::new();
    let login = house
        .bridges
        .login(&house.bridge, &house.settings, &mut pasted, |word| {
            if let LoginWord::Url(url) = word {
                pages.push(url);
                let _ = paste.try_send("code#state".to_owned().into());
            }
        });
    let trouble = soon("the end of the sign-in", login).await.unwrap_err();
    assert!(matches!(trouble, BridgeTrouble::Login { .. }), "{trouble}");
    assert!(pages[0].starts_with("https://claude.ai/"), "{pages:?}");
}

#[tokio::test]
async fn a_missing_program_is_an_instruction() {
    let mut house = House::new().await;
    house.settings.program = None;
    house.bridge.program = "claude-that-is-nowhere".to_owned();
    let response = house.call(&request(MODEL, &user("hello"))).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let trouble = response
        .extensions()
        .get::<BridgeTrouble>()
        .unwrap()
        .to_string();
    assert!(
        trouble.contains("is not installed") && trouble.contains("https://"),
        "{trouble}"
    );
}

#[tokio::test]
async fn nothing_that_was_said_stays_on_the_disk() {
    let house = House::new().await;
    let mut body = request(MODEL, &user("the canary of the caller"));
    body["system"] = json!("the canary of the system");
    body["tools"] = tools(&["weather"]);
    let first = house.say(&body).await;
    house
        .say(&after(&body, &first, &[json!("the canary of the tool")]))
        .await;
    let mut folders = vec![house.folder.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if let Ok(content) = fs::read(entry.path()) {
                files += 1;
                let content = String::from_utf8_lossy(&content);
                assert!(
                    !content.contains("the canary"),
                    "{}",
                    entry.path().display()
                );
            }
        }
    }
    assert!(files > 0, "the program's own settings at least");
}
