//! Accounts on the command line, with and without a running engine.

use byokey_sim::{Kind, Script, Sim};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::rig::{House, both_ways, chat_sim, config, soon};

const CHAT: &str = "/v1/chat/completions";

const OPENAI_KEY: &str = "sk-proj-good";
const CLAUDE_KEY: &str = "sk-ant-api03-good";

async fn openai() -> Sim {
    Sim::start(Kind::Chat, Script::default().key(OPENAI_KEY)).await
}

async fn claude() -> Sim {
    Sim::start(Kind::Messages, Script::default().key(CLAUDE_KEY)).await
}

/// The configuration for providers of the catalogue, which come with a free call that proves keys.
fn known(providers: &[(&str, &Sim)]) -> String {
    let settings = providers
        .iter()
        .map(|(id, sim)| format!("  {id}: {{ base_url: '{}' }}\n", sim.base_url()));
    "port: 0\nproviders:\n".to_owned() + &settings.collect::<String>()
}

async fn names(house: &House) -> Vec<String> {
    let found = house.run(&["accounts", "--json"]).await.ok().json();
    let accounts = found["accounts"].as_array().unwrap().iter();
    accounts
        .map(|account| {
            let text = |member: &str| account[member].as_str().unwrap().to_owned();
            format!("{}/{}", text("provider"), text("name"))
        })
        .collect()
}

