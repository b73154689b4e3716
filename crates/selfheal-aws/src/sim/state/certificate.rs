//! Certificates: what a data volume holds, and what a certificate authority was asked.

use selfheal_core::world::{InstanceId, RecordSet, VolumeId};
use serde::{Deserialize, Serialize};

/// What a data volume holds of its stack's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CertificateRecord {
    /// Names of the certificate; empty where there is none yet.
    pub domains: Vec<String>,
    /// Number of the order that it came of, from 1 on; it stands for the serial.
    pub order: usize,
    /// When it was given, in logical milliseconds.
    #[serde(default)]
    pub issued_ms: u64,
    /// The certificate before this one, as it was, where there is one.
    #[serde(default)]
    pub before: Option<Box<Self>>,
    /// When the authority was asked since the last certificate, in logical milliseconds.
    pub tries_ms: Vec<u64>,
    /// Records that were written for an authority and are to be removed.
    #[serde(default)]
    pub records: Vec<RecordSet>,
}

/// An order that a certificate authority was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderRecord {
    /// When, in logical milliseconds.
    pub at_ms: u64,
    /// The instance that gave it.
    pub instance: InstanceId,
    /// The volume that the certificate is for.
    pub volume: VolumeId,
}
