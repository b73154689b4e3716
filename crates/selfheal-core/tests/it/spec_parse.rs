//! Reading spec files: what is accepted, and what an error says.

use crate::files::{errors, minimal_with, parse};
use selfheal_core::spec::{
    AddressWhen, Filesystem, HealthFrom, HealthProbe, ImageRef, Ingress, Protocol, Spec, SpecFile, SpecProblemKind,
    VolumeType,
};

const FULL: &str = r#"
name = "web"
region = "eu-west-1"

[instance]
type = "t4g.small"
image = "al2023-arm64"
subnet = "subnet-0123456789abcdef0"
ingress = ["443/tcp", "80/tcp", "53/udp"]
root_size = "8GiB"

[address]
allocation = "eipalloc-0123456789abcdef0"
take = true

[data]
size = "1TiB"
mount = "/srv/data"
filesystem = "ext4"
type = "gp3"
iops = 4000
throughput = 1000

[dns]
zone = "Example.com."
name = "app.example.com"
ttl = 60
overwrite = true

[app]
setup = "setup.sh"
setup_timeout = "90m"
breaker = 5

[app.health]
http = "http://localhost:8080/health"
interval = "30s"
threshold = 2
startup_budget = "10m"
from = "both"
"#;

#[test]
fn every_key_of_a_full_file_is_read() {
    let spec = parse(FULL);
    assert_eq!(spec.name, "web");
    assert_eq!(spec.region, "eu-west-1");
    assert_eq!(spec.instance.subnet, Some("subnet-0123456789abcdef0".into()));
    let ports = [(53, Protocol::Udp), (80, Protocol::Tcp), (443, Protocol::Tcp)];
    assert_eq!(spec.instance.ingress, Ingress::to_world(ports));
    assert_eq!(spec.address.allocation, Some("eipalloc-0123456789abcdef0".into()));
    let data = spec.data.as_ref().unwrap();
    assert_eq!(
        (data.size_gib, data.filesystem, data.volume_type),
        (1024, Filesystem::Ext4, VolumeType::Gp3)
    );
    assert_eq!((data.iops, data.throughput_mibps), (Some(4000), Some(1000)));
    let dns = spec.dns.as_ref().unwrap();
    assert_eq!(
        (dns.zone.to_string().as_str(), dns.name.as_str(), dns.ttl_s),
        ("example.com", "app.example.com", 60)
    );
    assert_eq!((spec.app.breaker_limit, spec.app.setup_timeout_s), (5, 5_400));
    assert_eq!(spec.app.setup.as_ref().unwrap().path, "setup.sh");
    let health = spec.app.health.as_ref().unwrap();
    assert_eq!(
        health.probe,
        HealthProbe::Http {
            tls: false,
            port: 8080,
            path: "/health".to_owned()
        }
    );
    assert_eq!(
        (health.interval_s, health.threshold, health.startup_budget_s),
        (30, 2, 600)
    );
    assert_eq!(health.from, HealthFrom::Both);
    assert_eq!(spec.address_when(), AddressWhen::Healthy);
}

#[test]
fn the_smallest_file_has_the_defaults() {
    let spec = parse(&minimal_with(""));
    let image = ImageRef::alias("al2023-arm64").unwrap();
    assert_eq!(spec, Spec::minimal("web", "eu-west-1", "t4g.small", image));
    assert_eq!(spec.address_when(), AddressWhen::Mounted);
    assert_eq!((spec.app.breaker_limit, spec.app.setup_timeout_s), (3, 3_600));
}

