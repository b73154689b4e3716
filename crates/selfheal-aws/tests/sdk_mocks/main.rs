//! What the SDK backend puts on the wire, and what it makes of the answers.
//!
//! Requests are compared whole, so that a field too many fails as well as one too few. Answers are the XML and JSON of
//! the API references, so that the SDK's own reading is part of what is tested.
#![cfg(feature = "sdk-mocks")]

mod account;
mod answers;
mod autoscaling;
mod autoscaling_mixed;
mod autoscaling_schedule;
mod doctor;
mod ec2_application;
mod ec2_by_id;
mod ec2_offers;
mod ec2_read;
mod ec2_template;
mod ec2_write;
mod errors;
mod iam;
mod inventory;
mod lifecycle;
mod logs;
mod many;
mod parameters;
mod route53;
mod sns;
mod support;
mod systems_manager;
mod transport;
