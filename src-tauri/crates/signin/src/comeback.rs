//! Waits for the answer of a provider's page, over whichever way comes first: the browser on
//! loopback, a `byokey://` link, or the person who pastes it. What does not belong to the sign-in is
//! refused without ending it.

use std::sync::Arc;

use crate::callback::{Callback, Expected};
use crate::loopback::Loopback;
use crate::scene::{Said, Scene};
use crate::{SigninError, Step, link};

/// Shows the page and waits. `separator` stands between code and state in what a page of the provider
/// offers for copying.
///
/// # Errors
/// [`SigninError::Denied`] when the page said no. Never ends by itself otherwise: the sign-in's own
/// limit does that.
pub(crate) async fn wait(
    scene: &Scene,
    page: &str,
    door: Option<Loopback>,
    expected: Arc<Expected>,
    separator: char,
) -> Result<Callback, SigninError> {
    let mut door = door.map(|door| door.listen(expected.clone()));
    scene.show(Step::Browser {
        url: page.to_owned(),
        listens: door.is_some(),
    });
    let callback = loop {
        let by_browser = async {
            match &mut door {
                Some(door) => door.arrived().await,
                None => std::future::pending().await,
            }
        };
        let said = tokio::select! {
            callback = by_browser => {
                if let Some(door) = door.take() {
                    door.see_off(scene.landing());
                }
                break callback;
            }
            said = scene.said() => said,
        };
        if let Some(callback) = taken(scene, said, &expected, separator) {
            break callback;
        }
    };
    drop(door);
    match callback.error {
        None => Ok(callback),
        Some(error) => Err(denied(scene, &error, callback.description.as_deref())?),
    }
}

/// What was said, if it is the answer; else whoever said it is told.
fn taken(scene: &Scene, said: Said, expected: &Expected, separator: char) -> Option<Callback> {
    match said {
        Said::Pasted { text, taken } => {
            let read = Callback::of_pasted(text.expose(), separator);
            let read = read.and_then(|callback| match expected.fits_pasted(&callback) {
                true => Ok(callback),
                false => Err(SigninError::Foreign),
            });
            let (callback, verdict) = match read {
                Ok(callback) => (Some(callback), Ok(())),
                Err(refused) => (None, Err(refused)),
            };
            // Whoever pasted may have gone away.
            let _ = taken.send(verdict);
            callback
        }
        Said::Link(text) => {
            let (provider, callback) = link::answer(text.expose())?;
            let fits = provider == scene.provider && expected.fits(&callback);
            fits.then_some(callback)
        }
    }
}

/// The provider's words for a no, as they may be shown.
fn denied(
    scene: &Scene,
    error: &str,
    description: Option<&str>,
) -> Result<SigninError, SigninError> {
    let words = description.filter(|words| !words.trim().is_empty());
    Ok(SigninError::Denied {
        provider: scene.provider()?.name.clone(),
        message: crate::exchange::shown(words.unwrap_or(error), &[], 300),
    })
}
