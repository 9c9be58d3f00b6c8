//! Against a stand-in that says what a test dictates: what the real program does only when something
//! goes wrong.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt};

use byokey_catalog::{BridgeProtocol, Catalog, Flow};
use http::Response;
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::*;
use crate::{BridgeBody, BridgeCall, BridgeSettings, Bridges, LoginWord};

/// Answers the calls of a request; a test's script is what it says once the turn has begun.
const PROGRAM: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "codex-cli $VERSION"; exit; fi
answer() { printf '{"id":%s,"result":%s}\n' "$id" "$1"; }
say() { printf '{"method":"%s","params":{"threadId":"t",%s}}\n' "$1" "$2"; }
text() { say item/agentMessage/delta "\"itemId\":\"m\",\"delta\":\"$1\""; }
call() { printf '{"id":%s,"method":"item/tool/call","params":{"threadId":"t","tool":"look","arguments":{"n":%s}}}\n' "$1" "$1"; }
completed() { say turn/completed '"turn":{"status":"completed"}'; }
failed() { say turn/completed "\"turn\":{\"status\":\"failed\",\"error\":{\"message\":\"it said\",\"codexErrorInfo\":$1}}"; }
while IFS= read -r line; do
    id=${line#*\"id\":}; id=${id%%,*}
    printf '%s\n' "$line" >> "$LOG"
    case $line in
        *'"method":"account/read"'*) answer "$ACCOUNT";;
        *'"method":"thread/start"'*) answer '{"thread":{"id":"t"}}';;
        *'"method":"turn/start"'*) answer '{"turn":{"id":"u"}}'; eval "$TURN";;
        *'"method":"account/login/start"'*) answer "$BEGUN"; eval "$TURN";;
        *'"method":'*) answer '{}';;
    esac
done
"#;

struct House {
    folder: TempDir,
    bridges: Bridges,
    settings: BridgeSettings,
}

