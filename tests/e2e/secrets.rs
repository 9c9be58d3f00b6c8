//! Canary keys through everything the program does, and a search for them in everything it leaves:
//! output, log at its loudest, files, and what others can see of the process.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use byokey_sim::{Kind, Reply, Script, Sim};

use super::canary::{Canary, Search};
use crate::rig::{House, body, chat_sim, config, provider};

const CHAT: &str = "/v1/chat/completions";

/// Keys of three accounts: one good, one that its provider refuses, one from the configuration's
/// environment; and one that was never stored.
const GOOD: &str = "sk-canary-good-Zm9v+YmFy/QUJD==7c1f0a9e";
const REFUSED: &str = "sk-canary-refused-5f0e61d2b7a94c38";
const CONFIGURED: &str = "sk-canary-configured-91be44d07a3c5526";
const MISTYPED: &str = "sk-canary-mistyped-0dd1c92e6f83b547 x";

#[test]
fn the_search_finds_what_it_looks_for() {
    let canary = Canary::of("good", GOOD);
    let around = |text: &[u8]| [b"ab", text, b"c"].concat();
    let hex: String = GOOD.bytes().map(|byte| format!("{byte:02x}")).collect();
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for hidden in [
        around(GOOD.as_bytes()),
        around(hex.as_bytes()),
        utf16,
        STANDARD_NO_PAD.encode(around(GOOD.as_bytes())).into_bytes(),
        URL_SAFE_NO_PAD.encode(GOOD).into_bytes(),
    ] {
        assert!(canary.lies_in(&hidden));
    }
    assert!(!canary.lies_in(REFUSED.as_bytes()));
}

#[tokio::test]
async fn no_key_lies_anywhere_in_clear() {
    let good = Sim::start(Kind::Chat, Script::default().key(GOOD)).await;
    let other = Sim::start(Kind::Messages, Script::default()).await;
    let settings = format!(
        "port: 0\nproviders:\n  openai: {{ base_url: '{}' }}\n{}{}    api_key: ${{MY_KEY}}\n",
        good.base_url(),
        provider("m", &other),
        provider("mine", &other),
    );
    let house = House::configured(&settings)
        .env("BYOKEY_LOG", "trace")
        .env("MY_KEY", CONFIGURED);
    let mut search = Search {
        canaries: [
            ("good", GOOD),
            ("refused", REFUSED),
            ("configured", CONFIGURED),
            ("mistyped", MISTYPED),
        ]
        .map(|(name, text)| Canary::of(&format!("{name} key"), text))
        .into(),
        places: 0,
    };
    // The variable is the user's own way of handing over that key; the process's environment shows
    // it, so it is only looked for elsewhere.
    let mut around_process = Search {
        canaries: [("good", GOOD), ("refused", REFUSED)]
            .map(|(name, text)| Canary::of(&format!("{name} key"), text))
            .into(),
        places: 0,
    };

    let ran = house.add_key("openai", GOOD).await.ok();
    search.look_at(&ran);
    let ran = house.add_key("openai", REFUSED).await.ends(1);
    search.look_at(&ran);
    let ran = house.add_key("openai", MISTYPED).await.ends(1);
    search.look_at(&ran);
    let ran = house
        .run_with(&["add-key", "m", "--no-check"], REFUSED)
        .await
        .ok();
    search.look_at(&ran);
    let key = house.client_key("laptop").await;
    search.canaries.push(Canary::of("client key", &key));

    let server = house.serve().await;
    for (name, text) in [("cmdline", "byokey"), ("environ", "BYOKEY_HOME")] {
        // Only root may look, and not on every system.
        if let Ok(bytes) = fs::read(format!("/proc/{}/{name}", server.pid())) {
            assert!(String::from_utf8_lossy(&bytes).contains(text), "{name}");
            around_process.look(name, &bytes);
        }
    }
    for (path, model) in [
        (CHAT, "openai/x"),
        ("/v1/messages", "openai/x"),
        (CHAT, "m/x"),
        ("/v1/messages", "m/x"),
        ("/v1/messages", "mine/x"),
        (CHAT, "nothing/x"),
    ] {
        for text in ["hi", "[[sim status=500]]", "[[sim html]]", "[[sim cut=3]]"] {
            for stream in [false, true] {
                let sent = body(model, text, stream).to_string();
                let reply = server.post(path, &key, sent).send().await.unwrap();
                let head = format!("{:?}", reply.headers());
                search.look(&format!("the head of a reply to {model}"), head.as_bytes());
                let reply = reply.bytes().await.unwrap_or_default();
                search.look(&format!("a reply to {model}"), &reply);
            }
        }
    }
    assert!(
        good.requests()
            .iter()
            .any(|seen| seen.header("authorization").ends_with(GOOD))
    );
    for call in [
        &["accounts", "--json"][..],
        &["accounts"],
        &["add-key", "openai", "--json"],
        &["check", "--json"],
        &["keys", "list", "--json"],
        &["models", "--json"],
        &["usage", "--by", "account", "--json"],
        &["audit", "--json"],
        &["status", "--json"],
        &["reload"],
        &["switch", "openai", "default"],
        &["logout", "m"],
    ] {
        let input = if call[0] == "add-key" { GOOD } else { "" };
        let ran = house.run_with(call, input).await;
        assert!(ran.code.is_some_and(|code| code < 2), "{ran:?}");
        search.look_at(&ran);
    }
    let token = house.manage_token();
    for path in [
        "config",
        "accounts",
        "keys",
        "usage/recent?limit=1000",
        "status",
        "providers",
    ] {
        let path = format!("/manage/{path}");
        let reply = server.get(&path, &token).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
        search.look(&path, &reply.bytes().await.unwrap());
    }

    // While it runs there are journals and write-ahead logs, too.
    search.look_through(&house.data());
    house.run(&["stop"]).await.ok();
    let (code, log) = server.ended().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("TRACE"), "the log is at its loudest");
    search.look("the log", log.as_bytes());
    search.look_through(&house.data());
    assert!(search.places > 80, "{}", search.places);
}

#[tokio::test]
async fn a_key_goes_nowhere_but_to_the_address_it_was_entered_for() {
    let (first, second) = (chat_sim().await, chat_sim().await);
    let house = House::furnished(&[("c", &first)]).await;
    let key = house.client_key("k").await;
    let server = house.serve().await;
    // A provider may send a caller elsewhere; its key does not go along.
    let elsewhere = format!("{}/chat/completions", second.base_url());
    for status in [302, 307, 308] {
        first.reply(Reply::new(status).header("location", &elsewhere));
        let (status, error) = server.say(CHAT, &key, "c/x", "hi").await;
        assert_eq!(status, 502, "{error}");
    }
    server.kill().await;
    fs::write(house.config(), config(&[("c", &second)])).unwrap();
    let server = house.serve().await;
    let (status, error) = server.say(CHAT, &key, "c/x", "hi").await;
    assert_eq!(status, 503, "{error}");
    let told = error["error"]["message"].as_str().unwrap();
    assert!(
        told.contains("c/default") && told.contains(&first.address().to_string()),
        "{told}"
    );
    let checked = house.run(&["check", "--json"]).await.ok().json();
    assert_eq!(checked[0]["outcome"], "unchecked");
    assert!(second.requests().is_empty());
}
