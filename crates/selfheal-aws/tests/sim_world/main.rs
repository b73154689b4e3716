//! The simulated AWS, tested by itself: what it refuses, what it does by itself, and that it repeats itself exactly.
#![cfg(feature = "sim")]

mod application;
mod boot;
#[path = "../../../selfheal-userdata/tests/it/call_list.rs"]
mod call_list;
mod calls;
mod capacity;
mod denied;
mod dns;
mod ec2;
mod faults;
mod group;
mod hang;
mod hooks;
mod iam;
mod judged;
mod machine;
mod off;
mod outage;
mod prepare;
mod refresh;
mod repair;
mod replay;
mod stalled;
mod story;
mod support;
