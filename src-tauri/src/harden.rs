//! What makes the process harder to look into. None of it can fail in a way that should keep byokey
//! from working, so refusals are not errors.

use std::io::Write;

/// No core dumps, no attaching by other programs of the same user, no secrets in a panic's text, and
/// as many open sockets as the system allows.
pub(crate) fn process() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = setrlimit(Resource::Core, none);
        let mut files = getrlimit(Resource::Nofile);
        files.current = files.maximum;
        let _ = setrlimit(Resource::Nofile, files);
    }
    std::panic::set_hook(Box::new(|info| {
        // A panic's message may quote data; where it happened is enough to find it.
        let place = info.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        let _ = writeln!(
            std::io::stderr(),
            "byokey: a fault in thread {name} at {place}"
        );
    }));
}