impl House {
    fn new(turn: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("codex");
        fs::write(&program, PROGRAM).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let log = folder.path().join("log").to_str().unwrap().to_owned();
        let env = [
            ("VERSION", "0.169.0".to_owned()),
            ("ACCOUNT", r#"{"account":{"type":"chatgpt","email":"a@b.c","planType":"plus"},"requiresOpenaiAuth":true}"#.to_owned()),
            ("TURN", turn.to_owned()),
            ("LOG", log),
        ];
        Self {
            bridges: Bridges::new(folder.path().join("work")),
            settings: BridgeSettings {
                program: Some(program),
                env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            },
            folder,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.env.insert(name.to_owned(), value.to_owned());
        self
    }

    async fn call(&self, messages: &Value) -> Response<BridgeBody> {
        let look = json!({"name": "look", "input_schema": {"type": "object"}});
        let body = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": messages, "tools": [look]});
        self.bridges
            .call(BridgeCall {
                bridge: &bridge(),
                settings: &self.settings,
                account: 1,
                body: body.to_string().into(),
            })
            .await
    }

    async fn say(&self) -> Response<BridgeBody> {
        self.call(&json!([{"role": "user", "content": "hi"}])).await
    }

    async fn trouble(&self) -> (u16, BridgeTrouble) {
        let response = self.say().await;
        let trouble = response.extensions().get::<BridgeTrouble>().cloned();
        (response.status().as_u16(), trouble.unwrap())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

fn bridge() -> Bridge {
    let catalog = Catalog::bundled().unwrap();
    let routes = &catalog.provider("openai").unwrap().routes;
    let bridges = routes.iter().filter_map(|route| match &route.flow {
        Flow::Bridge(bridge) => Some(bridge),
        _ => None,
    });
    let mut codex = bridges.filter(|bridge| bridge.protocol == BridgeProtocol::CodexAppServer);
    codex.next().unwrap().clone()
}

async fn text(response: Response<BridgeBody>) -> String {
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The ids of the tool calls in a stream.
fn calls(stream: &str) -> Vec<String> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<Value>(data).unwrap())
        .filter(|event| event["content_block"]["type"] == "tool_use")
        .map(|event| event["content_block"]["id"].as_str().unwrap().to_owned())
        .collect()
}

fn outputs(ids: &[String]) -> Value {
    let part = |kind: fn(&String) -> Value| ids.iter().map(kind).collect::<Value>();
    json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": part(|id| json!({"type": "tool_use", "id": id, "name": "look", "input": {}}))},
        {"role": "user", "content": part(|id| json!({"type": "tool_result", "tool_use_id": id, "content": "seen"}))},
    ])
}

#[tokio::test]
async fn strange_news_change_nothing() {
    let house = House::new(
        r#"say who/knows '"x":1'; echo nonsense; text one; say item/agentMessage/delta '"delta":7'
        say item/completed '"item":null'; say item/started '"item":[]'; say rawResponse/completed '"usage":null'
        say thread/tokenUsage/updated '"tokenUsage":{"total":{"inputTokens":5,"outputTokens":2}}'
        text two; completed"#,
    );
    let told = text(house.say().await).await;
    assert!(told.contains("one") && told.contains("two"), "{told}");
    assert!(
        told.contains("\"input_tokens\":5") && told.contains("message_stop"),
        "{told}"
    );
}

#[tokio::test]
async fn an_item_that_came_in_no_pieces_is_told_whole() {
    let item = |id: &str| {
        format!(
            r#"say item/completed '"item":{{"type":"agentMessage","id":"{id}","text":"whole"}}'"#
        )
    };
    let house = House::new(&format!(
        "text piece; {}; {}; completed",
        item("m"),
        item("n")
    ));
    let told = text(house.say().await).await;
    assert_eq!(told.matches("whole").count(), 1, "{told}");
}

#[tokio::test]
async fn a_program_that_dies_is_told_and_started_anew() {
    let house = House::new("echo 'out of memory' >&2; exit 9");
    let (status, trouble) = house.trouble().await;
    assert_eq!(status, 502);
    assert!(trouble.to_string().contains("out of memory"), "{trouble}");
    house.trouble().await;
    assert_eq!(house.log().matches("initialized").count(), 2);

    let house = House::new("text half; exit 9");
    let told = text(house.say().await).await;
    assert!(
        told.contains("half") && told.contains("event: error"),
        "{told}"
    );
    assert!(!told.contains("message_stop"));
}

#[tokio::test]
async fn one_program_serves_many_requests() {
    let house = House::new("text hi; completed");
    for _ in 0..3 {
        text(house.say().await).await;
    }
    assert_eq!(house.log().matches("initialized").count(), 1);
    assert_eq!(house.log().matches("\"thread/start\"").count(), 3);
}

#[tokio::test]
async fn half_an_answer_is_not_told_twice() {
    let again =
        r#"say error '"willRetry":true,"error":{"message":"line cut","codexErrorInfo":"other"}'"#;
    let house = House::new(&format!("text half; {again}; text half; completed"));
    let told = text(house.say().await).await;
    assert_eq!(told.matches("half").count(), 1, "{told}");
    assert!(told.contains("line cut"), "{told}");

    let house = House::new(&format!("{again}; text all; completed"));
    let told = text(house.say().await).await;
    assert!(
        told.contains("all") && told.contains("message_stop"),
        "{told}"
    );
}

#[tokio::test]
async fn errors_have_their_status() {
    for (info, expected) in [
        (r#""contextWindowExceeded""#, 400),
        (r#""usageLimitExceeded""#, 429),
        (r#""unauthorized""#, 401),
        (r#""serverOverloaded""#, 529),
        (r#""modelNotFound""#, 404),
        (r#"{"httpConnectionFailed":{"httpStatusCode":503}}"#, 503),
        (r#"{"httpConnectionFailed":{"httpStatusCode":200}}"#, 502),
        (r#"{"who":"knows"}"#, 502),
        ("7", 502),
        ("null", 502),
    ] {
        let house = House::new(&format!("failed '{info}'"));
        let (status, trouble) = house.trouble().await;
        assert_eq!(status, expected, "{info}");
        assert!(trouble.to_string().contains("it said"), "{trouble}");
    }
}

#[tokio::test]
async fn a_used_up_plan_says_when_it_is_back() {
    let house = House::new(
        r#"printf '{"method":"account/rateLimits/updated","params":{"rateLimits":{"primary":{"usedPercent":100,"resetsAt":%s},"secondary":null}}}\n' "$(($(date +%s) + 600))"
        failed '"usageLimitExceeded"'"#,
    );
    let response = house.say().await;
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((500..=600).contains(&wait), "{wait}");
}

#[tokio::test]
async fn an_old_program_and_a_missing_login_are_told() {
    let (status, trouble) = House::new("").with("VERSION", "0.99.0").trouble().await;
    assert_eq!(status, 503);
    assert!(matches!(trouble, BridgeTrouble::TooOld { .. }), "{trouble}");

    let house = House::new("").with("ACCOUNT", r#"{"account":null,"requiresOpenaiAuth":true}"#);
    assert_eq!(house.trouble().await.0, 401);
    assert!(!house.log().contains("\"thread/start\""));

    let house = House::new("");
    let info = house
        .bridges
        .probe(&bridge(), &house.settings)
        .await
        .unwrap();
    let login = LoginState::SignedIn {
        label: Some("a@b.c".to_owned()),
        plan: Some("plus".to_owned()),
    };
    assert_eq!(info.login, login);
}

#[tokio::test]
async fn a_late_call_goes_out_with_the_next_reply() {
    // The second call comes when the first reply has ended.
    let house = House::new(
        r#"call 1; say rawResponse/completed '"usage":{}'; read -r line; printf '%s\n' "$line" >> "$LOG"
        call 2; read -r line; printf '%s\n' "$line" >> "$LOG"; text done; completed"#,
    );
    let first = calls(&text(house.say().await).await);
    assert_eq!(first.len(), 1);
    let second = calls(&text(house.call(&outputs(&first)).await).await);
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    let told = text(house.call(&outputs(&second)).await).await;
    assert!(told.contains("done"), "{told}");
    assert_eq!(house.log().matches("turn/start").count(), 1);
    assert_eq!(house.log().matches("seen").count(), 2, "{}", house.log());
}

#[tokio::test]
async fn a_turn_that_nobody_goes_on_with_is_given_up() {
    let house = House::new("call 1");
    text(house.say().await).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(16)).await;
    tokio::time::resume();
    let interrupted = async {
        while !house.log().contains("turn/interrupt") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), interrupted)
        .await
        .unwrap();
}

async fn login(house: &House) -> (Result<(), BridgeTrouble>, Vec<LoginWord>) {
    let (_paste, mut pasted) = tokio::sync::mpsc::channel(1);
    let (mut words, bridge) = (Vec::new(), bridge());
    let tell = |word| words.push(word);
    let login = house
        .bridges
        .login(&bridge, &house.settings, &mut pasted, tell);
    (login.await, words)
}

#[tokio::test]
async fn a_sign_in_tells_its_page_and_its_end() {
    let done = |how: &str| {
        format!(
            r#"printf '{{"method":"account/login/completed","params":{{"loginId":"l",{how}}}}}\n'"#
        )
    };
    let page = "https://auth.example/authorize?state=1";
    let begun = format!(r#"{{"loginId":"l","authUrl":"{page}"}}"#);
    let house = House::new(&done(r#""success":true"#))
        .with("BEGUN", &begun)
        .with("DISPLAY", ":0")
        .with("SSH_CONNECTION", "");
    let (told, words) = login(&house).await;
    assert_eq!(
        (told, words),
        (Ok(()), vec![LoginWord::Url(page.to_owned())])
    );
    assert!(house.log().contains(r#""type":"chatgpt""#));

    let begun = r#"{"loginId":"l","verificationUrl":"https://v.example","userCode":"AB12-CD34E"}"#;
    let refused = done(r#""success":false,"error":"access denied""#);
    let house = House::new(&refused)
        .with("BEGUN", begun)
        .with("SSH_CONNECTION", "far away");
    let (told, words) = login(&house).await;
    assert!(told.unwrap_err().to_string().contains("access denied"));
    let code = LoginWord::Code("AB12-CD34E".to_owned());
    assert_eq!(
        words,
        [LoginWord::Url("https://v.example".to_owned()), code]
    );
    assert!(house.log().contains(r#""type":"chatgptDeviceCode""#));

    let (told, _) = login(&House::new("exit").with("BEGUN", begun)).await;
    assert!(matches!(told, Err(BridgeTrouble::Login { .. })), "{told:?}");
}

#[tokio::test]
async fn settings_make_another_program() {
    let house = House::new("text hi; completed");
    text(house.say().await).await;
    let house = house.with("OTHER", "yes");
    text(house.say().await).await;
    assert_eq!(house.log().matches("initialized").count(), 2);
}
