use std::path::Path;

use byokey_signin::Machine;
use byokey_sim::{Kind, Script, Sim};
use byokey_vault::{AccountKind, Actor};

use crate::fixture::desk;
use crate::{Client, ClientError, Code, ImportParams, RevokedInfo, StateKind, VerdictKind};

/// A client on a machine with this home folder and nothing in its environment.
async fn client(configuration: &str, home: &Path) -> (tempfile::TempDir, Client) {
    let (dir, desk) = desk(configuration).await;
    let desk = desk.on(Machine::at(home, [].into()));
    (dir, Client::here(desk, Actor::Cli).unwrap())
}

fn write(home: &Path, path: &str, text: &str) {
    let path = home.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn ids(ids: &[&str], accept_notice: bool) -> ImportParams {
    ImportParams {
        ids: ids.iter().map(ToString::to_string).collect(),
        accept_notice,
    }
}

#[tokio::test]
async fn a_key_that_is_found_is_proved_before_it_is_kept() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let home = tempfile::tempdir().unwrap();
    let config = format!("providers: {{openai: {{base_url: {}}}}}", sim.base_url());
    let (_dir, client) = client(&config, home.path()).await;
    assert!(client.imports(None).await.unwrap().found.is_empty());

    write(
        home.path(),
        ".codex/auth.json",
        r#"{"OPENAI_API_KEY": "sk-proj-wrong"}"#,
    );
    let found = client.imports(Some("codex")).await.unwrap().found;
    assert_eq!(found[0].verdict.kind, VerdictKind::Ready);
    let done = client.import(&ids(&[&found[0].id], false)).await.unwrap();
    assert!(done.taken.is_empty() && done.refused[0].message.contains("does not accept"));

    let good = format!(r#"{{"OPENAI_API_KEY": "{}"}}"#, Script::KEY);
    write(home.path(), ".codex/auth.json", &good);
    let found = client.imports(Some("codex")).await.unwrap().found;
    let done = client.import(&ids(&[&found[0].id], false)).await.unwrap();
    assert_eq!(done.taken[0].kind, AccountKind::Key);
    let again = client.imports(Some("codex")).await.unwrap().found;
    assert_eq!(again[0].verdict.kind, VerdictKind::AlreadyHere);
    assert_eq!(again[0].verdict.account, Some(done.taken[0].id));
}

#[tokio::test]
async fn a_login_is_followed_once_its_notice_is_accepted() {
    let home = tempfile::tempdir().unwrap();
    let (_dir, client) = client("", home.path()).await;
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let login = format!(
        r#"{{"claudeAiOauth": {{"accessToken": "sk-ant-oat01-canary", "refreshToken": "sk-ant-ort01-canary",
            "expiresAt": {}, "scopes": ["user:inference"], "subscriptionType": "max"}}}}"#,
        end.as_millisecond()
    );
    write(home.path(), ".claude/.credentials.json", &login);
    let found = client.imports(Some("claude-code")).await.unwrap().found;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].verdict.kind, VerdictKind::NeedsNotice);
    let notice = found[0].notice.as_ref().unwrap();
    assert!(notice.accepted_at.is_none() && !notice.text.is_empty());
    assert!(!serde_json::to_string(&found).unwrap().contains("canary"));

    let refused = client.import(&ids(&[&found[0].id], false)).await.unwrap();
    assert!(refused.taken.is_empty() && refused.refused[0].message.contains("accept"));
    let done = client.import(&ids(&[&found[0].id], true)).await.unwrap();
    let account = &done.taken[0];
    assert_eq!(account.kind, AccountKind::Followed);
    assert_eq!(account.state.kind, StateKind::Follows);
    assert_eq!(account.owner.as_deref(), Some("Claude Code"));

    let gone = client.remove_account(account.id).await.unwrap();
    assert_eq!(gone.revoked, RevokedInfo::NotPossible);
    assert!(gone.message.contains("Claude Code stays signed in"));
    assert!(client.accounts(None).await.unwrap().accounts.is_empty());
}

#[tokio::test]
async fn what_is_not_there_takes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (_dir, client) = client("", home.path()).await;
    let unknown = client.imports(Some("none")).await;
    assert!(matches!(unknown, Err(ClientError::Refused(e)) if e.code == Code::NotFound));
    let done = client.import(&ids(&["gone"], false)).await.unwrap();
    assert_eq!((done.taken.len(), &*done.refused[0].id), (0, "gone"));
    let nobody = client.take_over(7).await;
    assert!(matches!(nobody, Err(ClientError::Refused(_))));
}
