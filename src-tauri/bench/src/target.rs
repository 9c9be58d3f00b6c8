//! Where requests go, and what they look like on each way.

use std::net::SocketAddr;

use serde::Serialize;

use crate::{
    dialect::Dialect,
    process::Process,
    prompt::{self, Size},
    wish::Wish,
};

/// One way from the caller to the fake provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    Direct,
    Nginx,
    /// byokey, chat to chat.
    Pass,
    /// byokey, from a chat caller to a messages provider.
    ViaMessages,
    /// byokey, from a messages caller to a chat provider.
    ViaChat,
}

/// One way with everything needed to use it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) way: Way,
    pub(crate) address: SocketAddr,
    pub(crate) caller: Dialect,
    pub(crate) model: String,
    pub(crate) key: String,
    /// The proxy on the way.
    pub(crate) process: Option<Process>,
}

impl Way {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Pass => "Pass",
            Self::ViaMessages => "Via chat→messages",
            Self::ViaChat => "Via messages→chat",
        }
    }
}

impl Target {
    /// A whole request, head and body, with a body of about `size`.
    pub(crate) fn request(&self, wish: Wish, size: Size) -> Vec<u8> {
        let body = prompt::body(self.caller, &self.model, wish, size);
        let credential = match self.caller {
            Dialect::Chat => format!("Authorization: Bearer {}\r\n", self.key),
            Dialect::Messages => {
                format!(
                    "x-api-key: {}\r\nanthropic-version: 2023-06-01\r\n",
                    self.key
                )
            }
        };
        let mut request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nUser-Agent: byokey-bench\r\n{credential}\
             Content-Length: {}\r\n\r\n",
            self.caller.path(),
            self.address,
            body.len(),
        )
        .into_bytes();
        request.extend_from_slice(&body);
        request
    }
}
