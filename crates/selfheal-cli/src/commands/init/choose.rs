//! The choices of a first spec: by flags, and by questions.

use selfheal_core::init::{Draft, DraftData, DraftIngress, Offered, TYPES, image_for, priced};
use selfheal_core::spec::{Architecture, ImageRef};

use super::dialog::{Dialog, Person};
use crate::cli::InitArgs;
use crate::error::CliError;

/// What stands for none of a thing.
const NONE: &str = "none";

/// Puts what the command line says into the draft.
///
/// # Errors
/// A name has no zone in the account, and none is given.
pub fn with_flags(mut draft: Draft, args: &InitArgs, has: &Offered) -> Result<Draft, CliError> {
    if let Some(kind) = &args.instance_type {
        draft = with_type(&draft, kind);
    }
    if let Some(image) = &args.image {
        draft.image.clone_from(image);
    }
    if let Some(ports) = &args.open {
        draft.ingress = ports_of(ports.iter().map(String::as_str));
    }
    if let Some(size) = &args.data {
        draft = with_data(&draft, size, has);
    }
    if let Some(volume) = &args.volume {
        draft = with_data(&draft, volume, has);
    }
    if let (Some(mount), Some(data)) = (&args.mount, &mut draft.data) {
        data.mount.clone_from(mount);
    }
    if let Some(address) = &args.address {
        draft.address = Some(address.as_str().into());
    }
    if let Some(name) = &args.dns {
        draft = with_name(&draft, name, args.zone.as_deref(), has).map_err(CliError::Usage)?;
    }
    Ok(draft)
}

/// Asks for what the command line does not say.
///
/// # Errors
/// Interrupted, or the input has ended.
pub fn choose<P: Person>(
    dialog: &mut Dialog<P>,
    mut draft: Draft,
    args: &InitArgs,
    has: &Offered,
) -> Result<Draft, CliError> {
    if args.name.is_none() {
        let default = draft.name.clone();
        let asked = draft.clone();
        let take = |name: &str| {
            Ok(Draft {
                name: name.to_owned(),
                ..asked.clone()
            })
        };
        draft = dialog.ask("What is the stack's name?", &[], &default, "name", &take)?;
    }
    // What an instance that exists tells is not asked for.
    if args.from_instance.is_none() {
        draft = choose_machine(dialog, draft, args, has)?;
    }
    choose_belongings(dialog, draft, args, has)
}

fn choose_machine<P: Person>(
    dialog: &mut Dialog<P>,
    mut draft: Draft,
    args: &InitArgs,
    has: &Offered,
) -> Result<Draft, CliError> {
    if args.instance_type.is_none() {
        let asked = draft.clone();
        let offers: Vec<_> = offered_types(has)
            .into_iter()
            .map(|name| (name.clone(), priced(&name)))
            .collect();
        let default = if offers.iter().any(|(name, _)| *name == draft.instance_type) {
            draft.instance_type.clone()
        } else {
            offers
                .first()
                .map_or_else(|| draft.instance_type.clone(), |(name, _)| name.clone())
        };
        let image = args.image.clone();
        let take = |kind: &str| {
            let mut with = with_type(&asked, kind);
            with.image = image.clone().unwrap_or(with.image);
            Ok(with)
        };
        draft = dialog.ask("Which instance type?", &offers, &default, "instance.type", &take)?;
    }
    if args.image.is_none() {
        let asked = draft.clone();
        let fits = |alias: &&str| is_for(alias, &asked.instance_type);
        let offers: Vec<_> = ImageRef::aliases()
            .filter(fits)
            .map(|alias| (alias.to_owned(), alias.to_owned()))
            .collect();
        let default = draft.image.clone();
        let take = |image: &str| {
            Ok(Draft {
                image: image.to_owned(),
                ..asked.clone()
            })
        };
        draft = dialog.ask("Which image?", &offers, &default, "instance.image", &take)?;
    }
    if args.open.is_none() {
        let asked = draft.clone();
        let default = match &draft.ingress {
            DraftIngress::Ports(ports) if !ports.is_empty() => ports.join(", "),
            _ => NONE.to_owned(),
        };
        let take = |ports: &str| {
            Ok(Draft {
                ingress: ports_of(ports.split(',')),
                ..asked.clone()
            })
        };
        let question = "Which ports are open to everybody? `none` for none; the file can limit each to some.";
        draft = dialog.ask(question, &[], &default, "instance.ingress", &take)?;
    }
    Ok(draft)
}

