//! Starts and ends of the engine, and what it leaves on the disk meanwhile.

use std::{fs, net::TcpListener, sync::Arc};

use byokey_sim::{Part, Reply};
use serde_json::json;
use tokio::sync::Notify;

use crate::rig::{House, body, chat_sim, soon};

const CHAT: &str = "/v1/chat/completions";

#[cfg(unix)]
#[tokio::test]
async fn a_running_stream_ends_in_peace_before_the_engine_does() {
    use rustix::process::Signal;
    for signal in [Signal::TERM, Signal::INT] {
        let chat = chat_sim().await;
        let house = House::furnished(&[("c", &chat)]).await;
        let key = house.client_key("k").await;
        let go_on = Arc::new(Notify::new());
        let frame = |text: &str| {
            let delta = json!({"index": 0, "delta": {"content": text}});
            Part::Bytes(format!("data: {}\n\n", json!({"id": "x", "choices": [delta]})).into())
        };
        chat.reply(
            Reply::events(Vec::<&str>::new())
                .part(frame("before"))
                .part(Part::Wait(Arc::clone(&go_on)))
                .part(frame("after"))
                .part(Part::Bytes("data: [DONE]\n\n".into())),
        );
        let server = house.serve().await;
        let request = server.post(CHAT, &key, body("c/x", "hi", true).to_string());
        let mut reply = request.send().await.unwrap();
        let first = reply.chunk().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("before"));

        server.signal(signal);
        // Nobody new comes in once it is stopping.
        let refused = async {
            while server.get("/healthz", &key).send().await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        soon("the door to close", refused).await;
        go_on.notify_one();
        let mut rest = String::new();
        while let Some(chunk) = reply.chunk().await.unwrap() {
            rest.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(
            rest.contains("after") && rest.ends_with("data: [DONE]\n\n"),
            "{rest}"
        );
        let (code, told) = server.ended().await;
        assert_eq!(code, Some(0), "{told}");
        assert!(!house.data().join("endpoint.json").exists());
        let used = house.run(&["usage", "--json"]).await.ok().json();
        assert_eq!(used["groups"][0]["requests"], 1);
        assert_eq!(used["groups"][0]["failed"], 0);
    }
}

#[tokio::test]
async fn a_second_engine_on_the_folder_is_refused() {
    let house = House::empty();
    let server = house.serve().await;
    let pid = server.pid().to_string();
    let second = house.run(&["serve"]).await;
    second.fails(&["already runs", &pid]);
    let status = house.run(&["status", "--json"]).await.ok().json();
    assert_eq!(status["pid"].to_string(), pid);
    let text = house.run(&["status"]).await.ok();
    assert!(text.out.contains(&server.url), "{text:?}");
    let welcome = house.run(&[]).await.ok();
    assert!(
        welcome.out.contains(&format!("{}/v1", server.url)),
        "{welcome:?}"
    );
}

#[tokio::test]
async fn a_taken_port_is_named_and_its_holder_left_alone() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let house = House::empty();
    for call in [&["serve", "-p", &port][..], &["start", "-p", &port]] {
        let failed = house.run(call).await;
        failed.fails(&[&format!("port {port}"), "--port"]);
    }
    // It still listens, and the folder is free.
    std::net::TcpStream::connect(("127.0.0.1", holder.local_addr().unwrap().port())).unwrap();
    assert_eq!(
        house.run(&["status", "--json"]).await.ok().json()["running"],
        false
    );
    house.serve().await;
}

#[tokio::test]
async fn what_a_killed_engine_left_behind_deceives_nobody() {
    let chat = chat_sim().await;
    let house = House::furnished(&[("c", &chat)]).await;
    let server = house.serve().await;
    let url = server.url.clone();
    server.kill().await;
    let stale = fs::read_to_string(house.data().join("endpoint.json")).unwrap();
    assert!(stale.contains(&url), "{stale}");

    assert_eq!(
        house.run(&["status", "--json"]).await.ok().json()["running"],
        false
    );
    house.run(&["stop"]).await.ok().says(&["does not run"]);
    let listed = house.run(&["accounts"]).await.ok();
    assert!(listed.out.contains("default"), "{listed:?}");
    // Another program got the port meanwhile.
    let port = url.rsplit(':').next().unwrap();
    let other = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        while let Ok((mut caller, _)) = other.accept() {
            let mut head = [0; 4096];
            let _ = caller.read(&mut head);
            let _ = caller.write_all(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
        }
    });
    assert_eq!(
        house.run(&["status", "--json"]).await.ok().json()["running"],
        false
    );
    let listed = house.run(&["accounts"]).await.ok();
    assert!(listed.out.contains("default"), "{listed:?}");
    let server = house.serve().await;
    assert_ne!(server.url, url);
    let status = house.run(&["status", "--json"]).await.ok().json();
    assert_eq!(status["url"], server.url);
}

