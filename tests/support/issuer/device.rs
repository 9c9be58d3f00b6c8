//! Device codes: the part that all providers have in common. Each dresses it in its own form.

use tokio::time::{Duration, Instant};

use super::{
    Poll, Realm, User,
    books::{Books, Device, Fate},
    office::{Office, random},
};

/// Seconds between polls, unless a test says otherwise.
const INTERVAL: u64 = 5;

/// How much sooner than the interval a poll may come before it counts as hasty: clocks round.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Letters of codes that people type: none that look alike.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// The outcome of a poll.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(crate) enum Polled {
    /// The person consented; the code is spent now.
    Granted(Device, User),
    Pending,
    SlowDown(Option<u32>),
    Expired,
    Denied,
    /// No such code, or not this client's, or spent.
    Unknown,
    ErrorIn200,
}

impl Polled {
    /// RFC 8628's name for it, while there are no tokens.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Granted(..) | Self::Pending | Self::ErrorIn200 => "authorization_pending",
            Self::SlowDown(_) => "slow_down",
            Self::Expired => "expired_token",
            Self::Denied => "access_denied",
            Self::Unknown => "invalid_grant",
        }
    }
}

impl Office {
    /// Gives out a device code.
    pub(crate) fn start_device(
        &self,
        realm: Realm,
        client: &str,
        scope: &str,
        challenge: Option<&str>,
    ) -> Device {
        let mut books = self.books.lock();
        let code = books.secret(format!("device-{}", random()));
        books.made += 1;
        let device = Device {
            realm,
            code,
            user_code: user_code(books.made),
            client: client.to_owned(),
            scope: scope.to_owned(),
            challenge: challenge.map(str::to_owned),
            fate: Fate::Waiting,
            last_poll: None,
            interval: books.interval.unwrap_or(INTERVAL),
        };
        books.devices.push(device.clone());
        device
    }

    /// Answers a poll.
    pub(crate) fn poll(&self, realm: Realm, client: &str, code: &str) -> Polled {
        let mut books = self.books.lock();
        let mine = |device: &Device| {
            device.realm == realm && device.code == code && device.client == client
        };
        let Some(at) = books.devices.iter().position(mine) else {
            return Polled::Unknown;
        };
        if hasty(&mut books, at) {
            return Polled::SlowDown(None);
        }
        if let Some(told) = books.polls.entry(realm).or_default().pop_front() {
            return obey(&mut books.devices[at], told);
        }
        let device = &mut books.devices[at];
        match device.fate.clone() {
            Fate::Waiting => Polled::Pending,
            Fate::Denied => Polled::Denied,
            Fate::Expired => Polled::Expired,
            Fate::Spent => Polled::Unknown,
            Fate::Granted(user) => {
                device.fate = Fate::Spent;
                Polled::Granted(device.clone(), user)
            }
        }
    }

    /// A person answers to the code that a program shows; says whether anything waits with it.
    pub(crate) fn answer_code(&self, user_code: &str, answer: Option<User>) -> bool {
        let wanted = letters(user_code);
        let mut books = self.books.lock();
        let waiting = |device: &&mut Device| {
            device.fate == Fate::Waiting && letters(&device.user_code) == wanted
        };
        let found = books.devices.iter_mut().find(waiting);
        let known = found.is_some();
        if let Some(device) = found {
            device.fate = answer.map_or(Fate::Denied, Fate::Granted);
        }
        known
    }
}

/// Whether a poll came before its time. The pace that is asked for then is slower for good.
fn hasty(books: &mut Books, at: usize) -> bool {
    let device = &mut books.devices[at];
    let now = Instant::now();
    let wait = Duration::from_secs(device.interval).saturating_sub(TOLERANCE);
    let hasty = device.last_poll.is_some_and(|last| now - last < wait);
    device.last_poll = Some(now);
    if hasty {
        device.interval += 5;
        books.hasty += 1;
    }
    hasty
}

fn obey(device: &mut Device, told: Poll) -> Polled {
    match told {
        Poll::Pending => Polled::Pending,
        Poll::SlowDown(interval) => {
            device.interval = interval.map_or(device.interval + 5, u64::from);
            Polled::SlowDown(interval)
        }
        Poll::Expired => {
            device.fate = Fate::Expired;
            Polled::Expired
        }
        Poll::Denied => {
            device.fate = Fate::Denied;
            Polled::Denied
        }
        Poll::ErrorIn200 => Polled::ErrorIn200,
    }
}

/// A code for people, another one for each number.
fn user_code(number: usize) -> String {
    let mut rest = number.wrapping_mul(7_919_993);
    let mut code = String::new();
    for at in 0..8 {
        if at == 4 {
            code.push('-');
        }
        code.push(char::from(LETTERS[rest % LETTERS.len()]));
        rest = rest / LETTERS.len() + number * 31;
    }
    code
}

/// A typed code without what people add or leave out.
fn letters(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_ascii_uppercase()
}
