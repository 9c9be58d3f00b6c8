#![cfg(unix)]

use std::{
    future::{Ready, ready},
    path::Path,
};

use super::*;
use crate::{
    BridgeSettings,
    process::{Launch, Reach},
    rpc::{Framing, Habits},
};

const HABITS: Habits = Habits {
    framing: Framing::Lines,
    conversation: |_| None,
    question: "",
    kept: &[],
    decline: |_| None,
};

fn started(script: &str) -> Ready<Result<Peer, BridgeTrouble>> {
    let settings = BridgeSettings::default();
    let launch = Launch {
        name: "sh",
        path: Path::new("/bin/sh"),
        settings: &settings,
        places: &[],
        folder: Path::new("/"),
    };
    let running = launch.start(&["-c", script], &[], Reach::Group);
    ready(running.map(|running| Peer::new(running, HABITS)))
}

fn place(account: i64) -> Place {
    Place {
        account,
        path: "/bin/sh".into(),
        env: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_program_is_kept_while_somebody_asks_and_no_longer() {
    let pool = Pool::default();
    let first = pool.peer(place(1), started("cat")).await.unwrap();
    let again = pool.peer(place(1), started("cat")).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let other = pool.peer(place(2), started("cat")).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &other));

    drop((again, other));
    tokio::time::pause();
    tokio::time::sleep(IDLE * 5).await;
    assert!(!first.is_gone(), "a run still uses it");
    let (used, idle) = (Arc::downgrade(&first), place(2));
    drop(first);
    tokio::time::sleep(IDLE * 2).await;
    assert!(used.upgrade().is_none(), "nobody uses it any more");
    tokio::time::resume();
    pool.peer(idle, started("cat")).await.unwrap();
}

#[tokio::test]
async fn what_has_died_or_did_not_start_is_started_anew() {
    let pool = Pool::default();
    let no = async { Err(BridgeTrouble::Request("no".to_owned())) };
    assert!(pool.peer(place(1), no).await.is_err());
    let first = pool.peer(place(1), started("exit")).await.unwrap();
    first.listen("t").next().await;
    let died = async {
        while !first.is_gone() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), died)
        .await
        .unwrap();
    let second = pool.peer(place(1), started("cat")).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
}
