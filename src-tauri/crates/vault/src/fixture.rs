//! What the tests of this crate share.

use std::path::Path;

use byokey_wire::{Dialect, Plan, Usage};
use jiff::Timestamp;

use crate::{
    Account, AccountId, Actor, ClientKeyId, HomeChoice, NewAccount, Outcome, Secret, Units,
    UsageRow, Vault,
};

/// 32 bytes in base64, and another 32.
pub(crate) const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const OTHER_MASTER: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

pub(crate) fn master() -> HomeChoice {
    HomeChoice::MasterKey(Secret::new(MASTER))
}

pub(crate) fn on_disk(dir: &Path) -> Vault {
    Vault::open(dir, master()).expect("the vault opens")
}

pub(crate) fn in_memory() -> Vault {
    Vault::open(Path::new("nowhere"), HomeChoice::Memory).expect("the vault opens")
}

pub(crate) fn new_account<'a>(provider: &'a str, name: Option<&'a str>) -> NewAccount<'a> {
    NewAccount {
        provider,
        name,
        route: "api-key",
        base_origin: None,
        limited: false,
        fields: &[],
    }
}

pub(crate) fn add(vault: &Vault, provider: &str, name: Option<&str>, key: &str) -> Account {
    vault
        .add_key(new_account(provider, name), Secret::new(key), Actor::Cli)
        .expect("the account is added")
}

/// A good request of account 1 and client key 1.
pub(crate) fn row(id: &str, at: &str) -> UsageRow {
    UsageRow {
        request_id: id.to_owned(),
        at: at.parse::<Timestamp>().expect("a time"),
        client_key: Some(ClientKeyId(1)),
        client_name: Some("laptop".to_owned()),
        account: Some(AccountId(1)),
        account_name: Some("default".to_owned()),
        provider: Some("openai".to_owned()),
        model: Some("gpt-5".to_owned()),
        asked_model: "fast".to_owned(),
        caller_dialect: Dialect::Messages,
        upstream_dialect: Some(Dialect::Chat),
        plan: Some(Plan::Via),
        stream: true,
        status: 200,
        outcome: Outcome::Ok,
        usage: Usage {
            input: Some(10),
            output: Some(5),
            ..Usage::default()
        },
        units: Units {
            characters: Some(7),
            audio_ms: None,
            images: Some(2),
        },
        cost_usd: Some(0.5),
        latency_ms: 120,
        ttft_ms: Some(40),
        bytes_in: 1000,
        bytes_out: 2000,
        losses: 1,
        lost: vec!["messages[0].name=dropped".into()],
        error: None,
    }
}
