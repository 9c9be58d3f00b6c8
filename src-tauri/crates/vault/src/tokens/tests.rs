use super::*;
use crate::fixture::{in_memory, on_disk};
use crate::{Account, Actor, Login, NewSignIn};

fn set(access: &str, refresh: Option<&str>) -> TokenSet {
    TokenSet {
        access: Secret::new(access),
        refresh: refresh.map(Secret::new),
        expires: Some("2026-11-21T10:00:00Z".parse().unwrap()),
        obtained: "2026-11-21T09:00:00Z".parse().unwrap(),
        earliest_refresh: None,
        scope: Some("user:inference".to_owned()),
        client: Some(IssuedClient {
            id: "oaiapp_1".to_owned(),
            secret: Some(Secret::new("client secret")),
            expires: None,
        }),
        second: Some(SecondToken {
            token: Secret::new("second"),
            expires: None,
            due: Some("2026-11-21T09:25:00Z".parse().unwrap()),
        }),
        extra: [("project".to_owned(), "p-1".to_owned())].into(),
    }
}

fn signed_in(vault: &Vault, identity: &str, access: &str) -> Account {
    let new = NewSignIn {
        provider: "claude",
        name: None,
        route: "oauth-pkce",
        identity: Some(identity),
        label: Some("ada@example.org"),
        plan: None,
        base_origin: None,
        fields: &[],
    };
    let tokens = set(access, Some("refresh"));
    let done = vault.sign_in(new, Login::Tokens(&tokens), Actor::Cli);
    done.unwrap().account
}

#[test]
fn a_set_comes_back_as_it_was_stored() {
    let dir = tempfile::tempdir().unwrap();
    let id = signed_in(&on_disk(dir.path()), "u1", "access").id;
    let stored = on_disk(dir.path()).tokens(id).unwrap();
    assert_eq!((stored.account, stored.generation), (id, 2));
    let got = stored.tokens;
    assert_eq!(got.access.expose(), "access");
    assert_eq!(got.refresh.unwrap().expose(), "refresh");
    assert_eq!(got.expires, set("", None).expires);
    let client = got.client.unwrap();
    assert_eq!(
        (&*client.id, client.secret.unwrap().expose()),
        ("oaiapp_1", "client secret")
    );
    assert_eq!(got.second.unwrap().token.expose(), "second");
    assert_eq!(got.extra["project"], "p-1");
}

#[test]
fn only_the_set_one_began_with_is_replaced() {
    let vault = in_memory();
    let id = signed_in(&vault, "u1", "first").id;
    let seen = vault.tokens(id).unwrap().generation;
    let saved = vault.renew(id, seen, &set("second", None)).unwrap();
    assert_eq!(saved, Renewal::Saved(seen + 1));
    let late = vault.renew(id, seen, &set("late", None)).unwrap();
    assert_eq!(late, Renewal::Superseded);
    let now = vault.tokens(id).unwrap();
    assert_eq!(
        (now.tokens.access.expose(), now.generation),
        ("second", seen + 1)
    );
}

#[test]
fn a_renewal_under_way_lets_nobody_in_who_was_locked_out() {
    let vault = in_memory();
    let id = signed_in(&vault, "u1", "first").id;
    let seen = vault.tokens(id).unwrap().generation;
    let blocked = Condition::Blocked;
    vault
        .set_condition(id, blocked, Some("suspended"), None)
        .unwrap();
    vault.renew(id, seen, &set("second", None)).unwrap();
    assert_eq!(vault.accounts().unwrap()[0].condition, blocked);
}

#[test]
fn a_renewal_under_way_never_reaches_a_key_that_took_its_place() {
    let vault = in_memory();
    let account = signed_in(&vault, "u1", "first");
    let seen = vault.tokens(account.id).unwrap().generation;
    crate::fixture::add(
        &vault,
        "claude",
        Some(&account.name),
        "sk-typed-key-0123456789",
    );
    let late = vault.renew(account.id, seen, &set("second", None)).unwrap();
    assert_eq!(late, Renewal::Superseded);
    assert!(vault.tokens(account.id).is_err());
}

#[test]
fn a_renewal_touches_no_other_account() {
    let vault = in_memory();
    let one = signed_in(&vault, "u1", "one").id;
    let two = signed_in(&vault, "u2", "two");
    let seen = vault.tokens(one).unwrap().generation;
    vault.renew(one, seen, &set("new", None)).unwrap();
    assert_eq!(vault.tokens(two.id).unwrap().tokens.access.expose(), "two");
    let same = vault
        .accounts()
        .unwrap()
        .into_iter()
        .find(|a| a.id == two.id);
    assert_eq!(same, Some(two));
}

#[test]
fn a_late_failure_says_nothing_about_newer_tokens() {
    let vault = in_memory();
    let id = signed_in(&vault, "u1", "first").id;
    let seen = vault.tokens(id).unwrap().generation;
    vault.renew(id, seen, &set("second", None)).unwrap();
    let gone = Condition::NeedsSignIn;
    vault
        .set_condition(id, gone, Some("gone"), Some(seen))
        .unwrap();
    assert_eq!(vault.accounts().unwrap()[0].condition, Condition::Ready);
    vault
        .set_condition(id, gone, Some("gone"), Some(seen + 1))
        .unwrap();
    let account = &vault.accounts().unwrap()[0];
    assert_eq!(account.condition, gone);
    assert_eq!(account.condition_words.as_deref(), Some("gone"));
    assert!(account.condition_since.is_some());
    // New tokens put it right again.
    vault.renew(id, seen + 1, &set("third", None)).unwrap();
    let account = &vault.accounts().unwrap()[0];
    assert_eq!(
        (account.condition, account.condition_since),
        (Condition::Ready, None)
    );
}

#[test]
fn a_set_that_was_moved_to_another_account_does_not_open() {
    let vault = in_memory();
    let one = signed_in(&vault, "u1", "one").id;
    let two = signed_in(&vault, "u2", "two").id;
    vault
        .write(|tx| {
            let moved = "UPDATE secret SET envelope = \
                         (SELECT envelope FROM secret WHERE account = ?1) WHERE account = ?2";
            Ok(tx.execute(moved, [one.0, two.0])?)
        })
        .unwrap();
    assert!(matches!(
        vault.tokens(two),
        Err(VaultError::Tampered { .. })
    ));
}

#[test]
fn nothing_of_a_set_lies_readable_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    signed_in(&vault, "u1", "canary-access-token");
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for secret in ["canary-access-token", "client secret", "second"] {
            let found = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