fn choose_belongings<P: Person>(
    dialog: &mut Dialog<P>,
    mut draft: Draft,
    args: &InitArgs,
    has: &Offered,
) -> Result<Draft, CliError> {
    if args.data.is_none() && args.volume.is_none() && args.from_instance.is_none() {
        let asked = draft.clone();
        let offers: Vec<_> = has
            .free_volumes()
            .map(|volume| {
                let named = volume
                    .tags
                    .get("Name")
                    .map(|name| format!(", {name}"))
                    .unwrap_or_default();
                let shown = format!("{}, {} GiB in {}{named}", volume.id, volume.size_gib, volume.zone);
                (volume.id.to_string(), shown)
            })
            .collect();
        let take = |answer: &str| Ok(with_data(&asked, answer, has));
        let question = "How large is the data volume? Or which one comes along? `none` for none.";
        draft = dialog.ask(question, &offers, "20GiB", "data", &take)?;
    }
    if args.mount.is_none()
        && let Some(data) = draft.data.clone()
    {
        let asked = draft.clone();
        let take = |mount: &str| {
            let data = DraftData {
                mount: mount.to_owned(),
                ..data.clone()
            };
            Ok(Draft {
                data: Some(data),
                ..asked.clone()
            })
        };
        draft = dialog.ask("Where is it mounted?", &[], &data.mount, "data.mount", &take)?;
    }
    let free: Vec<_> = has
        .free_addresses()
        .map(|address| {
            let id = address.allocation_id.to_string();
            (id.clone(), format!("{} ({id})", address.public_ip))
        })
        .collect();
    if args.address.is_none() && !free.is_empty() {
        let asked = draft.clone();
        let take = |answer: &str| {
            Ok(Draft {
                address: (answer != "new").then(|| answer.into()),
                ..asked.clone()
            })
        };
        draft = dialog.ask("Which address? `new` for a new one.", &free, "new", "address", &take)?;
    }
    if args.dns.is_none() {
        draft = choose_name(dialog, &draft, has)?;
    }
    Ok(draft)
}

fn choose_name<P: Person>(dialog: &mut Dialog<P>, draft: &Draft, has: &Offered) -> Result<Draft, CliError> {
    if has.account.is_some() && has.zones.is_empty() {
        return Ok(draft.clone());
    }
    let offers: Vec<_> = has
        .zones
        .iter()
        .map(|zone| {
            let name = format!("{}.{}", draft.name, zone.name);
            (name.clone(), name)
        })
        .collect();
    let take = |name: &str| with_name(draft, name, None, has);
    let question = "Which name leads to the address? One in a hosted zone of the account, or `none`.";
    dialog.ask(question, &offers, NONE, "dns", &take)
}

/// The flag by which a problem with a key of the spec is mended.
pub fn asked_by(key: &str) -> &'static str {
    let key = key.split('[').next().unwrap_or(key);
    match key {
        "name" => "NAME",
        "region" => "--region",
        "instance.type" => "--type",
        "instance.image" => "--image",
        "instance.ingress" => "--open",
        "data.mount" => "--mount",
        "data.volume" => "--volume",
        "address.allocation" => "--address",
        "dns.zone" => "--zone",
        key if key.starts_with("dns") => "--dns",
        key if key.starts_with("data") => "--data",
        _ => "the file",
    }
}

