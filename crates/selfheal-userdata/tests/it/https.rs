//! HTTPS: what a boot does for it, and when the certificate authority is asked. certbot, nginx and the package manager are
//! stand-ins, openssl is real; the boot lab has all of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use selfheal_userdata::{BootConfig, BootExit, RenderError, render};

use crate::support::machine::Machine;
use crate::support::secured;

/// Signs what it is asked to, as an authority would, or signs a key of its own, or does what `refuse` says.
const CERTBOT: &str = r#"
echo "certbot $*" >>"$SELFHEAL_ROOT/asked"
while (($# > 0)); do
  case $1 in
    --manual-auth-hook) hook=$2 ;;
    --csr) csr=$2 ;;
    --fullchain-path) chain=$2 ;;
    --logs-dir) logs=$2 ;;
  esac
  shift
done
if [[ -n ${hook-} ]]; then
  names=(app.localhost localhost.test localhost.test)
  for at in 0 1 2; do
    CERTBOT_DOMAIN=${names[at]} CERTBOT_VALIDATION=token-$at CERTBOT_REMAINING_CHALLENGES=$((2 - at)) /bin/sh -c "$hook"
  done
  echo "looked" >>"$SELFHEAL_ROOT/asked"
  [[ ! -e $SELFHEAL_ROOT/halt ]] || . "$SELFHEAL_ROOT/halt"
fi
if [[ -e $SELFHEAL_ROOT/refuse ]]; then
  . "$SELFHEAL_ROOT/refuse"
  exit 1
fi
if [[ -e $SELFHEAL_ROOT/foreign ]]; then
  /usr/bin/openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -keyout /dev/null \
    -addext subjectAltName=DNS:app.localhost,DNS:www.localhost -out "$csr" 2>/dev/null
fi
[[ -e $SELFHEAL_ROOT/ca.key ]] ||
  /usr/bin/openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -days 900 \
    -keyout "$SELFHEAL_ROOT/ca.key" -out "$SELFHEAL_ROOT/ca.pem" 2>/dev/null
/usr/bin/openssl x509 -req -in "$csr" -CA "$SELFHEAL_ROOT/ca.pem" -CAkey "$SELFHEAL_ROOT/ca.key" -days 90 \
  -copy_extensions copyall -out "$chain" 2>/dev/null
"#;

/// Puts in the place of the certificate in the folder `$1` one of the same key that began and ends `$2` and `$3` days from now.
const AGE: &str = r#"
set -e
cd "$SELFHEAL_ROOT"
: >index.txt
printf '%s\n' '[ca]' 'default_ca=own' '[own]' 'database=index.txt' 'rand_serial=yes' 'new_certs_dir=.' 'default_md=sha256' \
  'copy_extensions=copy' 'policy=any' '[any]' 'commonName=optional' >ca.conf
openssl req -new -key "$1/key.pem" -subj /CN=x -addext subjectAltName=DNS:app.localhost -out aged.csr
date() { command date -u -d "$1 days" +%Y%m%d%H%M%SZ; }
openssl ca -batch -config ca.conf -in aged.csr -cert ca.pem -keyfile ca.key -startdate "$(date "$2")" -enddate "$(date "$3")" \
  -notext -out "$1/fullchain.pem" 2>/dev/null
"#;

/// What asks the system for addresses: the instance's own, and none of IPv6.
const RESOLVER: &str = "[[ $* != *AF_INET6* ]] || exit 0\ncat \"$SELFHEAL_ROOT/resolves-to\"";

/// A machine on which nginx and certbot are installed.
pub fn machine() -> Machine {
    let machine = Machine::new();
    let note = machine.folder().join("commands");
    machine.stub("nginx", &format!("echo \"nginx $*\" >>{}", note.display()));
    machine.stub("certbot", CERTBOT);
    machine.stub("python3", RESOLVER);
    machine
}

/// One that has booted and has its address.
pub fn booted() -> Machine {
    let machine = machine();
    machine.boot(&secured(), 0);
    let address = fs::read_to_string(machine.root().join("var/lib/selfheal/address")).unwrap();
    fs::write(machine.root().join("resolves-to"), address).unwrap();
    // Below a root prefix nothing is mounted.
    set_part(&machine, " && mounted || return 0", " || return 0");
    machine
}

