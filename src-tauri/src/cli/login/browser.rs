use super::super::output::say;

/// The person's browser: it gets one page of a sign-in, once.
pub(super) struct Browser {
    may_open: bool,
}

impl Browser {
    /// With `may_open` false no page is ever opened.
    pub(super) fn new(may_open: bool) -> Self {
        Self { may_open }
    }

    /// Opens a page unless one was opened before. Whether the person sees it.
    pub(super) fn open(&mut self, page: &str) -> bool {
        if !std::mem::take(&mut self.may_open) || !page.starts_with("https://") && !is_here(page) {
            return false;
        }
        match open::that_detached(page) {
            Ok(()) => true,
            Err(error) => {
                say(&format!("No browser could be opened ({error})."));
                false
            }
        }
    }
}

/// Pages of this machine stand in for the provider's where the configuration says so.
fn is_here(page: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|host| {
            let rest = page.strip_prefix(host);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_opened() {
        for page in [
            "file:///etc/passwd",
            "http://example.org",
            "http://127.0.0.1.example.org/",
            "vbscript:x",
            "-x",
        ] {
            assert!(!Browser::new(true).open(page), "{page}");
        }
    }
}