#[tokio::test]
async fn a_good_key_becomes_an_account() {
    let (chat, messages) = (openai().await, claude().await);
    let settings = known(&[("openai", &chat), ("claude", &messages)]);
    both_ways(&settings, async |house, _| {
        let added = house.add_key("openai", OPENAI_KEY).await.ok();
        assert_eq!(added.out, "", "nothing to be piped on");
        added.says(&["openai/default", "accepts"]);
        let named = ["add-key", "claude", "--account", "work", "--json"];
        let added = house.run_with(&named, CLAUDE_KEY).await.ok();
        assert_eq!(added.json()["outcome"], "accepted");
        assert_eq!(added.json()["account"]["name"], "work");

        assert_eq!(names(house).await, ["claude/work", "openai/default"]);
        let listed = house.run(&["accounts", "claude"]).await.ok();
        assert_eq!((listed.out.lines().count(), listed.err.as_str()), (2, ""));
        assert!(
            listed.out.contains("work") && listed.out.contains("ready"),
            "{listed:?}"
        );
    })
    .await;
    // No more than the free call, and under byokey's own name.
    for seen in chat.requests() {
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            ("GET", "/v1/models")
        );
        assert!(seen.header("user-agent").starts_with("byokey/"));
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_nothing_stored() {
    let chat = openai().await;
    both_ways(&known(&[("openai", &chat)]), async |house, _| {
        for (key, words) in [
            ("sk-nobodys", "does not accept this key"),
            ("", "empty"),
            ("sk-a\nsk-b", "several lines"),
            ("Bearer sk-a", "space"),
            ("OPENAI_API_KEY=sk-a", "behind the `=`"),
            ("byk_hwDTXLeRelOGhvxk-UsTyqiddTlIbJ6C", "byokey made"),
            ("sk-…f3a9", "shown in full"),
        ] {
            house
                .run_with(&["add-key", "openai"], key)
                .await
                .fails(&[words]);
        }
        let unknown = house.add_key("opnai", "sk-a").await;
        unknown.fails(&["`opnai`", "did you mean", "openai"]);
        house.run(&["add-key"]).await.ends(2);
        house.run(&["add-key", "openai", "sk-a"]).await.ends(2);
        assert!(names(house).await.is_empty());
        let none = house.run(&["accounts"]).await.ok();
        assert_eq!(none.out, "");
        none.says(&["byokey add-key"]);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_named() {
    let gone = openai().await;
    let settings = known(&[("openai", &gone)]);
    drop(gone);
    both_ways(&settings, async |house, _| {
        let failed = house.add_key("openai", "sk-a").await;
        failed.fails(&["127.0.0.1", "--no-check"]);
        assert!(names(house).await.is_empty());
        let unchecked = ["add-key", "openai", "--no-check"];
        let stored = house.run_with(&unchecked, "sk-a").await.ok();
        stored.says(&["openai/default", "first request"]);
        assert_eq!(names(house).await, ["openai/default"]);
        let checked = house.run(&["check", "openai"]).await.ends(1);
        assert!(checked.out.contains("unreachable"), "{checked:?}");
    })
    .await;
}

/// Answers every request with this status and body.
async fn always(status: u16, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = caller.read(&mut head).await;
            let reply = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = caller.write_all(reply.as_bytes()).await;
        }
    });
    format!("http://{address}/v1")
}

#[tokio::test]
async fn a_genuine_key_with_limits_is_stored_with_a_word_about_them() {
    let limited =
        r#"{"error":{"message":"Missing scopes: api.model.read","code":"missing_scope"}}"#;
    let spent = r#"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#;
    for (status, body, outcome, words) in [
        (403, limited, "limited", "not do everything"),
        (429, spent, "exhausted", "used up"),
    ] {
        let base = always(status, body).await;
        let settings = format!("port: 0\nproviders: {{ openai: {{ base_url: '{base}' }} }}\n");
        both_ways(&settings, async |house, _| {
            let stored = house.add_key("openai", "sk-proj-genuine").await.ok();
            stored.says(&["openai/default", words]);
            let checked = house.run(&["check", "--json"]).await.ok().json();
            assert_eq!(checked[0]["outcome"], outcome);
            let found = house.run(&["accounts", "--json"]).await.json();
            assert_eq!(found["accounts"][0]["limited"], outcome == "limited");
        })
        .await;
    }
}

#[tokio::test]
async fn a_strange_answer_proves_nothing() {
    let strange = always(418, "{}").await;
    let settings = format!("port: 0\nproviders: {{ openai: {{ base_url: '{strange}' }} }}\n");
    let house = House::configured(&settings);
    let failed = house.add_key("openai", "sk-proj-a").await;
    failed.fails(&["status 418", "--no-check"]);
    assert!(names(&house).await.is_empty());
}

#[tokio::test]
async fn the_account_switched_to_is_asked_first() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, server| {
        for name in ["one", "two"] {
            let named = ["add-key", "c", "--account", name];
            house.run_with(&named, Script::KEY).await.ok();
        }
        let key = house.client_key("k").await;
        for (name, other) in [("two", "one"), ("one", "two")] {
            let switched = house.run(&["switch", "c", name]).await.ok();
            assert_eq!(switched.out, "");
            switched.says(&[&format!("c/{name}")]);
            assert_eq!(
                names(house).await,
                [format!("c/{name}"), format!("c/{other}")]
            );
            if let Some(server) = server {
                let body = crate::rig::body("c/x", "hi", false).to_string();
                let reply = server.post(CHAT, &key, body).send().await.unwrap();
                assert_eq!(reply.headers()["x-byokey-route"], format!("c/{name}"));
            }
        }
        let failed = house.run(&["switch", "c", "three"]).await;
        failed.fails(&["`three`", "one, two"]);
        house.run(&["switch", "c"]).await.ends(2);
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_account_is_gone_with_its_key() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, server| {
        for name in ["one", "two"] {
            let named = ["add-key", "c", "--account", name];
            house.run_with(&named, Script::KEY).await.ok();
        }
        let key = house.client_key("k").await;
        let which = house.run(&["logout", "c"]).await;
        which.fails(&["--account", "one, two"]);
        house.run(&["logout", "c", "--account", "one"]).await.ok();
        assert_eq!(names(house).await, ["c/two"]);
        house.run(&["logout", "c"]).await.ok();
        assert!(names(house).await.is_empty());
        house.run(&["logout", "c"]).await.fails(&["no account"]);
        if let Some(server) = server {
            let (status, error) = server.say(CHAT, &key, "c/x", "hi").await;
            assert_eq!(
                (status, &error["error"]["code"]),
                (503, &json!("no_account"))
            );
        }
    })
    .await;
}