/// Replaces a piece of what a boot has unpacked.
pub fn set_part(machine: &Machine, old: &str, new: &str) {
    let path = machine.root().join("usr/local/lib/selfheal/parts");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old}");
    fs::write(&path, text.replace(old, new)).unwrap();
}

/// Replaces a setting of what a boot has unpacked.
pub fn set_config(machine: &Machine, old: &str, new: &str) {
    let path = machine.root().join("etc/selfheal/config");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old}");
    fs::write(&path, text.replace(old, new)).unwrap();
}

pub fn tls(machine: &Machine) -> PathBuf {
    machine.root().join("srv/data/.selfheal/tls")
}

/// Lets the next look be due, as on an instance that has just started.
pub fn look(machine: &Machine) -> String {
    let _ = fs::remove_file(machine.root().join("run/selfheal/tls/due"));
    machine.again("tls", 0)
}

/// How often the authority was asked.
fn asked(machine: &Machine) -> usize {
    let asked = fs::read_to_string(machine.root().join("asked")).unwrap_or_default();
    asked.lines().count()
}

/// What is noted of the attempts.
pub fn attempts(machine: &Machine) -> String {
    fs::read_to_string(tls(machine).join("attempts")).unwrap_or_default()
}

/// Lets so many seconds pass for what is noted of the attempts.
pub fn pass(machine: &Machine, seconds: u64) {
    let noted = attempts(machine);
    let older = noted.lines().map(|line| {
        let (at, rest) = line.split_once(' ').unwrap();
        format!("{} {rest}\n", at.parse::<u64>().unwrap() - seconds)
    });
    fs::write(tls(machine).join("attempts"), older.collect::<String>()).unwrap();
}

/// Lets what is published have begun and end so many days from now.
pub fn age(machine: &Machine, begin: &str, end: &str) {
    let current = tls(machine).join("current");
    let status = Command::new("bash")
        .args(["-c", AGE, "age"])
        .args([current.as_os_str(), begin.as_ref(), end.as_ref()])
        .env("SELFHEAL_ROOT", machine.root())
        .status()
        .unwrap();
    assert!(status.success());
}

pub fn refuse(machine: &Machine, how: &str) {
    fs::write(machine.root().join("refuse"), how).unwrap();
}

#[test]
fn a_boot_asks_nobody_and_serves_before_the_address_moves() {
    let machine = machine();
    let text = machine.boot(&secured(), 0);
    assert!(
        text.contains("certificate: none on the volume for app.localhost"),
        "{text}"
    );
    assert!(text.contains("nginx serves app.localhost by HTTPS"), "{text}");
    assert_eq!(asked(&machine), 0);
    let commands = machine.commands();
    let place = |part: &str| commands.iter().position(|line| line.starts_with(part)).expect(part);
    assert!(place("systemctl mask --quiet nginx.service") < place("nginx -t"));
    assert!(place("nginx -t") < place("systemctl reload-or-restart selfheal-nginx.service"));
    assert!(
        place("systemctl reload-or-restart")
            < place("systemctl start --no-block selfheal-off.service selfheal-watchdog.timer")
    );
    let live = machine.root().join("run/selfheal/tls/live");
    assert!(fs::read_link(&live).unwrap().ends_with("run/selfheal/tls/own"));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(live.join("key.pem")), 0o600);
    assert_eq!(mode(tls(&machine)), 0o700);
    assert_eq!(fs::read_dir(tls(&machine)).unwrap().count(), 0, "nothing of it is kept");
    let conf = fs::read_to_string(machine.root().join("etc/selfheal/nginx.conf")).unwrap();
    assert!(
        conf.contains("upstream selfheal0 { server 127.0.0.1:8080; keepalive 16; }"),
        "{conf}"
    );
}

