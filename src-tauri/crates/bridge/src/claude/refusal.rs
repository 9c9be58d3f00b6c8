//! What went wrong, from what the program says and from how it ends.

use super::{said::Whole, session::Session};
use crate::{BridgeTrouble, words};

impl Session {
    pub(super) async fn ended(&mut self) -> BridgeTrouble {
        BridgeTrouble::Ended {
            program: self.name.clone(),
            words: self.running.last_words().await,
        }
    }

    pub(super) fn strange(&self, said: &str) -> BridgeTrouble {
        BridgeTrouble::Strange {
            program: self.name.clone(),
            words: words::tidy(said),
        }
    }

    /// What the provider refused, as the program tells it.
    pub(super) fn refusal(&self, whole: &Whole) -> BridgeTrouble {
        let is_signed_out = whole.api_error_status.is_none_or(|status| status == 401)
            && whole.error.as_deref() == Some("authentication_failed");
        let said = whole.text();
        if is_signed_out && let BridgeTrouble::SignedOut { program, login, .. } = &self.login {
            return BridgeTrouble::SignedOut {
                program: program.clone(),
                login: login.clone(),
                words: words::tidy(&said),
            };
        }
        let status = whole.api_error_status.or(match whole.error.as_deref() {
            Some("rate_limit") => Some(429),
            Some("billing_error") => Some(402),
            Some("invalid_request") => Some(400),
            Some("overloaded") => Some(529),
            _ => None,
        });
        self.provider(status, &said)
    }

    pub(super) fn provider(&self, status: Option<u16>, said: &str) -> BridgeTrouble {
        let resets_at = self
            .limits
            .resets_at
            .filter(|_| self.limits.status == "rejected");
        BridgeTrouble::Provider {
            program: self.name.clone(),
            status: status
                .filter(|status| (400..600).contains(status))
                .unwrap_or(502),
            words: words::tidy(said),
            // Seconds since 1970 are far from the edge of what the cast keeps.
            resets_at: resets_at.map(|seconds| seconds.max(0.0) as u64),
        }
    }
}
