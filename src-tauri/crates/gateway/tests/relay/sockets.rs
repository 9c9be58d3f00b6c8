use byokey_sim::{Kind, Script, Sim};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::rig::Rig;

#[tokio::test]
async fn a_websocket_goes_both_ways_with_the_accounts_credential() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let url = format!(
        "{}/native/c/v1/realtime?model=m",
        rig.url.replace("http", "ws")
    );
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", rig.key).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    request
        .headers_mut()
        .insert("openai-beta", "realtime=v1".parse().unwrap());
    let connected = tokio_tungstenite::connect_async(request).await;
    let (mut socket, opened) = connected.unwrap();
    assert_eq!(opened.status(), 101);
    assert_eq!(opened.headers()["x-byokey-route"], "c/default");
    for message in [Message::text("hello"), Message::binary(vec![0; 100_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}

    let seen = sim.requests();
    let seen = seen.last().unwrap();
    assert_eq!(seen.path, "/v1/realtime?model=m");
    assert_eq!(
        seen.header("authorization"),
        format!("Bearer {}", Script::KEY)
    );
    assert_eq!(seen.header("openai-beta"), "realtime=v1");
    let row = &rig.usage(1).await[0];
    assert_eq!(row.status, 101);
    assert!(row.bytes_in > 100_000 && row.bytes_out > 100_000);
}

#[tokio::test]
async fn a_websocket_needs_a_client_key() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let url = format!("{}/native/c/v1/realtime", rig.url.replace("http", "ws"));
    let refused = tokio_tungstenite::connect_async(url).await;
    assert!(matches!(refused, Err(Error::Http(reply)) if reply.status() == 401));
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn stopping_does_not_wait_for_an_open_websocket() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let url = format!("{}/native/c/v1/realtime", rig.url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", rig.key).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    rig.engine.stop();
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}