fn offered_types(has: &Offered) -> Vec<String> {
    if has.types.is_empty() {
        TYPES.map(str::to_owned).to_vec()
    } else {
        has.types.clone()
    }
}

/// Whether an alias is an image for the architecture of a type.
fn is_for(alias: &str, instance_type: &str) -> bool {
    let arm = Architecture::of_instance_type(instance_type) == Some(Architecture::Arm64);
    alias.ends_with("-arm64") == arm
}

/// The type, and an image that fits it where the draft's own does not.
fn with_type(draft: &Draft, kind: &str) -> Draft {
    let known = ImageRef::aliases().any(|alias| alias == draft.image);
    let image = if known && !is_for(&draft.image, kind) {
        image_for(kind).to_owned()
    } else {
        draft.image.clone()
    };
    Draft {
        instance_type: kind.to_owned(),
        image,
        ..draft.clone()
    }
}

/// A data volume of a size, one that exists, or none.
fn with_data(draft: &Draft, answer: &str, has: &Offered) -> Draft {
    if answer == NONE {
        return Draft {
            data: None,
            ..draft.clone()
        };
    }
    let before = draft.data.clone().unwrap_or_else(|| DraftData {
        size: "20GiB".to_owned(),
        mount: "/srv/data".to_owned(),
        volume: None,
    });
    let data = if answer.starts_with("vol-") {
        let known = has.volumes.iter().find(|volume| volume.id.as_str() == answer);
        DraftData {
            size: known.map_or(before.size, |volume| format!("{}GiB", volume.size_gib)),
            volume: Some(answer.into()),
            ..before
        }
    } else {
        DraftData {
            size: answer.to_owned(),
            volume: None,
            ..before
        }
    };
    Draft {
        data: Some(data),
        ..draft.clone()
    }
}

/// A record of this name, in the zone that is given or else in the account's.
fn with_name(draft: &Draft, name: &str, zone: Option<&str>, has: &Offered) -> Result<Draft, String> {
    if name == NONE {
        return Ok(Draft {
            dns: None,
            ..draft.clone()
        });
    }
    let zone = match (zone, has.zone_of(name)) {
        (Some(zone), _) => zone.to_owned(),
        (None, Some(zone)) => zone,
        (None, None) if has.account.is_some() => {
            let zones: Vec<&str> = has.zones.iter().map(|zone| zone.name.as_str()).collect();
            let zones = if zones.is_empty() {
                "none".to_owned()
            } else {
                zones.join(", ")
            };
            return Err(format!(
                "no public hosted zone of the account has the name {name}: there is {zones}"
            ));
        }
        // Mostly the zone is the domain above the name.
        (None, None) => match name.split_once('.') {
            Some((_, above)) if above.contains('.') => above.to_owned(),
            _ => name.to_owned(),
        },
    };
    Ok(Draft {
        dns: Some((zone, name.to_owned())),
        ..draft.clone()
    })
}

