#![cfg(unix)]

use std::path::Path;

use super::*;
use crate::{
    BridgeSettings, BridgeTrouble,
    process::{Launch, Reach},
};

const HABITS: Habits = Habits {
    framing: Framing::Lines,
    conversation: |params| params["threadId"].as_str(),
    question: "item/tool/call",
    kept: &["news/first", "told/declined", "told/unknown"],
    decline: |method| (method == "may/i").then(|| json!({"decision": "decline"})),
};

const SOON: Duration = Duration::from_secs(30);

/// A program that is nothing but this script.
fn peer(script: &str) -> Peer {
    let settings = BridgeSettings::default();
    let launch = Launch {
        name: "sh",
        path: Path::new("/bin/sh"),
        settings: &settings,
        places: &[],
        folder: Path::new("/"),
    };
    let started: Result<_, BridgeTrouble> = launch.start(&["-c", script], &[], Reach::Group);
    Peer::new(started.unwrap(), HABITS)
}

#[tokio::test]
async fn answers_find_whoever_asked() {
    let script = r#"
        read -r first; read -r second
        echo '{"id":2,"result":"second"}'
        echo '{"id":1,"error":{"code":-5,"message":"no"}}'
        cat > /dev/null
    "#;
    let peer = peer(script);
    let (first, second) = tokio::join!(
        peer.call("a", json!({}), SOON),
        peer.call("b", json!({}), SOON),
    );
    let refused = RpcTrouble::Refused {
        code: -5,
        message: "no".to_owned(),
    };
    assert_eq!((first, second), (Err(refused), Ok(json!("second"))));
}

#[tokio::test]
async fn lines_that_are_no_messages_are_passed_over() {
    let script = r#"
        read -r line
        echo 'hello'; echo '[1]'; echo '"x"'; echo; echo '{"id":1'
        echo '{"id":99,"result":0}'; echo '{"id":null}'; echo '{"id":"1","result":0}'
        echo '{"method":7,"params":{}}'; echo '{"method":"news/first","params":{"at":1}}'
        echo '{"method":"news/first","params":{"at":2}}'
        echo '{"id":1,"result":true}'
        printf '{"id":2,"res'
    "#;
    let peer = peer(script);
    assert_eq!(peer.call("a", json!({}), SOON).await, Ok(json!(true)));
    assert_eq!(peer.news("news/first"), Some(json!({"at": 2})));
    assert_eq!(peer.news("news/other"), None);
    let gone = peer.call("b", json!({}), SOON).await;
    assert_eq!(gone, Err(RpcTrouble::Gone(String::new())));
    assert!(peer.is_gone());
}

#[tokio::test]
async fn a_dead_program_tells_everybody() {
    let peer = peer("read -r line; echo 'out of luck' >&2; exit 1");
    let mut listener = peer.listen("t");
    let asked = peer.call("a", json!({}), SOON).await;
    assert_eq!(asked, Err(RpcTrouble::Gone("out of luck".to_owned())));
    assert_eq!(listener.next().await, None);
    let late = peer.call("b", json!({}), SOON).await;
    assert_eq!(late, Err(RpcTrouble::Gone("out of luck".to_owned())));
    assert_eq!(peer.listen("t").next().await, None);
    assert_eq!(peer.last_words(), "out of luck");
}

#[tokio::test]
async fn conversations_are_kept_apart_and_questions_answered() {
    // What byokey answers is told back as news.
    let script = r#"
        read -r line
        echo '{"method":"m","params":{"threadId":"one","n":1}}'
        echo '{"method":"m","params":{"threadId":"nobody"}}'
        echo '{"id":7,"method":"item/tool/call","params":{"threadId":"one"}}'
        echo '{"id":8,"method":"may/i","params":{"threadId":"one"}}'; read -r answer
        printf '{"method":"told/declined","params":%s}\n' "$answer"
        echo '{"id":9,"method":"who/knows","params":{}}'; read -r answer
        printf '{"method":"told/unknown","params":%s}\n' "$answer"
        echo '{"id":1,"result":null}'
        cat > /dev/null
    "#;
    let peer = peer(script);
    let mut one = peer.listen("one");
    assert_eq!(peer.call("a", json!({}), SOON).await, Ok(Value::Null));
    let params = json!({"threadId": "one", "n": 1});
    assert_eq!(
        one.next().await,
        Some(Heard::Notice {
            method: "m".to_owned(),
            params
        })
    );
    let question = Heard::Question {
        id: json!(7),
        params: json!({"threadId": "one"}),
    };
    assert_eq!(one.next().await, Some(question));
    let declined = json!({"id": 8, "result": {"decision": "decline"}});
    assert_eq!(peer.news("told/declined"), Some(declined));
    assert_eq!(
        peer.news("told/unknown").unwrap()["error"]["code"],
        NO_METHOD
    );
}

#[tokio::test]
async fn long_lines_come_whole() {
    let script = r#"
        read -r line
        printf '{"id":1,"result":"'; head -c 3000000 /dev/zero | tr '\0' x; echo '"}'
    "#;
    let told = peer(script).call("a", json!({}), SOON).await.unwrap();
    assert_eq!(told.as_str().unwrap().len(), 3_000_000);
}

#[tokio::test]
async fn a_silent_program_is_given_up() {
    let peer = peer("cat > /dev/null");
    let told = peer.call("a", json!({}), Duration::from_millis(20)).await;
    assert_eq!(told, Err(RpcTrouble::Silent(0)));
}
