//! HTTP/1.1 over loopback or within a namespace, on hyper, for handlers that block as they like.
//!
//! A handler decides what becomes of a request: it is answered, now or later, or its connection is cut.

pub mod client;
pub mod message;
pub mod server;

pub use client::send;
pub use message::{Request, Response};
pub use server::{Handler, Reply, Server};
