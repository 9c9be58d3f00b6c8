//! The gateway in one process, between real sockets: a simulated provider behind it, a plain HTTP
//! client before it.

#[cfg(test)]
mod relay {
    pub(crate) mod amp;
    pub(crate) mod count;
    pub(crate) mod door;
    pub(crate) mod faults;
    pub(crate) mod forms;
    pub(crate) mod gemini;
    pub(crate) mod media;
    pub(crate) mod models;
    pub(crate) mod native;
    pub(crate) mod pass;
    pub(crate) mod paths;
    pub(crate) mod plain;
    pub(crate) mod programs;
    pub(crate) mod responses;
    pub(crate) mod rig;
    pub(crate) mod second_try;
    pub(crate) mod shapes;
    pub(crate) mod socket;
    pub(crate) mod sockets;
    pub(crate) mod suffix;
    pub(crate) mod tokens;
    pub(crate) mod via;
}