#[tokio::test]
async fn calls_at_the_same_time_lose_nothing() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, server| {
        let add = async |name: &str| {
            let named = ["add-key", "c", "--account", name, "--no-check"];
            house.run_with(&named, Script::KEY).await.ok();
        };
        let make = async |name| house.client_key(name).await;
        let (_, one, _, two, _) =
            tokio::join!(add("1"), make("one"), add("2"), make("two"), add("3"));
        let mut found = names(house).await;
        found.sort();
        assert_eq!(found, ["c/1", "c/2", "c/3"]);
        let trail = house
            .run(&["audit", "--verify", "--json"])
            .await
            .ok()
            .json();
        assert_eq!(trail["verdict"], json!({"intact": true, "entries": 5}));
        if let Some(server) = server {
            for (key, model) in [(&one, "c/1/x"), (&two, "c/2/x"), (&two, "c/3/x")] {
                assert_eq!(server.say(CHAT, key, model, "hi").await.0, 200, "{model}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_engine_hears_of_calls_made_while_it_starts() {
    let chat = chat_sim().await;
    let house = House::configured(&config(&[("c", &chat)]));
    let (server, (_, key)) = tokio::join!(house.serve(), async {
        (
            house.add_key("c", Script::KEY).await.ok(),
            house.client_key("k").await,
        )
    });
    // It may still be reading the vault again when it says that it listens.
    let served = async { while server.say(CHAT, &key, "c/x", "hi").await.0 != 200 {} };
    soon("the engine to know of the key", served).await;
}

#[tokio::test]
async fn a_new_key_of_an_account_is_in_force_at_once() {
    let chat = Sim::start(Kind::Chat, Script::default().key("sk-new")).await;
    let house = House::configured(&known(&[("openai", &chat)]));
    let unchecked = ["add-key", "openai", "--no-check"];
    house.run_with(&unchecked, "sk-old").await.ok();
    let key = house.client_key("k").await;
    let server = house.serve().await;
    let (status, error) = server.say(CHAT, &key, "openai/x", "hi").await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (502, &json!("account_needs_login"))
    );
    let listed = house.run(&["check", "openai"]).await.ends(1);
    assert!(listed.out.contains("refused"), "{listed:?}");
    // As the error says; without a name it would become a second account.
    let renew = ["add-key", "openai", "--account", "default"];
    house.run_with(&renew, "sk-new").await.ok();
    assert_eq!(names(&house).await, ["openai/default"]);
    assert_eq!(server.say(CHAT, &key, "openai/x", "hi").await.0, 200);
}

#[tokio::test]
async fn the_management_api_renames_and_switches_off() {
    let chat = chat_sim().await;
    let house = House::furnished(&[("c", &chat)]).await;
    let key = house.client_key("k").await;
    let server = house.serve().await;
    let token = house.manage_token();
    let change = async |change: Value| {
        let reply = server
            .patch("/manage/accounts/1", &token, &change)
            .send()
            .await
            .unwrap();
        (
            reply.status().as_u16(),
            reply.json::<Value>().await.unwrap(),
        )
    };
    let (status, account) = change(json!({"name": "home"})).await;
    assert_eq!((status, &account["name"]), (200, &json!("home")));
    assert_eq!(names(&house).await, ["c/home"]);
    assert_eq!(server.say(CHAT, &key, "c/home/x", "hi").await.0, 200);
    assert_eq!(change(json!({"enabled": false})).await.0, 200);
    assert_eq!(server.say(CHAT, &key, "c/x", "hi").await.0, 503);
    assert_eq!(change(json!({"enabled": true})).await.0, 200);
    assert_eq!(server.say(CHAT, &key, "c/x", "hi").await.0, 200);
    let (status, error) = change(json!({"colour": "red"})).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("bad-request"))
    );
    // A client key opens nothing here.
    let reply = server.get("/manage/accounts", &key).send().await.unwrap();
    assert_eq!(reply.status(), 401);
}

#[tokio::test]
async fn what_an_address_needs_is_given_beside_the_key() {
    both_ways("port: 0\n", async |house, _| {
        let line = ["add-key", "azure-openai", "--no-check"];
        let missing = house.run_with(&line, "0123456789abcdef").await;
        missing.fails(&["--field resource="]);
        let line = [&line[..], &["--field", "resource=my-resource", "--json"]].concat();
        let added = house.run_with(&line, "0123456789abcdef").await.ok().json();
        assert_eq!(added["account"]["fields"]["resource"], "my-resource");
        assert!(added["account"]["idle"].is_null(), "{added}");
    })
    .await;
}
