//! Against a stand-in that says what a test dictates: what the real program does only with an account,
//! or when something goes wrong.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use byokey_catalog::{Catalog, Flow};
use http::Response;
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::*;
use crate::{BridgeBody, BridgeCall, BridgeSettings, Bridges};

/// Answers the calls of a request; a test's script is what it says once a prompt has come.
const PROGRAM: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "GitHub Copilot CLI 1.0.102."; exit; fi
write() { printf 'Content-Length: %s\r\n\r\n%s' "$(printf %s "$1" | wc -c)" "$1"; }
answer() { write "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":$1}"; }
refuse() { write "{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":{\"code\":-32603,\"message\":\"$1\"}}"; }
say() { write "{\"jsonrpc\":\"2.0\",\"method\":\"session.event\",\"params\":{\"sessionId\":\"s\",\"event\":{\"type\":\"$1\",\"data\":$2$3}}}"; }
text() { say assistant.message_delta "{\"messageId\":\"m\",\"deltaContent\":\"$1\"}" "$2"; }
while IFS= read -r header; do
    IFS= read -r empty
    body=$(head -c "$(printf %s "$header" | tr -cd 0-9)")
    id=${body#*\"id\":}; id=${id%%,*}
    printf '%s\n' "$body" >> "$LOG"
    case $body in
        *'"method":"connect"'*) answer "{\"protocolVersion\":$PROTOCOL}";;
        *'"method":"auth.getStatus"'*) answer "$STATUS";;
        *'"method":"models.list"'*) answer "$MODELS";;
        *'"method":"session.create"'*'"reasoningEffort"'*) refuse 'no such effort';;
        *'"method":"session.create"'*) answer '{"sessionId":"s"}';;
        *'"method":"session.send"'*) answer '{}'; eval "$TURN";;
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
        let program = folder.path().join("copilot");
        fs::write(&program, PROGRAM).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let log = folder.path().join("log").to_str().unwrap().to_owned();
        let status = r#"{"isAuthenticated":true,"login":"mona","copilotPlan":"individual_pro"}"#;
        let env = [
            ("PROTOCOL", "3"),
            ("STATUS", status),
            ("MODELS", "{}"),
            ("TURN", turn),
            ("LOG", &log),
        ];
        Self {
            bridges: Bridges::new(folder.path().join("work")),
            settings: BridgeSettings {
                program: Some(program),
                env: env
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            },
            folder,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.env.insert(name.to_owned(), value.to_owned());
        self
    }

    async fn say(&self) -> Response<BridgeBody> {
        let body = json!({"model": "m", "max_tokens": 9, "stream": true, "output_config": {"effort": "high"},
            "messages": [{"role": "user", "content": "hi"}]});
        self.bridges
            .call(BridgeCall {
                bridge: &bridge(),
                settings: &self.settings,
                account: 1,
                body: body.to_string().into(),
            })
            .await
    }

    async fn trouble(&self) -> (u16, BridgeTrouble) {
        let response = self.say().await;
        let trouble = response.extensions().get::<BridgeTrouble>().cloned();
        (response.status().as_u16(), trouble.unwrap())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits until the program was told this.
    async fn told(&self, words: &str) {
        let told = async {
            while !self.log().contains(words) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), told)
            .await
            .unwrap();
    }
}

fn bridge() -> Bridge {
    let catalog = Catalog::bundled().unwrap();
    let route = catalog
        .provider("copilot")
        .unwrap()
        .route("copilot-cli")
        .unwrap();
    match &route.flow {
        Flow::Bridge(bridge) => bridge.clone(),
        flow => panic!("{flow:?}"),
    }
}