#[test]
fn inline_tables_and_dotted_keys_are_sections_too() {
    let text = "name = \"web\"\nregion = \"eu-west-1\"\ninstance = { type = \"t4g.small\", image = \"al2023-arm64\", \
                ingress = [] }\ndata.size = \"20GiB\"\ndata.mount = \"/srv/data\"\n";
    assert_eq!(parse(text).data.unwrap().size_gib, 20);
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = r#"
nam = "web"
region = "eu-west-1a"

[instance]
type = "t4g small"
image = "al2032-arm64"
ingress = ["80", "0/tcp", "8010-8000/tcp", 22]
root_size = 8
subnet = "subnet-xyz"

[data]
sise = "20GiB"
size = "20GB"
mount = "/usr/share/data"
filesystem = "xsf"

[dns]
zone = "example.com"
name = "app.example.org"
ttl = 0

[app.health]
tcp = 70000
htttp = "/"
"#;
    insta::assert_snapshot!(errors(text), @r#"
    line 2, column 1: `nam` is not a key at the top (did you mean `name`? expected one of `name`, `region`, `instance`, `address`, `data`, `dns`, `app`, `access`, `logs`, `schedule`, `config`, `notify`, `https`, `schema`)
    line 3, column 10: `region` is `eu-west-1a` (expected a Region such as `eu-west-1`, not a zone)
    line 6, column 8: `instance.type` is `t4g small` (expected an instance type such as "t4g.small")
    line 7, column 9: `instance.image` is `al2032-arm64` (did you mean `al2023-arm64`? expected an image id `ami-…`, a parameter `ssm:/…`, or one of `al2023`, `al2023-x86_64`, `al2023-arm64`, `debian-12`, `debian-12-arm64`, `debian-13`, `debian-13-arm64`, `ubuntu-22.04`, `ubuntu-22.04-arm64`, `ubuntu-24.04`, `ubuntu-24.04-arm64`)
    line 8, column 12: `instance.ingress[0]` is `80` (did you mean `80/tcp`? expected a port and a protocol, such as "80/tcp" or "53/udp", or a range such as "8000-8010/tcp")
    line 8, column 18: `instance.ingress[1]` is `0/tcp` (expected ports from 1 to 65535)
    line 8, column 27: `instance.ingress[2]` is `8010-8000/tcp` (expected the lower port first)
    line 8, column 44: `instance.ingress[3]` is an integer (expected a list of ports such as ["80/tcp", "443/tcp"])
    line 9, column 13: `instance.root_size` is an integer (expected a size with its unit, such as "8GiB")
    line 10, column 10: `instance.subnet` is `subnet-xyz` (expected an id such as "subnet-0123456789abcdef0")
    line 13, column 1: `data.sise` is not a key in [data] (did you mean `size`? expected one of `size`, `mount`, `filesystem`, `type`, `iops`, `throughput`, `volume`, `kms_key`, `snapshots`)
    line 14, column 8: `data.size` is `20GB` (did you mean `20GiB`? expected a whole number of GiB or TiB, such as "20GiB")
    line 15, column 9: `data.mount` is `/usr/share/data`, which is the system's (expected a directory of its own, such as "/srv/data")
    line 16, column 14: `data.filesystem` is `xsf` (did you mean `xfs`? expected one of `xfs`, `ext4`)
    line 20, column 8: `dns.name` is `app.example.org` and is outside the zone (expected `example.com` itself or a name below it)
    line 21, column 7: `dns.ttl` is 0 (expected a whole number from 1 to 86400 seconds)
    line 24, column 7: `app.health.tcp` is 70000 (expected a whole number from 1 to 65535)
    line 25, column 1: `app.health.htttp` is not a key in [app.health] (did you mean `http`? expected one of `http`, `tcp`, `command`, `interval`, `threshold`, `startup_budget`, `from`)
    "#);
}

#[test]
fn a_key_of_another_section_is_sent_there() {
    let text =
        minimal_with("setup = \"setup.sh\"\nmount = \"/srv/data\"\n[data]\nsize = \"1GiB\"\nmountpoint = \"/srv\"\n");
    insta::assert_snapshot!(errors(&text), @r"
    line 8, column 1: `instance.setup` is not a key in [instance]: it belongs in [app] (expected one of `type`, `types`, `market`, `image`, `subnet`, `ingress`, `security_groups`, `root_size`, `permissions_boundary`, `kms_key`)
    line 9, column 1: `instance.mount` is not a key in [instance]: it belongs in [data] (expected one of `type`, `types`, `market`, `image`, `subnet`, `ingress`, `security_groups`, `root_size`, `permissions_boundary`, `kms_key`)
    line 12, column 1: `data.mountpoint` is not a key in [data] (did you mean `mount`? expected one of `size`, `mount`, `filesystem`, `type`, `iops`, `throughput`, `volume`, `kms_key`, `snapshots`)
    ");
}

#[test]
fn an_address_that_waits_for_health_needs_a_probe() {
    let text = r#"
name = "web"
region = "eu-west-1"

[instance]
type = "t4g.small"
image = "al2023-arm64"
ingress = []

[address]
when = "healthy"
"#;
    insta::assert_snapshot!(errors(text), @"line 11, column 8: `address.when` is `healthy`, and nothing tells the instance when it is (expected a probe in [app.health], or `mounted`)");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let text = r#"
name = "web"
region = "eu-west-1"

[instance]
type = "t4g.small"
image = "al2023-arm64"
ingress = ["80/tcp", "80/tcp"]
security_groups = ["sg-0123456789abcdef0"]

[address]
when = "healthy"

[data]
size = "2GiB"
mount = "/srv/data"
type = "io2"
throughput = 125

[app.health]
tcp = 80
command = "true"
from = "aws"
"#;
    insta::assert_snapshot!(errors(text), @r#"
    line 9, column 1: `instance.security_groups` is here as well as `ingress` (expected only one of `ingress` and `security_groups`)
    line 14, column 1: `data.iops` is missing (expected a number of IOPS, which io2 has no default for)
    line 15, column 8: `data.size` is `2GiB` (expected 4GiB to 65536GiB)
    line 18, column 1: `data.throughput` cannot be set for io2 (expected no `throughput`, or `type = "gp3"`)
    line 22, column 1: `app.health.command` is one probe too many (expected exactly one of `http`, `tcp` and `command`)
    line 23, column 8: `app.health.from` asks AWS to probe, and the probe is not `http` (expected `instance`: AWS's own checks speak HTTP alone)
    "#);
}

#[test]
fn ratios_of_the_volume_are_held() {
    let data = |rest: &str| errors(&minimal_with(&format!("[data]\nmount = \"/srv/data\"\n{rest}")));
    insta::assert_snapshot!(data("size = \"8GiB\"\niops = 4001\nthroughput = 1001\n"), @r"
    line 11, column 8: `data.iops` is 4001 (expected at most 4000 at 8 GiB: gp3 has at most 500 IOPS for each GiB)
    line 12, column 14: `data.throughput` is 1001 (expected at most 1000 MiB/s at 4001 IOPS (a quarter of the IOPS), or `iops = 4004`)
    ");
    insta::assert_snapshot!(data("size = \"8GiB\"\nthroughput = 751\n"), @"line 11, column 14: `data.throughput` is 751 (expected at most 750 MiB/s at 3000 IOPS (a quarter of the IOPS), or `iops = 3004`)");
    insta::assert_snapshot!(data("size = \"65TiB\"\niops = 2999\n"), @r"
    line 10, column 8: `data.size` is `65TiB` (expected 1GiB to 65536GiB)
    line 11, column 8: `data.iops` is 2999 (expected a whole number from 3000 to 80000 for gp3)
    ");
    let smallest = "[data]\nmount = \"/srv/data\"\nsize = \"1GiB\"\niops = 3000\nthroughput = 750\n";
    assert_eq!(parse(&minimal_with(smallest)).data.unwrap().iops, Some(3000));
}

#[test]
fn a_file_that_is_not_toml_says_where() {
    insta::assert_snapshot!(errors("name = \"web\"\nregion = eu-west-1\n"), @"line 2, column 10: string values must be quoted, expected literal string");
    insta::assert_snapshot!(errors("[instance\n"), @"line 1, column 10: unclosed table, expected `]`");
    insta::assert_snapshot!(errors("name = \"a\"\nname = \"b\"\n"), @"line 2, column 1: duplicate key");
}

#[test]
fn an_empty_file_names_all_that_is_missing() {
    insta::assert_snapshot!(errors(""), @r#"
    line 1, column 1: `name` is missing (expected the stack's name, such as "web")
    line 1, column 1: `region` is missing (expected a Region such as "eu-west-1")
    line 1, column 1: `instance` is missing (expected a table `[instance]` with `type` and `image`)
    "#);
    insta::assert_snapshot!(errors("instance = 3\n"), @r#"
    line 1, column 1: `name` is missing (expected the stack's name, such as "web")
    line 1, column 1: `region` is missing (expected a Region such as "eu-west-1")
    line 1, column 12: `instance` is an integer (expected a table: `[instance]`)
    "#);
}

#[test]
fn a_zone_is_not_a_region_and_its_region_is_named() {
    let error = SpecFile::parse("region = \"eu-west-1b\"").unwrap_err();
    let problem = error.problems().iter().find(|problem| problem.key == "region").unwrap();
    assert_eq!(problem.kind, SpecProblemKind::Malformed);
    assert_eq!(problem.expected, "a Region such as `eu-west-1`, not a zone");
    assert_eq!((problem.line, problem.column, problem.span.clone()), (1, 10, 9..21));
}

#[test]
fn mounts_keep_off_the_system() {
    let mount = |path: &str| SpecFile::parse(&minimal_with(&format!("[data]\nsize = \"1GiB\"\nmount = \"{path}\"\n")));
    for sound in [
        "/srv/data",
        "/data",
        "/mnt",
        "/var/lib/postgresql",
        "/home/app",
        "/opt/app",
        "/libexec",
    ] {
        assert!(mount(sound).is_ok(), "{sound}");
    }
    let bad = [
        "/",
        "/usr",
        "/etc/x",
        "/proc/1",
        "/var",
        "/home",
        "/var/lib/cloud/x",
        "srv",
        "",
        "/srv/",
        "/srv//x",
    ];
    for bad in bad
        .iter()
        .chain(&["/srv/../etc", "/srv/.", "/a b", "/$x", "/lib64", "/dev/shm"])
    {
        assert!(mount(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_and_regions_have_their_syntax() {
    let with = |name: &str, region: &str| {
        let text = minimal_with("").replace("\"web\"", &format!("\"{name}\""));
        SpecFile::parse(&text.replace("eu-west-1", region)).is_ok()
    };
    for name in ["a", "web-2", "abcdefghijklmnopqrstuvwxyz012345"] {
        assert!(with(name, "eu-west-1"), "{name}");
    }
    for name in [
        "",
        "-a",
        "a-",
        "1a",
        "Web",
        "a_b",
        "abcdefghijklmnopqrstuvwxyz0123456",
        "ä",
    ] {
        assert!(!with(name, "eu-west-1"), "{name}");
    }
    for region in [
        "us-gov-west-1",
        "cn-north-1",
        "ap-southeast-2",
        "eusc-de-east-1",
        "us-isob-east-1",
    ] {
        assert!(with("web", region), "{region}");
    }
    for region in [
        "",
        "eu-west",
        "eu-west-",
        "EU-west-1",
        "eu-west-01",
        "eu-west-1a",
        "euwest1",
        "eu--west-1",
    ] {
        assert!(!with("web", region), "{region}");
    }
}

#[test]
fn probes_take_a_url_of_the_instance_itself() {
    let probe = |url: &str| {
        let spec = SpecFile::parse(&minimal_with(&format!("[app.health]\nhttp = \"{url}\"\n")));
        spec.ok()
            .map(|file| file.into_spec(None).unwrap().app.health.unwrap().probe.to_string())
    };
    assert_eq!(probe("/health").as_deref(), Some("http://localhost/health"));
    assert_eq!(probe("http://localhost").as_deref(), Some("http://localhost/"));
    assert_eq!(
        probe("https://127.0.0.1:8443/a?b=c").as_deref(),
        Some("https://localhost:8443/a?b=c")
    );
    for bad in [
        "localhost",
        "http://example.com/",
        "http://localhost:0/",
        "http://:80/",
        "ftp://localhost/",
        "/a b",
        "/#x",
    ] {
        assert_eq!(probe(bad), None, "{bad}");
    }
}

#[test]
fn a_setup_script_must_be_executable() {
    let file = || SpecFile::parse(&minimal_with("[app]\nsetup = \"run/setup.sh\"\n")).unwrap();
    assert_eq!(file().setup_path(), Some("run/setup.sh"));
    insta::assert_snapshot!(file().into_spec(Some(b"echo".to_vec())).unwrap_err(), @"line 9, column 9: `app.setup` names a script that does not begin with `#!` (expected an executable script that begins with a line such as `#!/bin/sh`)");
    insta::assert_snapshot!(file().into_spec(Some(Vec::new())).unwrap_err(), @"line 9, column 9: `app.setup` names a script that is empty (expected an executable script that begins with a line such as `#!/bin/sh`)");
    insta::assert_snapshot!(file().into_spec(None).unwrap_err(), @"line 9, column 9: `app.setup` names a script that was not read (expected an executable script that begins with a line such as `#!/bin/sh`)");
    insta::assert_snapshot!(file().setup_unreadable("cannot be read: no such file"), @"line 9, column 9: `app.setup` cannot be read: no such file (expected the path of a script, relative to this file's folder)");
    let none = SpecFile::parse(&minimal_with("")).unwrap();
    assert!(none.into_spec(Some(b"#!/bin/sh\n".to_vec())).is_err());
}

#[test]
fn the_setup_has_a_time_of_its_own_that_a_launch_can_outlast() {
    let seconds = |text: &str| {
        let app = format!("[app]\nsetup = \"setup.sh\"\nsetup_timeout = \"{text}\"\n");
        parse(&minimal_with(&app)).app.setup_timeout_s
    };
    assert_eq!((seconds("60s"), seconds("12h")), (60, 43_200));
    for text in ["59s", "13h"] {
        let told = errors(&minimal_with(&format!(
            "[app]\nsetup = \"setup.sh\"\nsetup_timeout = \"{text}\"\n"
        )));
        assert!(told.contains("a duration from 60 to 43200 seconds"), "{told}");
    }
    let told = errors(&minimal_with("[app]\nsetup_timeout = \"5m\"\n"));
    assert!(
        told.contains("`app.setup_timeout` limits a script, and there is none"),
        "{told}"
    );
}

#[test]
fn a_key_is_named_by_its_arn_alone() {
    let with = |key: &str| {
        let text = format!(
            "name = \"web\"\nregion = \"eu-west-1\"\n[instance]\ntype = \"t4g.small\"\nimage = \"al2023-arm64\"\ningress = \
             []\nkms_key = \"{key}\"\n"
        );
        SpecFile::parse(&text).map(|file| file.into_spec(None).expect("no setup").instance.kms_key)
    };
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    for arn in [
        format!("arn:aws:kms:eu-west-1:123456789012:key/{id}"),
        "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab".to_owned(),
    ] {
        assert_eq!(with(&arn).unwrap(), Some(arn));
    }
    for not in [
        id,
        "alias/web",
        "arn:aws:kms:eu-west-1:123456789012:alias/web",
        "arn:aws:kms:eu-west-1:123456789012:key/*",
        "arn:aws:kms:eu-west-1::key/1234",
        "arn:aws:s3:eu-west-1:123456789012:key/1234",
        "arn:aws:kms:eu-west-1:123456789012:key/",
    ] {
        let errors = with(not).unwrap_err().to_string();
        assert!(
            errors.contains("instance.kms_key") && errors.contains("a key's ARN"),
            "{errors}"
        );
    }
}

#[test]
fn a_file_of_a_newer_form_is_refused_with_that_alone() {
    let newer = minimal_with("[something]\nnew = 1\n").replace("name = ", "schema = 2\nname = ");
    let error = SpecFile::parse(&newer).expect_err("it is newer");
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!(error.problems()[0].kind, SpecProblemKind::NewerSchema);
    assert_eq!(
        error.to_string(),
        "line 1, column 10: `schema` is 2: the file was written for a newer selfheal (expected 1, which this version \
         reads, or a newer version)"
    );
    let same = minimal_with("").replace("name = ", "schema = 1\nname = ");
    assert_eq!(parse(&same), parse(&minimal_with("")));
    let odd = minimal_with("").replace("name = ", "schema = \"1\"\nname = ");
    assert!(errors(&odd).contains("`schema` is a string"), "{}", errors(&odd));
}

#[test]
fn a_zone_is_named_or_given_by_its_id() {
    use selfheal_core::spec::ZoneRef;
    let dns = |zone: &str, name: &str| minimal_with(&format!("[dns]\nzone = \"{zone}\"\nname = \"{name}\"\n"));
    let zone = |zone: &str, name: &str| parse(&dns(zone, name)).dns.expect("it has a name").zone;
    assert_eq!(
        zone("example.com", "app.example.com"),
        ZoneRef::Name("example.com".to_owned())
    );
    // What the zone is called is not known before it is read.
    assert_eq!(
        zone("Z0123456789ABC", "app.example.com"),
        ZoneRef::Id("Z0123456789ABC".into())
    );
    for odd in [
        "Z",
        "z0123456789abc",
        "Z0123456789ABC!",
        "Z0123456789012345678901234567890123",
    ] {
        assert!(errors(&dns(odd, "app.example.com")).contains("`dns.zone` is"), "{odd}");
    }
}

#[test]
fn an_address_is_taken_only_where_one_is_adopted() {
    let problem = errors(&minimal_with("[address]\ntake = true\n"));
    assert!(
        problem.contains("`address.take` is `true`, and no address is adopted"),
        "{problem}"
    );
    assert!(!parse(&minimal_with("[address]\ntake = false\n")).address.take);
}

#[test]
fn units_and_port_of_the_app_are_read() {
    let spec = parse(&minimal_with(
        "[app]\nunits = [\"app.service\", \"worker@1.service\"]\nport = 8080\n",
    ));
    assert_eq!(spec.app.units, ["app.service", "worker@1.service"]);
    assert_eq!(spec.app.port, Some(8080));
}

#[test]
fn units_that_systemd_or_a_boot_cannot_have_are_told_by_their_place() {
    let text = minimal_with(
        "[app]\nunits = [\"app\", \"worker@.service\", \"a.service\", \"a.service\", \"selfheal-boot.service\", 1]\nport = 0\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    line 9, column 10: `app.units[0]` is `app` (expected the name of a service, a socket, a timer or a path, such as "app.service")
    line 9, column 17: `app.units[1]` is `worker@.service` (expected a unit and not a template, such as "worker@1.service")
    line 9, column 49: `app.units[3]` is named twice (expected each unit once)
    line 9, column 62: `app.units[4]` is `selfheal-boot.service` (expected a unit of the app's: the boot rests on those of selfheal, systemd, cloud-init and D-Bus)
    line 9, column 87: `app.units[5]` is an integer (expected a list of units, such as ["app.service"])
    line 10, column 8: `app.port` is 0 (expected a whole number from 1 to 65535)
    "#);
    let many: Vec<String> = (0..21).map(|number| format!("\"a{number}.service\"")).collect();
    let text = minimal_with(&format!("[app]\nunits = [{}]\n", many.join(", ")));
    insta::assert_snapshot!(errors(&text), @"line 9, column 300: `app.units[20]` is one too many (expected at most 20 units)");
}
