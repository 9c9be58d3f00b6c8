//! The real program from outside: command line, files, signals, sockets.

#[cfg(test)]
#[path = "e2e/rig.rs"]
mod rig;

#[cfg(test)]
#[path = "clients/python.rs"]
mod python;

#[cfg(test)]
mod e2e {
    pub(crate) mod accounts;
    pub(crate) mod bad_input;
    pub(crate) mod canary;
    pub(crate) mod config;
    pub(crate) mod homes;
    pub(crate) mod keys;
    pub(crate) mod kill;
    pub(crate) mod lifecycle;
    pub(crate) mod matrix;
    pub(crate) mod recordings;
    pub(crate) mod secrets;
    pub(crate) mod sign_in;
    pub(crate) mod usage;
}
