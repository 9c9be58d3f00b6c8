//! A program's own sign-in: started for the person, its words passed on, a pasted code passed in.
//!
//! What the program does with the code, and where it keeps what it gets for it, is its own business.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, process::ChildStdin, sync::mpsc, time::timeout};
use zeroize::Zeroizing;

use crate::{
    BridgeTrouble,
    process::{Launch, Reach},
    words,
};

/// A person who has not finished by then has left.
const PATIENCE: Duration = Duration::from_mins(15);

/// What a program says while a person signs in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginWord {
    /// A line without anything below in it.
    Line(String),
    /// A page to open in a browser.
    Url(String),
    /// A code to type on the provider's page.
    Code(String),
}

/// Runs the sign-in to its end. `pasted` is what the person pastes, such as the code that a page
/// shows; it is written to the program as a line.
///
/// # Errors
/// [`BridgeTrouble::Login`] with the program's last words, or why it could not run.
pub(crate) async fn run(
    launch: Launch<'_>,
    arguments: &[String],
    pasted: &mut mpsc::Receiver<Zeroizing<String>>,
    mut words: impl FnMut(LoginWord) + Send,
) -> Result<(), BridgeTrouble> {
    let mut running = launch.start(arguments, &[], Reach::Program)?;
    let mut input = running.input();
    let mut lines = running.lines();
    let mut last = String::new();
    let conversation = async {
        while let Some(reader) = &mut lines {
            tokio::select! {
                line = reader.next() => match line {
                    Ok(Some(line)) => tell(&String::from_utf8_lossy(line), &mut last, &mut words),
                    _ => lines = None,
                },
                Some(text) = pasted.recv(), if input.is_some() => {
                    if write(&mut input, &text).await.is_err() {
                        input = None;
                    }
                }
            }
        }
        running.ended().await
    };
    let status = match timeout(PATIENCE, conversation).await {
        Ok(status) => status,
        Err(_) => {
            return Err(BridgeTrouble::Silent {
                program: launch.name.to_owned(),
                seconds: PATIENCE.as_secs(),
            });
        }
    };
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let complaint = running.last_words().await;
    Err(BridgeTrouble::Login {
        program: launch.name.to_owned(),
        words: if complaint.is_empty() {
            last
        } else {
            complaint
        },
    })
}

async fn write(input: &mut Option<ChildStdin>, text: &str) -> std::io::Result<()> {
    let Some(input) = input else { return Ok(()) };
    input.write_all(text.trim().as_bytes()).await?;
    input.write_all(b"\n").await?;
    input.flush().await
}

fn tell(line: &str, last: &mut String, words: &mut impl FnMut(LoginWord)) {
    let plain = words::without_escapes(line);
    for part in plain.split_whitespace() {
        let part = part.trim_matches(|letter: char| "()<>\"'`,".contains(letter));
        if part.starts_with("https://") {
            words(LoginWord::Url(
                part.chars().filter(|letter| !letter.is_control()).collect(),
            ));
        } else if is_code(part) {
            words(LoginWord::Code(part.to_owned()));
        }
    }
    let tidied = words::tidy(&plain);
    if !tidied.is_empty() {
        last.clone_from(&tidied);
        words(LoginWord::Line(tidied));
    }
}

/// Device codes are two groups of capitals and digits, as in `WDJB-MJHT` or `8F2A-91B7C`.
fn is_code(part: &str) -> bool {
    let is_group = |group: &str| {
        (4..=5).contains(&group.len())
            && group
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    part.split_once('-')
        .is_some_and(|(first, second)| is_group(first) && is_group(second))
}
