//! A backend of one's own around another: it fails calls now and then, before their effect and after it, and the stack is made
//! all the same, with nothing in it twice.
//!
//! `cargo run -p selfheal-aws --no-default-features --features sim --example faults`

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{
    CallError, CallErrorKind, CallResult, Control, Goal, Intercepted, Interceptor, Silent, apply, observe,
};
use selfheal_core::spec::{EXAMPLE, Spec};

/// Throttles every third call, and loses the answer of the first volume that is made.
#[derive(Debug, Default)]
pub struct Faults {
    /// How many calls there were.
    pub calls: AtomicU32,
    /// How many of them were throttled.
    pub throttled: AtomicU32,
    /// How many volumes were asked for.
    pub volumes: AtomicU32,
}

#[async_trait]
impl Interceptor for Faults {
    async fn before(&self, action: &'static str) -> CallResult<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % 3 != 2 {
            return Ok(());
        }
        self.throttled.fetch_add(1, Ordering::Relaxed);
        Err(CallError::from_code(
            action,
            "RequestLimitExceeded",
            "Request limit exceeded.",
        ))
    }

    async fn after(&self, action: &'static str, _: Option<&CallError>) -> CallResult<()> {
        if action != "ec2:CreateVolume" || self.volumes.fetch_add(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        Err(CallError::new(
            CallErrorKind::Ambiguous,
            action,
            "the connection was reset",
        ))
    }
}

/// Applies a stack under faults; answers these, and how many volumes there are.
pub fn applied() -> Result<(Faults, usize), Box<dyn Error>> {
    let sim = Sim::new(SimConfig::seeded(1));
    let spec: Spec = EXAMPLE.parse()?;
    let aws = Intercepted::new(sim.clone(), Faults::default());
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    sim.block_on(async {
        let observed = observe(&aws, &spec, Goal::Apply.scope(), &ctl).await?;
        let shown = Goal::Apply.plan(&spec, &observed);
        apply(&aws, &spec, Goal::Apply, &shown, observed, &ctl).await?;
        Ok::<_, Box<dyn Error>>(())
    })??;
    Ok((aws.interceptor, sim.inspect(|world| world.volumes.len())))
}

/// Prints what happened.
pub fn main() -> Result<(), Box<dyn Error>> {
    let (faults, volumes) = applied()?;
    let count = |of: &AtomicU32| of.load(Ordering::Relaxed);
    println!(
        "{} calls, {} of them throttled, {} for a volume; there is {volumes}",
        count(&faults.calls),
        count(&faults.throttled),
        count(&faults.volumes)
    );
    Ok(())
}
