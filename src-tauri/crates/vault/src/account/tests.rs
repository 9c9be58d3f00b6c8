use rusqlite::Connection;

use super::*;
use crate::fixture::{add, in_memory, new_account, on_disk};

fn names(vault: &Vault, provider: &str) -> Vec<String> {
    let accounts = vault.accounts().unwrap();
    accounts
        .into_iter()
        .filter(|a| a.provider == provider)
        .map(|a| a.name)
        .collect()
}

fn secret_of(vault: &Vault, id: AccountId) -> String {
    vault.credential(id).unwrap().secret.expose().to_owned()
}

#[test]
fn unnamed_keys_become_accounts_of_their_own() {
    let vault = in_memory();
    for key in ["a", "b", "c"] {
        add(&vault, "openai", None, key);
    }
    assert_eq!(names(&vault, "openai"), ["default", "2", "3"]);
    let second = vault.accounts().unwrap()[1].id;
    assert_eq!(secret_of(&vault, second), "b");
    vault.remove_account(second, Actor::Cli).unwrap();
    add(&vault, "openai", None, "d");
    assert_eq!(names(&vault, "openai"), ["default", "3", "2"]);
}

#[test]
fn a_named_key_given_again_replaces_the_secret_alone() {
    let vault = in_memory();
    let first = add(&vault, "openai", Some("work"), "sk-0123456789abcdef-1111");
    let other = add(&vault, "claude", Some("work"), "another provider");
    vault.make_first(first.id, Actor::Cli).unwrap();
    let off = AccountChange {
        enabled: Some(false),
        ..AccountChange::default()
    };
    let before = vault.update_account(first.id, off, Actor::Cli).unwrap();

    let after = add(&vault, "openai", Some("work"), "sk-0123456789abcdef-2222");

    assert_eq!(after.id, first.id);
    assert_eq!((after.enabled, after.priority), (false, before.priority));
    assert_eq!(
        (before.key_hint.as_str(), after.key_hint.as_str()),
        ("…1111", "…2222")
    );
    assert_eq!(secret_of(&vault, first.id), "sk-0123456789abcdef-2222");
    assert_eq!(secret_of(&vault, other.id), "another provider");
}

#[test]
fn a_short_key_gives_no_hint() {
    let vault = in_memory();
    assert_eq!(add(&vault, "openai", None, "fifteen-letters").key_hint, "");
    assert_eq!(
        add(&vault, "openai", None, "sixteen--letters").key_hint,
        "…ters"
    );
}

#[test]
fn switching_puts_an_account_first_and_on() {
    let vault = in_memory();
    let ids: Vec<_> = ["a", "b", "c"]
        .map(|n| add(&vault, "openai", Some(n), n).id)
        .into();
    let off = AccountChange {
        enabled: Some(false),
        ..AccountChange::default()
    };
    vault.update_account(ids[2], off, Actor::Cli).unwrap();
    vault.make_first(ids[2], Actor::Tray).unwrap();
    assert_eq!(names(&vault, "openai"), ["c", "a", "b"]);
    assert!(vault.accounts().unwrap()[0].enabled);
    vault.make_first(ids[1], Actor::Tray).unwrap();
    assert_eq!(names(&vault, "openai"), ["b", "c", "a"]);
    let alone = add(&vault, "claude", None, "k");
    assert_eq!(
        vault.make_first(alone.id, Actor::Tray).unwrap().priority,
        alone.priority
    );
}

#[test]
fn an_account_keeps_its_number_and_name_to_itself() {
    let vault = in_memory();
    let (a, b) = (
        add(&vault, "openai", Some("a"), "a"),
        add(&vault, "openai", Some("b"), "b"),
    );
    let rename = |name: &str| AccountChange {
        name: Some(name.into()),
        ..AccountChange::default()
    };
    let taken = vault.update_account(a.id, rename("b"), Actor::Cli);
    assert!(matches!(taken, Err(VaultError::NameTaken { .. })));
    assert_eq!(
        vault
            .update_account(a.id, rename("a"), Actor::Cli)
            .unwrap()
            .name,
        "a"
    );
    assert_eq!(
        vault
            .update_account(a.id, rename("home"), Actor::Cli)
            .unwrap()
            .name,
        "home"
    );

    vault.remove_account(b.id, Actor::Cli).unwrap();
    assert!(matches!(vault.credential(b.id), Err(VaultError::NoAccount(id)) if id == b.id));
    assert!(matches!(
        vault.remove_account(b.id, Actor::Cli),
        Err(VaultError::NoAccount(_))
    ));
    assert!(add(&vault, "openai", Some("b"), "b").id > b.id);
}

