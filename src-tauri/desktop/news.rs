use byokey_gateway::Notice;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, State};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use crate::Engine;

/// The window's follower; there is one window, so there is one at most.
#[derive(Default)]
pub(crate) struct Followed(Mutex<Option<AbortHandle>>);

/// Sends the engine's news to the window, as `/manage/events` does to a browser.
#[tauri::command]
pub(crate) fn follow(app: AppHandle, followed: State<'_, Followed>, channel: Channel<Value>) {
    let engine = app.state::<Engine>();
    let Engine::Running(house) = engine.inner() else {
        return;
    };
    let mut notices = house.engine.notices();
    let following = tauri::async_runtime::spawn(async move {
        loop {
            let sent = match notices.recv().await {
                Ok(notice) => channel.send(value(&notice)),
                Err(RecvError::Lagged(_)) => channel.send(json!({ "event": "missed" })),
                Err(RecvError::Closed) => return,
            };
            if sent.is_err() {
                return;
            }
        }
    });
    followed.replace(Some(following.inner().abort_handle()));
}

impl Followed {
    /// Ends the follower of a page that was reloaded or closed.
    pub(crate) fn replace(&self, next: Option<AbortHandle>) {
        if let Some(last) = std::mem::replace(&mut *self.0.lock(), next) {
            last.abort();
        }
    }
}

fn value(notice: &Notice) -> Value {
    // Strings and an enum always become JSON.
    serde_json::to_value(notice).unwrap_or_else(|_| json!({ "event": "missed" }))
}
