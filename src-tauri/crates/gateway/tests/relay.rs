//! The gateway in one process, between real sockets: a simulated provider behind it, a plain HTTP
//! client before it.

mod relay {
    pub mod door;
    pub mod faults;
    pub mod pass;
    pub mod rig;
    pub mod via;
}