#[test]
fn nginx_is_installed_where_it_is_missing_with_its_own_unit_masked_before() {
    let machine = machine();
    let bin = machine.folder().join("bin");
    fs::rename(bin.join("nginx"), bin.join("later")).unwrap();
    let note = machine.folder().join("commands");
    machine.stub("dpkg", "");
    machine.stub(
        "apt-get",
        &format!(
            "echo \"apt-get $*\" >>{note}\n[[ $* != *update* ]] || {{ : >{bin}/lists; exit 0; }}\n[[ -e {bin}/lists ]] && \
             mv {bin}/later {bin}/nginx",
            note = note.display(),
            bin = bin.display()
        ),
    );
    machine.boot(&secured(), 0);
    let commands = machine.commands();
    let place = |part: &str| commands.iter().position(|line| line.contains(part)).expect(part);
    assert!(place("systemctl mask --quiet nginx.service") < place("apt-get"));
    let installs = commands.iter().filter(|line| line.starts_with("apt-get")).count();
    assert_eq!(installs, 3, "without lists, the lists, and again");
}

#[test]
fn what_keeps_nginx_from_serving_fails_the_boot_and_says_so() {
    let machine = Machine::new();
    machine.stub("apt-get", "exit 100");
    machine.stub("dpkg", "");
    machine.stub(
        "nginx",
        "echo 'nginx: [warn] old' >&2; echo 'nginx: [emerg] unknown directive \"x\"' >&2; exit 1",
    );
    let text = machine.boot(&secured(), BootExit::Nginx.code().into());
    let told = "failed: nginx does not take its configuration: unknown directive \"x\" (exit 28)";
    assert!(text.contains(told), "{text}");

    fs::remove_file(machine.folder().join("bin/nginx")).unwrap();
    set_part(&machine, "nginx_s_max=900", "nginx_s_max=0");
    let text = machine.again("boot", BootExit::Nginx.code().into());
    assert!(text.contains("failed: nginx cannot be installed, see"), "{text}");

    machine.stub("nginx", "");
    machine.stub("systemctl", "[[ $1 != reload-or-restart ]]");
    let text = machine.again("boot", BootExit::Nginx.code().into());
    assert!(text.contains("failed: nginx does not start"), "{text}");
    let moved = machine.actions().contains(&"AssociateAddress".to_owned());
    assert!(!moved, "nobody is sent to what does not serve");
}