fn ports_of<'a>(ports: impl Iterator<Item = &'a str>) -> DraftIngress {
    let ports = ports.map(str::trim).filter(|port| !port.is_empty() && *port != NONE);
    DraftIngress::Ports(ports.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use selfheal_core::world::{Address, HostedZone};

    use super::*;
    use crate::cli::{Cli, Command};

    /// Somebody who types these lines, and what was shown.
    struct Script {
        lines: Vec<&'static str>,
        shown: String,
    }

    impl Person for &mut Script {
        fn answer(&mut self, text: &str) -> Result<Option<String>, CliError> {
            self.shown.push_str(text);
            Ok((!self.lines.is_empty()).then(|| self.lines.remove(0).to_owned()))
        }
    }

    fn has() -> Offered {
        Offered {
            account: Some("123456789012".to_owned()),
            types: vec!["t4g.small".to_owned(), "t3.small".to_owned()],
            zones: vec![HostedZone {
                id: "Z0000001".into(),
                name: "example.com".to_owned(),
                private: false,
            }],
            addresses: vec![Address {
                allocation_id: "eipalloc-00000000000000001".into(),
                public_ip: "203.0.113.7".to_owned(),
                association_id: None,
                instance_id: None,
                interface_id: None,
                service_managed: None,
                own_pool: false,
                tags: Default::default(),
            }],
            ..Offered::default()
        }
    }

    fn dialog(lines: &[&'static str], flags: &[&str], has: &Offered) -> (Result<Draft, CliError>, String) {
        let line = ["selfheal", "init"].iter().chain(flags);
        let Command::Init(args) = Cli::parse_from(line).command else {
            panic!("it is init")
        };
        let mut script = Script {
            lines: lines.to_vec(),
            shown: String::new(),
        };
        let draft = with_flags(Draft::new("web", "eu-west-1"), &args, has);
        let draft = draft.and_then(|draft| choose(&mut Dialog::with(&mut script), draft, &args, has));
        (draft, script.shown)
    }

    #[test]
    fn what_the_account_has_is_offered_and_each_answer_checked() {
        let lines = [
            "Shop",
            "shop",
            "2",
            "",
            "443/tcp, 80",
            "443/tcp",
            "20GB",
            "30GiB",
            "/etc",
            "",
            "1",
            "app.example.org",
            "app.example.com",
        ];
        let (draft, shown) = dialog(&lines, &[], &has());
        let draft = draft.expect("every answer is there");
        assert_eq!(draft.problems(), []);
        assert_eq!(
            (draft.name.as_str(), draft.instance_type.as_str()),
            ("shop", "t3.small")
        );
        assert_eq!(draft.image, "al2023", "the image is for the type");
        assert_eq!(draft.ingress, DraftIngress::Ports(vec!["443/tcp".to_owned()]));
        let data = draft.data.expect("it has one");
        assert_eq!((data.size.as_str(), data.mount.as_str()), ("30GiB", "/srv/data"));
        assert_eq!(draft.address, Some("eipalloc-00000000000000001".into()));
        assert_eq!(
            draft.dns,
            Some(("example.com".to_owned(), "app.example.com".to_owned()))
        );
        for part in [
            "1  t4g.small     12.26 USD a month in us-east-1",
            "1  203.0.113.7 (eipalloc-00000000000000001)",
            "shop.example.com",
            "! `name` is `Shop`: expected 1 to 32 of a-z",
            "did you mean `20GiB`?",
            "did you mean `80/tcp`?",
            "no public hosted zone of the account has the name app.example.org: there is example.com",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        assert!(
            !shown.contains("arm64\n"),
            "an x86 type is offered no image for arm64:\n{shown}"
        );
    }

    #[test]
    fn what_the_flags_say_is_not_asked_and_nothing_takes_the_defaults() {
        let (draft, shown) = dialog(
            &["", "", "", ""],
            &["shop", "--type", "m7g.large", "--data", "none", "--dns", "example.com"],
            &has(),
        );
        let draft = draft.expect("four questions are left");
        assert_eq!(draft.problems(), []);
        assert_eq!((draft.data, draft.address), (None, None));
        assert_eq!(draft.image, "al2023-arm64");
        assert_eq!(draft.dns, Some(("example.com".to_owned(), "example.com".to_owned())));
        assert!(
            !shown.contains("stack's name") && !shown.contains("instance type"),
            "{shown}"
        );
    }

    #[test]
    fn an_input_that_ends_writes_nothing_and_no_account_offers_what_is_known() {
        let (draft, _) = dialog(&["shop"], &[], &has());
        assert!(matches!(draft, Err(CliError::Declined(_))));
        let (draft, shown) = dialog(&["", "", "", "", "", "", "app.example.org"], &[], &Offered::default());
        let draft = draft.expect("every answer is there");
        assert_eq!(
            draft.dns,
            Some(("example.org".to_owned(), "app.example.org".to_owned()))
        );
        assert!(
            shown.contains("c7g.large") && !shown.contains("Which address"),
            "{shown}"
        );
    }
}