async fn text(response: Response<BridgeBody>) -> String {
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn only_the_session_itself_is_heard_and_forgotten_afterwards() {
    let house = House::new(
        r#"text helper ',"agentId":"a"'; say who.knows 7; say session.info null; text own
        say permission.requested '{"requestId":"p"}'
        say assistant.message '{"messageId":"m","content":"own"}'; say session.idle '{}'"#,
    );
    let told = text(house.say().await).await;
    assert!(
        !told.contains("helper") && told.contains("message_stop"),
        "{told}"
    );
    assert_eq!(told.matches("own").count(), 1, "{told}");
    house.told("sessions.delete").await;
    let log = house.log();
    assert!(log.contains(r#""kind":"reject""#), "{log}");
    let (with_effort, without) = (
        r#""reasoningEffort":"high""#,
        r#""method":"session.create""#,
    );
    assert_eq!(
        (
            log.matches(with_effort).count(),
            log.matches(without).count()
        ),
        (1, 2),
        "{log}"
    );
}

#[tokio::test]
async fn errors_have_their_status() {
    for (event, expected) in [
        (
            r#"say session.error '{"errorType":"authentication","message":"it said"}'"#,
            401,
        ),
        (
            r#"say session.error '{"errorType":"quota","message":"it said"}'"#,
            429,
        ),
        (
            r#"say session.error '{"errorType":"quota","statusCode":402,"message":"it said"}'"#,
            402,
        ),
        (
            r#"say session.error '{"errorType":"query","statusCode":700,"message":"it said"}'"#,
            502,
        ),
        (r#"say session.error '{"message":"it said"}'"#, 502),
        (
            r#"say model.call_failure '{"statusCode":429,"errorMessage":"{\"message\":\"it said\"}"}'"#,
            429,
        ),
    ] {
        let (status, trouble) = House::new(event).trouble().await;
        assert_eq!(status, expected, "{event}");
        assert!(trouble.to_string().contains("it said"), "{trouble}");
    }
}

#[tokio::test]
async fn half_an_answer_is_not_told_twice() {
    let retry = r#"say assistant.turn_retry '{"reason":"line cut"}'"#;
    let house = House::new(&format!(
        "text half; {retry}; text half; say session.idle '{{}}'"
    ));
    let told = text(house.say().await).await;
    assert_eq!(told.matches("half").count(), 1, "{told}");
    assert!(told.contains("line cut"), "{told}");
    house.told("session.abort").await;
}

#[tokio::test]
async fn a_program_that_dies_is_told() {
    let (status, trouble) = House::new("echo 'out of memory' >&2; exit 9")
        .trouble()
        .await;
    assert_eq!(status, 502);
    assert!(trouble.to_string().contains("out of memory"), "{trouble}");
}

#[tokio::test]
async fn another_protocol_and_a_missing_login_are_told() {
    let (status, trouble) = House::new("").with("PROTOCOL", "4").trouble().await;
    assert_eq!(status, 502);
    assert!(trouble.to_string().contains("form 4"), "{trouble}");
    let house = House::new("").with(
        "STATUS",
        r#"{"isAuthenticated":false,"statusMessage":"Not authenticated"}"#,
    );
    let (status, trouble) = house.trouble().await;
    assert_eq!(status, 401);
    assert!(trouble.to_string().contains("copilot login"), "{trouble}");
}

#[tokio::test]
async fn login_and_models_are_told() {
    let models = r#"{"models":[{"id":"a-1","name":"A","supportedReasoningEfforts":["low"],
        "capabilities":{"supports":{"vision":true}}},{"id":"b","name":"B","policy":{"state":"disabled"}}]}"#;
    let house = House::new("").with("MODELS", &models.replace('\n', ""));
    let info = house
        .bridges
        .probe(&bridge(), &house.settings)
        .await
        .unwrap();
    let login = LoginState::SignedIn {
        label: Some("mona".to_owned()),
        plan: Some("individual_pro".to_owned()),
    };
    assert_eq!(info.login, login);
    let models = house
        .bridges
        .models(&bridge(), &house.settings)
        .await
        .unwrap();
    let expected = BridgeModel {
        id: "a-1".to_owned(),
        name: "A".to_owned(),
        efforts: vec!["low".to_owned()],
        takes_images: true,
        is_default: false,
    };
    assert_eq!(models, [expected]);
}