#[test]
fn a_certificate_is_published_whole_and_found_by_the_next_instance() {
    let machine = booted();
    let text = look(&machine);
    assert!(
        text.contains("asking https://ca.example.com/dir for a certificate for app.localhost"),
        "{text}"
    );
    assert!(text.contains("certificate: published for app.localhost"), "{text}");
    assert_eq!(asked(&machine), 1);
    let tls = tls(&machine);
    assert_eq!(fs::read_link(tls.join("current")).unwrap(), PathBuf::from("gen-1"));
    let key = tls.join("gen-1/key.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let notes: Vec<String> = attempts(&machine).lines().map(str::to_owned).collect();
    assert!(
        notes[0].ends_with(" try") && notes[1].ends_with(" issued app.localhost"),
        "{notes:?}"
    );
    assert!(
        machine
            .commands()
            .contains(&"systemctl reload selfheal-nginx.service".to_owned())
    );
    let asked_for = fs::read_to_string(machine.root().join("asked")).unwrap();
    assert!(
        asked_for.contains("--email ops@example.com --server https://ca.example.com/dir"),
        "{asked_for}"
    );
    let secret = fs::read_to_string(&key).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    assert!(!text.contains(secret) && !asked_for.contains(secret));

    // Neither this instance nor the next asks again.
    look(&machine);
    fs::remove_dir_all(machine.root().join("run/selfheal/tls")).unwrap();
    let text = machine.again("boot", 0);
    assert!(text.contains("certificate: app.localhost, until"), "{text}");
    let live = fs::read_link(machine.root().join("run/selfheal/tls/live")).unwrap();
    assert!(live.ends_with("tls/current"), "{live:?}");
    assert_eq!(asked(&machine), 1);
}

#[test]
fn one_that_has_expired_is_served_until_there_is_another() {
    let machine = booted();
    look(&machine);
    age(&machine, "-91", "-1");
    fs::remove_dir_all(machine.root().join("run/selfheal/tls")).unwrap();
    let text = machine.again("boot", 0);
    assert!(text.contains("certificate: app.localhost, until"), "{text}");
    let live = fs::read_link(machine.root().join("run/selfheal/tls/live")).unwrap();
    assert!(live.ends_with("tls/current"), "{live:?}");
    assert_eq!(asked(&machine), 1, "a boot asks nobody, whatever it serves");
    pass(&machine, 3_600);
    look(&machine);
    assert_eq!((asked(&machine), tls(&machine).join("gen-2").exists()), (2, true));
}

#[test]
fn it_is_asked_for_again_with_a_third_of_its_life_left() {
    let machine = booted();
    look(&machine);
    pass(&machine, 3_600);
    for (begin, end, asks) in [("-59", "31", 1), ("-61", "29", 2)] {
        age(&machine, begin, end);
        look(&machine);
        assert_eq!(asked(&machine), asks, "{begin} {end}");
    }
}

#[test]
fn it_is_asked_for_again_for_other_names_and_of_another_authority() {
    let machine = booted();
    look(&machine);
    // A certificate of another authority, or for fewer names, is served until there is the right one.
    let generation = |number: u32| tls(&machine).join(format!("gen-{number}"));
    fs::write(generation(1).join("ca"), "https://other.example.com/dir\n").unwrap();
    look(&machine);
    assert_eq!((asked(&machine), generation(2).exists()), (2, true));
    let root = machine.root();
    set_config(
        &machine,
        "https_domains=app.localhost",
        "https_domains='app.localhost www.localhost'",
    );
    let boot = machine.again("boot", 0);
    assert!(boot.contains("certificate: app.localhost, until"), "{boot}");
    pass(&machine, 3_600);
    look(&machine);
    assert_eq!((asked(&machine), generation(3).exists()), (3, true));
    look(&machine);
    assert_eq!(asked(&machine), 3, "it is for both names");
    // What is old: the third before the last goes.
    fs::write(root.join("foreign"), "").unwrap();
    fs::write(generation(3).join("ca"), "x\n").unwrap();
    pass(&machine, 700_000);
    let text = look(&machine);
    assert!(text.contains("does not fit the key, or is not for all names"), "{text}");
    assert!(!generation(4).exists());
    fs::remove_file(root.join("foreign")).unwrap();
    pass(&machine, 700_000);
    look(&machine);
    assert!(generation(4).exists() && !generation(1).exists() && generation(2).exists());
}

#[test]
fn a_name_that_leads_elsewhere_costs_the_authority_nothing() {
    let machine = booted();
    for (found, told) in [
        (
            "",
            "app.localhost has no A record, and it has to have an A record of 203.0.113.7 alone",
        ),
        ("192.0.2.1", "app.localhost has 192.0.2.1, and it has to have"),
        ("192.0.2.1 203.0.113.7", "has 192.0.2.1 203.0.113.7, and it has to have"),
    ] {
        fs::write(machine.root().join("resolves-to"), found).unwrap();
        let text = look(&machine);
        assert!(text.contains(told), "{text}");
    }
    assert_eq!(asked(&machine), 0);
    assert_eq!(attempts(&machine), "");
    // It is not looked at again before it is due.
    assert_eq!(machine.again("tls", 0), "");
    let due = fs::read_to_string(machine.root().join("run/selfheal/tls/due")).unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: i64 = uptime.split('.').next().unwrap().parse().unwrap();
    let wait = due.trim().parse::<i64>().unwrap() - uptime;
    assert!((280..=300).contains(&wait), "the third look comes to nothing: {wait} s");
}

#[test]
fn an_authority_that_refuses_is_asked_three_times_an_hour_by_however_many_instances() {
    let machine = booted();
    refuse(
        &machine,
        "printf '%s\\n' 'Saving debug log to /x' 'Domain: app.localhost' '  Detail: no route to host' '' \\\n  \
         'Ask for help or search for solutions at https://community.letsencrypt.org.'\n",
    );
    let text = look(&machine);
    assert!(
        text.contains("https://ca.example.com/dir: Detail: no route to host"),
        "{text}"
    );
    // A replacement each two minutes for two hours: what they share is the volume.
    let mut by_hour = [1, 0];
    for minute in (2..120).step_by(2) {
        pass(&machine, 120);
        fs::remove_dir_all(machine.root().join("run/selfheal/tls")).unwrap();
        fs::create_dir(machine.root().join("run/selfheal/tls")).unwrap();
        let before = asked(&machine);
        look(&machine);
        by_hour[minute / 60] += asked(&machine) - before;
    }
    assert_eq!(by_hour, [3, 1], "after 10, 20 and 40 minutes");
}

#[test]
fn three_certificates_a_week_are_enough_for_any_set_of_names() {
    let machine = booted();
    for number in 1..=3 {
        look(&machine);
        assert_eq!(asked(&machine), number);
        // Whoever restores an old volume again and again has no certificate each time.
        fs::remove_file(tls(&machine).join("current")).unwrap();
        fs::remove_dir_all(tls(&machine).join("gen-1")).unwrap();
        pass(&machine, 3_600);
    }
    let text = look(&machine);
    assert!(text.contains("the authority is asked again after"), "{text}");
    assert_eq!(asked(&machine), 3);
    pass(&machine, 604_800 - 4 * 3_600);
    look(&machine);
    assert_eq!(asked(&machine), 3);
    pass(&machine, 3_700);
    look(&machine);
    assert_eq!(asked(&machine), 4, "the first is a week old");
}

#[test]
fn an_authority_that_says_when_to_come_back_is_taken_at_its_word() {
    let machine = booted();
    refuse(
        &machine,
        "printf 'HTTP 201\\nRetry-After: 5\\n\\nHTTP 429\\nServer: x\\nRetry-After: 86400\\n' >\"$logs/letsencrypt.log\"\n\
         echo 'An unexpected error occurred:'; echo 'too many certificates already issued'\n",
    );
    let text = look(&machine);
    assert!(text.contains("too many certificates already issued"), "{text}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let noted = attempts(&machine);
    let (until, _) = noted.lines().last().unwrap().split_once(" until").expect(&noted);
    assert!(
        (86_300..=86_400).contains(&(until.parse::<u64>().unwrap() - now)),
        "{noted}"
    );
    fs::remove_file(machine.root().join("refuse")).unwrap();
    pass(&machine, 86_000);
    look(&machine);
    assert_eq!(asked(&machine), 1);
    pass(&machine, 400);
    look(&machine);
    assert_eq!(asked(&machine), 2);
}

#[test]
fn what_an_earlier_look_could_not_publish_is_taken_up() {
    let machine = booted();
    look(&machine);
    let tls = tls(&machine);
    // Cut short between the two renames, and with an order under way.
    fs::remove_file(tls.join("current")).unwrap();
    fs::create_dir(tls.join("new")).unwrap();
    fs::write(tls.join("new/key.pem"), "half").unwrap();
    let text = look(&machine);
    assert!(text.contains("taking up gen-1, which was not published yet"), "{text}");
    assert_eq!(asked(&machine), 1);
    assert_eq!(fs::read_link(tls.join("current")).unwrap(), PathBuf::from("gen-1"));
    // A boot that finds no link serves it as well.
    fs::remove_file(tls.join("current")).unwrap();
    let text = machine.again("boot", 0);
    assert!(text.contains("certificate: app.localhost, until"), "{text}");
}

#[test]
fn a_certificate_that_nginx_does_not_take_is_not_served() {
    let machine = booted();
    look(&machine);
    fs::write(tls(&machine).join("gen-1/ca"), "x\n").unwrap();
    pass(&machine, 3_600);
    let current = tls(&machine).join("current");
    let refuses = format!(
        "[[ $(readlink {}) == gen-1 ]] || {{ echo 'nginx: [emerg] bad certificate' >&2; exit 1; }}",
        current.display()
    );
    machine.stub("nginx", &refuses);
    let text = look(&machine);
    assert!(
        text.contains("nginx does not take the certificate: bad certificate"),
        "{text}"
    );
    assert_eq!(fs::read_link(&current).unwrap(), PathBuf::from("gen-1"));
    assert!(tls(&machine).join("refused").exists());
}

#[test]
fn a_first_certificate_that_nginx_does_not_take_leaves_what_nginx_can_start_with() {
    let machine = booted();
    let live = machine.root().join("run/selfheal/tls/live");
    let own = fs::read(live.join("fullchain.pem")).unwrap();
    let current = tls(&machine).join("current");
    let refuses = format!(
        "[[ ! -e {} ]] || {{ echo 'nginx: [emerg] bad certificate' >&2; exit 1; }}",
        current.display()
    );
    machine.stub("nginx", &refuses);
    look(&machine);
    assert!(!current.exists());
    assert_eq!(fs::read(live.join("fullchain.pem")).unwrap(), own);
}

#[test]
fn a_certificate_is_not_refused_for_what_else_nginx_does_not_take() {
    let machine = booted();
    machine.stub("nginx", "echo 'nginx: [emerg] host not found in upstream' >&2; exit 1");
    let text = look(&machine);
    assert!(
        text.contains("nginx does not take its configuration: host not found"),
        "{text}"
    );
    assert!(!tls(&machine).join("refused").exists());
    let asked_once = asked(&machine);
    machine.stub("nginx", ":");
    pass(&machine, 3_600);
    look(&machine);
    assert_eq!(
        fs::read_link(tls(&machine).join("current")).unwrap(),
        PathBuf::from("gen-1")
    );
    assert_eq!(asked(&machine), asked_once, "it is taken up and not asked for again");
}

#[test]
fn an_attempt_that_cannot_be_noted_is_none() {
    let machine = booted();
    fs::create_dir(tls(&machine).join("attempts.new")).unwrap();
    let text = look(&machine);
    assert!(text.contains("the attempt cannot be noted on the volume"), "{text}");
    assert_eq!(asked(&machine), 0);
}

#[test]
fn without_a_volume_there_is_no_place_for_a_certificate() {
    let config = BootConfig {
        data: None,
        ..secured()
    };
    match render(&config).unwrap_err() {
        RenderError::Invalid { field, .. } => assert_eq!(field, "https"),
        other => panic!("{other}"),
    }
}

#[test]
fn what_nginx_does_not_take_of_the_user_gives_way_to_what_it_took_last() {
    let machine = machine();
    let root = machine.root().display().to_string();
    let note = machine.folder().join("commands");
    machine.stub(
        "nginx",
        &format!(
            "echo \"nginx $*\" >>{}\n/usr/bin/grep -q broken {root}/run/selfheal/nginx-extra.conf || exit 0\n\
             echo 'nginx: [emerg] unknown directive \"broken\"' >&2; exit 1",
            note.display()
        ),
    );
    // That it cannot listen shows only when it starts.
    machine.stub(
        "systemctl",
        &format!("[[ $1 != reload-or-restart ]] || ! /usr/bin/grep -q listen {root}/run/selfheal/nginx-extra.conf"),
    );
    let with = |extra: &str| {
        let mut config = secured();
        config.https.as_mut().unwrap().extra = Some(extra.to_owned());
        machine.boot(&config, 0)
    };
    let extra = || fs::read_to_string(machine.root().join("run/selfheal/nginx-extra.conf")).unwrap();
    // Broken from the beginning: the site is up without it.
    let text = with("broken;\n");
    let told =
        "nginx serves without nginx-extra.conf: nginx does not take its configuration: unknown directive \"broken\"";
    assert!(text.contains(told), "{text}");
    assert_eq!(extra(), "");
    with("gzip on;\n\n");
    assert_eq!(extra(), "gzip on;\n\n");
    for bad in ["broken again;\n", "listen 80;\n"] {
        let text = with(bad);
        assert!(
            text.contains("nginx serves with the nginx-extra.conf that it took last"),
            "{text}"
        );
        assert_eq!(extra(), "gzip on;\n\n");
    }
}

#[test]
fn browsers_are_told_to_insist_once_there_is_the_authoritys_certificate() {
    let machine = booted();
    let hsts = || fs::read_to_string(machine.root().join("run/selfheal/nginx-hsts.conf")).unwrap();
    assert_eq!(hsts(), "\n", "its own making");
    look(&machine);
    assert_eq!(
        hsts(),
        "add_header Strict-Transport-Security \"max-age=31536000\" always;\n"
    );
    fs::write(tls(&machine).join("gen-1/ca"), "https://staging.example.com/dir\n").unwrap();
    machine.again("boot", 0);
    assert_eq!(hsts(), "\n", "another authority's");
    fs::write(tls(&machine).join("gen-1/ca"), "https://ca.example.com/dir\n").unwrap();
    set_config(&machine, "https_hsts=1", "https_hsts=0");
    machine.again("boot", 0);
    assert_eq!(hsts(), "\n", "not wanted");
}