#[tokio::test]
async fn it_runs_in_the_background_until_it_is_stopped() {
    let chat = chat_sim().await;
    let house = House::furnished(&[("c", &chat)]).await;
    let started = house.run(&["start"]).await.ok();
    let url = started.out.trim_end();
    assert!(url.starts_with("http://127.0.0.1:"), "{started:?}");
    let status = async || house.run(&["status", "--json"]).await.ok().json();
    let first = status().await;
    assert_eq!(first["url"], url);
    let again = house.run(&["start"]).await.ok();
    again.says(&["already runs"]);
    assert_eq!(status().await["pid"], first["pid"]);

    house.run(&["restart"]).await.ok();
    let second = status().await;
    assert_eq!(second["running"], true);
    assert_ne!(second["pid"], first["pid"]);
    house.run(&["stop"]).await.ok().says(&["stopped"]);
    assert_eq!(status().await["running"], false);
    house.run(&["stop"]).await.ok().says(&["does not run"]);
    let log = fs::read_to_string(house.data().join("byokey.log")).unwrap();
    assert!(log.contains("listens at"), "{log}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing() {
    let chat = chat_sim().await;
    let house = House::furnished(&[("c", &chat)])
        .await
        .env("BYOKEY_LOG", "trace");
    let key = house.client_key("k").await;
    let mut server = house.serve().await;
    server.stop_reading().await;
    for text in ["hi", "[[sim status=500]]", "hi"] {
        server.say(CHAT, &key, "c/x", text).await;
    }
    assert_eq!(server.say(CHAT, &key, "c/x", "hi").await.0, 200);
    let stop = server.post("/manage/stop", &house.manage_token(), "");
    assert_eq!(stop.send().await.unwrap().status(), 202);
    assert_eq!(server.ended().await.0, Some(0));
    let used = house.run(&["usage", "--json"]).await;
    assert!(used.out.contains("\"requests\": 4"), "{used:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_with_the_files_of_others_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::empty();
    let theirs = house.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("letter.txt"), "dear all").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).unwrap();
    for call in ["serve", "accounts"] {
        let failed = house
            .run(&[call, "--data-dir", theirs.to_str().unwrap()])
            .await;
        failed.fails(&["theirs", "not byokey's"]);
    }
    let mode = fs::metadata(&theirs).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, fs::read_dir(&theirs).unwrap().count()), (0o755, 1));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_in_the_folder_is_open_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let chat = chat_sim().await;
    let house = House::furnished(&[("c", &chat)]).await;
    let key = house.client_key("k").await;
    house.run(&["start"]).await.ok();
    let url = house.run(&["status", "--json"]).await.json()["url"].clone();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http
        .post(format!("{}{CHAT}", url.as_str().unwrap()))
        .bearer_auth(&key);
    let asked = asked.json(&body("c/x", "hi", false)).send().await.unwrap();
    assert_eq!(asked.status(), 200);

    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let check = || {
        assert_eq!(mode(&house.data()), 0o700);
        let mut names = Vec::new();
        for entry in fs::read_dir(house.data()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name == "config.yaml" {
                continue; // The user's own.
            }
            let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&entry.path()), expected, "{name}");
            names.push(name);
        }
        names
    };
    let running = check();
    for name in [
        "vault.db",
        "usage.db",
        "endpoint.json",
        "manage.token",
        "byokey.lock",
        "byokey.log",
    ] {
        assert!(
            running.iter().any(|found| found == name),
            "no {name} in {running:?}"
        );
    }
    house.run(&["stop"]).await.ok();
    assert!(!check().iter().any(|name| name == "endpoint.json"));
}

/// A process that others cannot look into: no core dumps, no debugger of the same user.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_is_closed_to_others() {
    let house = House::empty();
    let server = house.serve().await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let mut words = files.split_whitespace().skip(3);
    assert_eq!(
        words.next(),
        words.next(),
        "as many files as the system allows: {files}"
    );
    // A process that is not dumpable belongs to root there.
    let owner = std::os::unix::fs::MetadataExt::uid(
        &fs::metadata(format!("/proc/{}/mem", server.pid())).unwrap(),
    );
    assert_eq!(owner, 0);
}
