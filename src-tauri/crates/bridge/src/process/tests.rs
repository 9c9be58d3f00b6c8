use std::collections::BTreeMap;

use super::*;

fn shell(settings: &BridgeSettings) -> Launch<'_> {
    Launch {
        name: "sh",
        path: Path::new("/bin/sh"),
        settings,
        places: &[],
        folder: Path::new("/"),
    }
}

#[tokio::test]
async fn a_command_tells_its_output_and_its_last_words() {
    let env = BTreeMap::from([("FOR_IT".to_owned(), "yes".to_owned())]);
    let settings = BridgeSettings { program: None, env };
    let script = "cat; echo out $FOR_IT $CARGO_MANIFEST_DIR; echo no luck >&2; exit 3";
    let shell = shell(&settings);
    let told = shell.ask(&["-c", script], Duration::from_secs(20)).await;
    let told = told.unwrap();
    assert_eq!(told.output, "out yes\n");
    assert_eq!(
        (told.status.code(), told.words.as_str()),
        (Some(3), "no luck")
    );
}

#[tokio::test]
async fn a_command_that_never_ends_is_given_up() {
    let settings = BridgeSettings::default();
    let shell = shell(&settings);
    let told = shell.ask(&["-c", "exec sleep 600"], Duration::from_millis(50));
    assert!(matches!(told.await, Err(BridgeTrouble::Silent { .. })));
}

#[tokio::test]
async fn what_does_not_exist_does_not_start() {
    let settings = BridgeSettings::default();
    let launch = Launch {
        path: Path::new("/nowhere/claude"),
        ..shell(&settings)
    };
    let told = launch.start(&[] as &[&str], &[], Reach::Group);
    assert!(matches!(told, Err(BridgeTrouble::Start { .. })));
}

#[tokio::test]
async fn a_dropped_process_takes_its_children_along() {
    let settings = BridgeSettings::default();
    let script = "sleep 600 & echo $!; wait";
    let mut running = shell(&settings)
        .start(&["-c", script], &[], Reach::Group)
        .unwrap();
    let mut lines = running.lines().unwrap();
    let line = lines.next().await.unwrap().unwrap();
    let grandchild: i32 = std::str::from_utf8(line).unwrap().parse().unwrap();
    drop(running);
    // The pipe's other end is the grandchild's too, so its end is the grandchild's.
    assert_eq!(
        lines.next().await.unwrap(),
        None,
        "process {grandchild} lives on"
    );
}
