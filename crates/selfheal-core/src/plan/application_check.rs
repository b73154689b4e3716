//! EC2's application status check: AWS asks the app from its own side, and the group replaces an instance that fails.
//!
//! The launch template tags the instances that are to be asked. Its latest version bears that tag before a check is made,
//! and until the last check is deleted: whoever finds the tag looks for checks, so that a run which is killed in between
//! orphans none.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::template::Pin;
use super::{Change, Need, StepKind};
use crate::desired::application_check;
use crate::existing::application_check::{all, asks_ours};
use crate::names::{ResourceKind, TAG_APPLICATION_CHECK};
use crate::spec::{HealthProbe, Ingress};
use crate::token::check_token;
use crate::world::{
    Action, ApplicationCheck, ApplicationCheckCall, ApplicationCheckSettings, CreateApplicationStatusCheck,
};

/// Refuses a check that AWS could not make, so that no instance is replaced for what its app could not answer.
pub(super) fn check(builder: &mut Builder<'_>) {
    let spec = builder.spec;
    let Some(health) = spec.app.health.as_ref().filter(|_| spec.asks_aws()) else {
        return;
    };
    let HealthProbe::Http { port, .. } = health.probe else {
        builder.refuse(
            "health-from-aws",
            format!("AWS itself asks over HTTP alone, and the probe is `{}`", health.probe),
            "write an `http` probe, or from = \"instance\": the watchdog on the instance reports to the group",
        );
        return;
    };
    let Ingress::Ports(ports) = &spec.instance.ingress else {
        return;
    };
    // AWS asks from a private address of the VPC that it tells nobody before.
    if !ports.iter().any(|open| open.has_tcp(port) && open.lets_private_in()) {
        builder.refuse(
            "health-port-closed",
            format!(
                "AWS is to ask the app on port {port} from within the VPC, which `instance.ingress` does not open to private \
                 addresses"
            ),
            format!(
                "open {port}/tcp in `instance.ingress` to everybody or to the VPC's own addresses, or write from = \
                 \"instance\": the watchdog asks from inside"
            ),
        );
    }
}

/// Deletes the checks that the spec does not ask for; answers what must be done until there is none.
pub(super) fn drop_unwanted(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    if builder.spec.asks_aws() {
        return BTreeSet::new();
    }
    delete_all(builder, "the spec does not ask AWS to probe")
}

/// Deletes every check of the stack: none holds anything, and each is shown.
pub(super) fn delete_all(builder: &mut Builder<'_>, reason: &str) -> BTreeSet<Need> {
    let mut needs = BTreeSet::new();
    for check in all(builder) {
        let id = check.id.clone();
        let draft = Draft::new(StepKind::DeleteApplicationStatusCheck, Change::Delete, reason)
            .target(id.clone())
            .removes("request", show_request(&check.settings));
        let action = Action::ApplicationCheck(ApplicationCheckCall::DeleteApplicationStatusCheck { id });
        needs.insert(builder.step(draft, Deferred::Known(action)));
    }
    needs
}

/// Plans the check that the spec asks for, once the launch template tags the instances that it is for.
pub(super) fn plan(builder: &mut Builder<'_>, template: &Deferred<Pin>) {
    // Where it cannot be, the plan has been refused already.
    let Some(settings) = application_check(builder.spec) else {
        return;
    };
    let mut candidates = all(builder).into_iter();
    let Some(check) = candidates.next() else {
        let created = create(builder, settings, template);
        associate(builder, Deferred::after(created));
        return;
    };
    for other in candidates {
        builder.note(
            "duplicate-application-check",
            format!(
                "the application check {} bears the stack's tags too; {} is used and it is left alone",
                other.id, check.id
            ),
        );
    }
    if !asks_ours(check, &builder.spec.name) {
        associate(builder, Deferred::Known(check.id.clone()));
    }
    modify(builder, check, settings);
}

fn create(builder: &mut Builder<'_>, settings: ApplicationCheckSettings, template: &Deferred<Pin>) -> Need {
    let reason = "AWS asks the app from outside, and charges for it by the hour";
    let draft = Draft::new(StepKind::CreateApplicationStatusCheck, Change::Create, reason)
        .sets("request", show_request(&settings))
        .sets("timing", show_timing(&settings))
        .sets("initial grace", format!("{} s", settings.initial_grace_s));
    let mut input = CreateApplicationStatusCheck {
        settings,
        tags: builder.names.tags(ResourceKind::ApplicationCheck),
        client_token: String::new(),
    };
    let observed = builder.observed;
    let action = template.as_ref().map(|pin| {
        let account = &observed.identity.account;
        input.client_token = check_token(
            account,
            &pin.template_id,
            &input,
            &observed.run.application_checks.dead,
            &observed.run.spent_tokens,
        );
        Action::ApplicationCheck(ApplicationCheckCall::CreateApplicationStatusCheck(input))
    });
    builder.step(draft, action)
}

fn associate(builder: &mut Builder<'_>, check: Deferred<String>) {
    let reason = "it asks the instances that bear this tag";
    let (key, value) = (TAG_APPLICATION_CHECK.to_owned(), builder.spec.name.clone());
    let mut draft = Draft::new(StepKind::AssociateApplicationStatusCheck, Change::Create, reason);
    if let Deferred::Known(id) = &check {
        draft = draft.target(id.clone());
    }
    let draft = draft.sets("tag", format!("{key}={value}"));
    builder.step(
        draft,
        check.map(|id| {
            Action::ApplicationCheck(ApplicationCheckCall::AssociateApplicationStatusCheck { id, key, value })
        }),
    );
}

fn modify(builder: &mut Builder<'_>, check: &ApplicationCheck, want: ApplicationCheckSettings) {
    let have = &check.settings;
    let network =
        |of: &ApplicationCheckSettings| format!("{}, {}, device {}", of.ip_version, of.ip_scope, of.device_index);
    let draft = Draft::new(
        StepKind::ModifyApplicationStatusCheck,
        Change::Update,
        "the check differs",
    )
    .target(check.id.clone())
    .changes("request", show_request(have), show_request(&want))
    .changes("timing", show_timing(have), show_timing(&want))
    .changes(
        "initial grace",
        format!("{} s", have.initial_grace_s),
        format!("{} s", want.initial_grace_s),
    )
    .changes("network", network(have), network(&want))
    .changes("aggregation", have.aggregation.clone(), want.aggregation.clone());
    if draft.has_changes() {
        let action = Action::ApplicationCheck(ApplicationCheckCall::ModifyApplicationStatusCheck {
            id: check.id.clone(),
            settings: want,
        });
        builder.step(draft, Deferred::Known(action));
    }
}

fn show_request(of: &ApplicationCheckSettings) -> String {
    format!(
        "{} to port {}, {}, for {}",
        of.protocol, of.port, of.path, of.status_codes
    )
}

fn show_timing(of: &ApplicationCheckSettings) -> String {
    format!(
        "every {} s, {} s for an answer, fails after {}, passes after {}",
        of.interval_s, of.timeout_s, of.failure_threshold, of.success_threshold
    )
}
