//! HTTP/1.1 over loopback, as far as the tasks need it: full control over when a connection is answered, delayed or cut,
//! which servers made for use do not give.

pub mod client;
pub mod message;
pub mod server;

pub use client::send;
pub use message::{Request, Response};
pub use server::{Handler, Reply, Server};
