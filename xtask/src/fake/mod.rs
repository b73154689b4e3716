//! The fake AWS of the end-to-end tasks: moto, unchanged, behind a proxy that counts, delays, faults and kills.

pub mod call;
pub mod gaps;
pub mod inventory;
pub mod log;
pub mod moto;
pub mod notifications;
pub mod proxy;
pub mod query;

pub use call::Caller;
pub use inventory::Inventory;
pub use moto::Moto;
pub use proxy::{At, Fault, Faults, Moment, Proxy};
pub use query::Aws;
