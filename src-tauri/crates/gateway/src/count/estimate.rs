use std::sync::Arc;
use std::time::Duration;

use byokey_wire::Readable;
use parking_lot::Mutex;
use tiktoken_rs::CoreBPE;
use tokio::time::Instant;

/// The vocabulary takes tens of megabytes; it goes when nobody has asked for this long.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// Tokens around each message, tool or part, by OpenAI's published rule of thumb.
const PER_FRAME: u64 = 4;
/// Tokens of a picture or document of unknown size: a middling picture's.
const PER_MEDIUM: u64 = 1_000;
/// Bytes of text per token where there is no vocabulary.
const BYTES_PER_TOKEN: u64 = 4;

/// Counts tokens by OpenAI's vocabulary: exact for few models, near for most.
#[derive(Default)]
pub(crate) struct Estimator(Arc<Mutex<Option<Loaded>>>);

struct Loaded {
    vocabulary: Arc<CoreBPE>,
    used: Instant,
}

impl Estimator {
    /// About how many tokens a prompt has.
    pub(crate) async fn count(&self, prompt: Readable) -> u64 {
        let around = prompt.frames * PER_FRAME + prompt.media * PER_MEDIUM;
        let bytes = prompt.text.len() as u64;
        let slot = self.0.clone();
        // Loading takes a fifth of a second, a long prompt some milliseconds.
        let counted = tokio::task::spawn_blocking(move || {
            let vocabulary = load(&slot)?;
            u64::try_from(vocabulary.encode_ordinary(&prompt.text).len()).ok()
        });
        let counted = counted.await.ok().flatten();
        self.release_later();
        around + counted.unwrap_or(bytes.div_ceil(BYTES_PER_TOKEN))
    }

    fn release_later(&self) {
        let slot = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if let Some(slot) = slot.upgrade() {
                let mut loaded = slot.lock();
                if loaded
                    .as_ref()
                    .is_some_and(|loaded| loaded.used.elapsed() >= KEPT)
                {
                    *loaded = None;
                }
            }
        });
    }
}

fn load(slot: &Mutex<Option<Loaded>>) -> Option<Arc<CoreBPE>> {
    let mut slot = slot.lock();
    let used = Instant::now();
    if let Some(loaded) = &mut *slot {
        loaded.used = used;
        return Some(loaded.vocabulary.clone());
    }
    let vocabulary = match tiktoken_rs::o200k_base() {
        Ok(vocabulary) => Arc::new(vocabulary),
        Err(error) => {
            tracing::warn!(%error, "the vocabulary cannot be read; tokens are estimated by length");
            return None;
        }
    };
    *slot = Some(Loaded {
        vocabulary: vocabulary.clone(),
        used,
    });
    Some(vocabulary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counts_words_frames_and_pictures() {
        let estimator = Estimator::default();
        let prompt = Readable {
            text: "The quick brown fox jumps over the lazy dog.".to_owned(),
            frames: 1,
            media: 1,
        };
        assert_eq!(estimator.count(prompt).await, 10 + PER_FRAME + PER_MEDIUM);
        assert!(estimator.0.lock().is_some());
    }
}
