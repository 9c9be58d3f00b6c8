use super::*;
use crate::fixture::{add, in_memory};

fn new<'a>(identity: &'a str, name: Option<&'a str>) -> NewSignIn<'a> {
    NewSignIn {
        provider: "copilot",
        name,
        route: "github-device",
        identity: Some(identity),
        label: Some("ada@example.org"),
        plan: None,
        base_origin: None,
        fields: &[],
    }
}

fn key(text: &str) -> Secret {
    Secret::new(text)
}

#[test]
fn two_accounts_with_one_e_mail_live_side_by_side() {
    let vault = in_memory();
    let (one, two) = (key("one-0123456789abc"), key("two-0123456789abc"));
    let first = vault
        .sign_in(new("u1", None), Login::Key(&one), Actor::Cli)
        .unwrap();
    let second = vault
        .sign_in(new("u2", None), Login::Key(&two), Actor::Cli)
        .unwrap();
    assert_ne!(first.account.id, second.account.id);
    assert_eq!(
        (&*first.account.name, &*second.account.name),
        ("default", "2")
    );
    assert_eq!(first.account.label, second.account.label);
}

#[test]
fn the_same_identity_updates_its_account() {
    let vault = in_memory();
    let (one, two) = (key("one-0123456789abc"), key("two-0123456789abc"));
    let first = vault
        .sign_in(new("u1", Some("work")), Login::Key(&one), Actor::Cli)
        .unwrap();
    let gone = Condition::NeedsSignIn;
    vault
        .set_condition(first.account.id, gone, None, None)
        .unwrap();
    let again = vault
        .sign_in(new("u1", None), Login::Key(&two), Actor::Cli)
        .unwrap();
    assert!(!first.renewed && again.renewed);
    assert_eq!(again.account.id, first.account.id);
    assert_eq!(
        (&*again.account.name, again.account.condition),
        ("work", Condition::Ready)
    );
    let stored = vault.credential(again.account.id).unwrap();
    assert_eq!(stored.secret.expose(), two.expose());
}

#[test]
fn another_identity_never_takes_a_name_that_is_in_use() {
    let vault = in_memory();
    let secret = key("one-0123456789abc");
    let kept = add(&vault, "copilot", Some("work"), "typed-key-0123456789");
    let refused = vault.sign_in(new("u1", Some("work")), Login::Key(&secret), Actor::Cli);
    assert!(matches!(refused, Err(VaultError::NameTaken { .. })));
    // The transaction left nothing behind.
    assert_eq!(vault.accounts().unwrap(), [kept]);
}

#[test]
fn a_followed_login_and_an_own_one_of_the_same_person_are_two() {
    let vault = in_memory();
    let secret = key("one-0123456789abc");
    let own = vault
        .sign_in(new("u1", None), Login::Key(&secret), Actor::Cli)
        .unwrap();
    let follow = Login::Followed {
        owner: "GitHub CLI",
        source: "~/.config/gh/hosts.yml",
    };
    let followed = vault.sign_in(new("u1", None), follow, Actor::Cli).unwrap();
    assert_ne!(own.account.id, followed.account.id);
    assert_eq!(followed.account.kind, AccountKind::Followed);
    assert_eq!(followed.account.owner.as_deref(), Some("GitHub CLI"));
    let refused = vault.credential(followed.account.id);
    assert!(matches!(refused, Err(VaultError::NoKey(_))));
    let refused = vault.tokens(followed.account.id);
    assert!(matches!(refused, Err(VaultError::NoTokens(_))));
}

#[test]
fn values_beside_the_credential_are_kept() {
    let vault = in_memory();
    let secret = key("one-0123456789abc");
    let fields = [("api_region", "eu-central-1")];
    let new = NewSignIn {
        fields: &fields,
        ..new("u1", None)
    };
    let account = vault
        .sign_in(new, Login::Key(&secret), Actor::Cli)
        .unwrap()
        .account;
    assert_eq!(account.fields["api_region"], "eu-central-1");
    assert_eq!(
        vault.credential(account.id).unwrap().secret.expose(),
        secret.expose()
    );
}
