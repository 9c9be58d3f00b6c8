use std::net::TcpListener;

use super::*;
use crate::fixture::{desk, key};
use crate::{ChangeAccountParams, Code};

async fn running(dir: &Path) -> Option<Client> {
    Client::running(dir, Actor::Cli).await.unwrap()
}

#[tokio::test]
async fn a_running_engine_is_found_and_answers_like_one_in_this_process() {
    let (dir, desk) = desk("").await;
    assert!(running(dir.path()).await.is_none());
    let listening = desk.engine().listen().await.unwrap();
    let token = ManageToken::random().unwrap();
    token.save(dir.path()).unwrap();
    let _published = Endpoint::publish(dir.path(), &listening.url()).unwrap();
    let serving = tokio::spawn(listening.serve(router(desk.clone(), token)));

    let there = running(dir.path()).await.unwrap();
    let here = Client::here(desk, Actor::Cli).unwrap();
    there
        .add_account(&key("openai", None, "sk-1", false))
        .await
        .unwrap();
    let accounts = there.accounts(Some("openai")).await.unwrap();
    assert_eq!(accounts, here.accounts(Some("openai")).await.unwrap());
    let params = CreateKeyParams {
        name: "a tool/ü".into(),
        ..CreateKeyParams::default()
    };
    for client in [&there, &here] {
        let refused = client.create_key(&params).await;
        assert!(matches!(refused, Err(ClientError::Refused(e)) if e.code == Code::BadValue));
        let none = ChangeAccountParams::default();
        let unknown = client.change_account(99, &none).await;
        assert!(matches!(unknown, Err(ClientError::Refused(e)) if e.code == Code::NotFound));
    }

    there.stop().await.unwrap();
    serving.await.unwrap();
    assert!(running(dir.path()).await.is_none());
    assert!(matches!(
        there.status().await,
        Err(ClientError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn what_a_killed_engine_left_behind_is_no_engine() {
    let dir = tempfile::tempdir().unwrap();
    ManageToken::random().unwrap().save(dir.path()).unwrap();
    // A port that nobody holds any more.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let _left = Endpoint::publish(dir.path(), &url).unwrap();
    assert!(running(dir.path()).await.is_none());
}

#[tokio::test]
async fn an_engine_of_another_folder_is_not_taken_for_ours() {
    let (other, theirs) = desk("").await;
    let listening = theirs.engine().listen().await.unwrap();
    let url = listening.url();
    let token = ManageToken::random().unwrap();
    let serving = tokio::spawn(listening.serve(router(theirs.clone(), token)));
    let ours = tempfile::tempdir().unwrap();
    ManageToken::random().unwrap().save(ours.path()).unwrap();
    let _left = Endpoint::publish(ours.path(), &url).unwrap();
    assert!(running(ours.path()).await.is_none());
    theirs.engine().stop();
    serving.await.unwrap();
    drop(other);
}

#[test]
fn names_stay_one_segment() {
    assert_eq!(segment("a b/../ü?#"), "a%20b%2F%2E%2E%2F%C3%BC%3F%23");
}