#[test]
fn names_that_would_break_urls_or_seals_are_refused() {
    let vault = in_memory();
    let long = "x".repeat(65);
    for name in ["", " a", "a ", "a/b", "a|b", "a\nb", "a\0", long.as_str()] {
        for new in [new_account("openai", Some(name)), new_account(name, None)] {
            let refused = vault.add_key(new, Secret::new("k"), Actor::Cli);
            assert!(
                matches!(refused, Err(VaultError::BadName { .. })),
                "{name:?}"
            );
        }
    }
    let new = NewAccount {
        base_origin: Some("https://a|b"),
        ..new_account("openai", None)
    };
    assert!(vault.add_key(new, Secret::new("k"), Actor::Cli).is_err());
    assert!(vault.accounts().unwrap().is_empty());
}

#[test]
fn every_change_makes_copies_in_memory_stale() {
    let vault = in_memory();
    let mut seen = vec![vault.generation()];
    let id = add(&vault, "openai", None, "k").id;
    seen.push(vault.generation());
    vault
        .update_account(id, AccountChange::default(), Actor::Cli)
        .unwrap();
    seen.push(vault.generation());
    vault.remove_account(id, Actor::Cli).unwrap();
    seen.push(vault.generation());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert!(vault.remove_account(id, Actor::Cli).is_err());
    assert_eq!(vault.generation(), seen[3]);
}

fn with_fields<'a>(fields: &'a [(&'a str, &'a str)]) -> NewAccount<'a> {
    NewAccount {
        fields,
        ..new_account("azure-openai", Some("work"))
    }
}

#[test]
fn values_beside_a_key_are_kept_changed_and_taken_away() {
    let vault = in_memory();
    let given = with_fields(&[("resource", "mine"), ("version", "1.0_x-")]);
    let id = vault
        .add_key(given, Secret::new("k1"), Actor::Cli)
        .unwrap()
        .id;
    let again = with_fields(&[("region", "eu")]);
    let again = vault.add_key(again, Secret::new("k2"), Actor::Cli).unwrap();
    assert_eq!(again.id, id);
    let names: Vec<_> = again.fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["region", "resource", "version"]);

    let change = AccountChange {
        fields: [("resource", "other"), ("version", ""), ("unknown", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..AccountChange::default()
    };
    let changed = vault.update_account(id, change, Actor::Cli).unwrap();
    assert_eq!(fields::to_seal(&changed.fields), "region=eu,resource=other");
    assert_eq!(secret_of(&vault, id), "k2");
}

#[test]
fn values_that_would_leave_their_place_in_an_address_are_refused() {
    let vault = in_memory();
    let long = "x".repeat(129);
    for bad in ["a/b", "a@b", "a b", "a|b", "a=b", "a,b", "ä", &long] {
        for field in [("resource", bad), (bad, "x")] {
            let refused = vault.add_key(with_fields(&[field]), Secret::new("k"), Actor::Cli);
            assert!(matches!(refused, Err(VaultError::BadName { .. })), "{bad}");
        }
    }
    assert!(vault.accounts().unwrap().is_empty());
}

/// Edits made to the file behind byokey's back.
#[test]
fn an_edited_row_gives_up_no_secret() {
    let edits = [
        // Swap the envelopes of two accounts.
        "UPDATE secret SET envelope = (SELECT envelope FROM secret s WHERE s.account = 3 - secret.account)",
        // Send the key of one provider to another.
        "UPDATE account SET provider = 'evil' WHERE id = 1",
        // Send the key to another host.
        "UPDATE account SET base_origin = 'https://evil.example' WHERE id = 1",
        "UPDATE account SET fields = '{\"resource\":\"evil\"}' WHERE id = 1",
        "UPDATE account SET fields = 'nonsense' WHERE id = 1",
        "UPDATE secret SET envelope = x'' WHERE account = 1",
        "UPDATE secret SET envelope = substr(envelope, 1, 20) WHERE account = 1",
        "UPDATE secret SET envelope = zeroblob(1000) WHERE account = 1",
    ];
    for edit in edits {
        let dir = tempfile::tempdir().unwrap();
        let vault = on_disk(dir.path());
        let a = NewAccount {
            fields: &[("resource", "mine")],
            ..new_account("openai", Some("a"))
        };
        let added = vault.add_key(a, Secret::new("key a"), Actor::Cli);
        let id = added.unwrap().id;
        add(&vault, "openai", Some("b"), "key b");
        let edited = Connection::open(dir.path().join("vault.db"))
            .unwrap()
            .execute(edit, []);
        assert!(edited.unwrap() > 0);
        let opened = vault.credential(id);
        assert!(
            matches!(opened, Err(VaultError::Tampered { account }) if account == id),
            "{edit}"
        );
    }
}
