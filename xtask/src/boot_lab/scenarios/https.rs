//! HTTPS: real nginx and real certbot on the machines, and an authority of the lab's.

use std::path::Path;
use std::time::{Duration, Instant};

use selfheal_core::spec::{Answers, HttpsSpec, Site};
use selfheal_core::world::InstanceId;

use super::boots::served_bytes;
use crate::boot_lab::authority::{Authority, BUSY_DIRECTORY, DIRECTORY};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, output, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{Context, TaskError, TaskResult};

/// The name that the certificate is for.
pub const NAME: &str = "app.example.com";
/// Where instances find by what to know the authority.
const CA_BUNDLE: &str = "/etc/lab-ca.pem";
/// Where certificates are.
pub const TLS: &str = "/srv/data/.selfheal/tls";

/// A stack that has HTTPS before the lab's app, and asks this authority.
pub fn options(authority: &Authority, directory: &str) -> Options {
    Options {
        files: vec![(CA_BUNDLE.to_owned(), authority.certificate.clone())],
        https: Some(HttpsSpec {
            email: Some("ops@example.com".to_owned()),
            ca: directory.to_owned(),
            ca_bundle: Some(CA_BUNDLE.to_owned()),
            ..HttpsSpec::new(vec![Site {
                domains: vec![NAME.to_owned()],
                answers: Answers::Upstreams(vec!["127.0.0.1:8080".to_owned()]),
            }])
        }),
        ..Options::default()
    }
}

/// Makes the stack, whose name leads to its address, and lets its group launch.
pub fn launch(lab: &mut Lab, options: &Options) -> TaskResult<Cloud> {
    let cloud = lab.prepare(options)?;
    point(lab, &cloud)?;
    cloud.run();
    Ok(cloud)
}

/// Lets the name lead to the stack's address.
pub fn point(lab: &mut Lab, cloud: &Cloud) -> TaskResult<()> {
    lab.point(NAME, &cloud.stack.public_ip)
}

/// Asks for a page by HTTPS over the Elastic IP, from outside; `trust` is a file of roots, or nothing is verified.
pub fn https_get(lab: &Lab, cloud: &Cloud, trust: Option<&str>, path: &str) -> TaskResult<String> {
    let resolve = format!("{NAME}:443:{}", cloud.stack.public_ip);
    let url = format!("https://{NAME}{path}");
    let mut words = vec!["curl", "-sS", "--fail", "--max-time", "5", "--resolve", &resolve];
    match trust {
        Some(roots) => words.extend(["--cacert", roots]),
        None => words.push("--insecure"),
    }
    words.push(&url);
    lab.tool(&words)
}

/// The serial of the certificate that is served over the Elastic IP.
pub fn serial(lab: &Lab, cloud: &Cloud) -> TaskResult<String> {
    let command = format!(
        "openssl s_client -connect {}:443 -servername {NAME} </dev/null 2>/dev/null | openssl x509 -noout -serial",
        cloud.stack.public_ip
    );
    lab.tool(&["bash", "-c", &command])
}

/// Waits until what was issued is served.
pub fn await_trusted(lab: &Lab, cloud: &Cloud, roots: &str, limit_s: u64) -> TaskResult<()> {
    wait_for(
        "page with a certificate of the authority",
        Duration::from_secs(limit_s),
        || Ok(https_get(lab, cloud, Some(roots), "/birth").ok().map(drop)),
    )
}

/// A first certificate, and a replacement that serves it without a word to the authority.
pub fn first_and_replacement(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let cloud = launch(lab, &options(&authority, DIRECTORY))?;
    let first = cloud.await_in_service(1, 90)?;
    // The boot waited for nginx, and for nobody's certificate.
    https_get(lab, &cloud, None, "/birth")?;
    ensure(https_get(lab, &cloud, Some(&roots), "/birth").is_err(), || {
        "it is trusted before it was asked for".to_owned()
    })?;
    await_trusted(lab, &cloud, &roots, 90)?;
    ensure(authority.orders(lab)? == 1, || "more than one order".to_owned())?;
    let (before, asked) = (serial(lab, &cloud)?, authority.requests(lab)?.len());
    keeps_its_key(lab, &cloud, &first)?;
    redirects(lab, &cloud)?;
    let cut = Instant::now();
    cloud.cut_power(&first)?;
    cloud.sim.kill_instance(&first);
    let second = cloud.await_in_service(2, 90)?;
    await_trusted(lab, &cloud, &roots, 10)?;
    let seconds = cut.elapsed().as_secs_f64();
    ensure(serial(lab, &cloud)? == before, || {
        "it is another certificate".to_owned()
    })?;
    served_bytes(&cloud)?;
    // Its first look comes ten seconds after its boot.
    let due = "/run/selfheal/tls/due";
    wait_for("first look of the replacement", Duration::from_secs(60), || {
        Ok(cloud.run_in(&second, &["cat", due]).ok().map(drop))
    })?;
    ensure(authority.requests(lab)?.len() == asked, || {
        "the replacement has asked the authority".to_owned()
    })?;
    ensure(
        cloud.run_in(&second, &["sh", "-c", "! command -v certbot"]).is_ok(),
        || "the replacement has installed certbot".to_owned(),
    )?;
    lab.note(format!(
        "the same certificate {seconds:.1} s after the power cut, without a call to the authority"
    ));
    Ok(())
}

/// The key is root's alone, and nowhere but on the volume.
fn keeps_its_key(lab: &Lab, cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let modes = cloud.run_in(
        id,
        &["stat", "-L", "-c", "%a %U", TLS, &format!("{TLS}/current/key.pem")],
    )?;
    ensure(modes == "700 root\n600 root\n", || format!("the modes are {modes}"))?;
    let key = cloud.run_in(id, &["cat", &format!("{TLS}/current/key.pem")])?;
    let line = key
        .lines()
        .nth(1)
        .ok_or_else(|| TaskError::failed("a key of one line"))?;
    let root = cloud.machine(id, |machine| Ok(machine.root()))?;
    let mut found = Vec::new();
    for place in [root.as_path(), lab.config().logs.as_path()] {
        found.extend(files_with(place, line)?);
    }
    let journal = cloud.run_in(id, &["journalctl", "--quiet", "--output=cat"])?;
    ensure(found.is_empty() && !journal.contains(line), || {
        format!("the key is in {found:?}")
    })
}

/// The files of this filesystem below a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> TaskResult<Vec<String>> {
    let mut command = std::process::Command::new("sh");
    let script = "find \"$1\" -xdev -type f -exec grep -lF -e \"$2\" {} + || :";
    command.args(["-c", script, "sh"]).arg(folder).arg(text);
    Ok(output(&mut command)?.lines().map(str::to_owned).collect())
}

/// Whatever comes by HTTP is sent to HTTPS, but for the authority.
fn redirects(lab: &Lab, cloud: &Cloud) -> TaskResult<()> {
    let url = format!("http://{}/a?b=c", cloud.stack.public_ip);
    let header = format!("Host: {NAME}");
    let format = "%{http_code} %{redirect_url}";
    let told = lab.tool(&["curl", "-s", "-o", "/dev/null", "-H", &header, "-w", format, &url])?;
    ensure(told == format!("301 https://{NAME}/a?b=c"), || {
        format!("port 80 answers {told}")
    })
}

/// Everything that may go wrong with an authority, and with what leads to it: the boot goes well, what there is is served, and
/// however many instances ask, they make three orders an hour.
pub fn hardships(lab: &mut Lab) -> TaskResult<()> {
    let mut authority = Authority::prepare(lab)?;
    let options = options(&authority, BUSY_DIRECTORY);
    let cloud = lab.prepare(&options)?;
    // The name leads elsewhere: nobody is asked.
    lab.point(NAME, "10.77.0.1")?;
    cloud.run();
    let first = cloud.await_in_service(1, 90)?;
    https_get(lab, &cloud, None, "/birth")?;
    let wrong = format!(
        "{NAME} has 10.77.0.1, and it has to have an A record of {}",
        cloud.stack.public_ip
    );
    cloud.await_console(&first, &wrong, 60)?;
    ensure(attempts(&cloud, &first)?.is_empty(), || {
        "an attempt was counted".to_owned()
    })?;
    // It leads here, and the authority is away.
    point(lab, &cloud)?;
    look(&cloud, &first)?;
    cloud.await_console(&first, "no certificate yet: https://ca.lab:14001/dir: ", 60)?;
    ensure(attempts(&cloud, &first)?.lines().count() == 1, || {
        "no attempt was counted".to_owned()
    })?;
    // It is back, and so busy that it takes no order for two hours.
    authority.start(lab, 5)?;
    authority.start_busy(lab)?;
    forget(&cloud, &first)?;
    look(&cloud, &first)?;
    cloud.await_console(&first, "too many certificates already issued", 60)?;
    let noted = attempts(&cloud, &first)?;
    ensure(noted.ends_with(" until\n"), || format!("the attempts are {noted}"))?;
    crash_loop(lab, &cloud, &mut authority, &first)
}

/// Instance after instance dies, and each looks at once: the two hours hold, and then the three orders an hour.
fn crash_loop(lab: &mut Lab, cloud: &Cloud, authority: &mut Authority, first: &InstanceId) -> TaskResult<()> {
    let busy = lab.config().logs.join("busy-authority.log");
    let orders = || -> TaskResult<usize> {
        let text = std::fs::read_to_string(&busy).context(|| format!("read {}", busy.display()))?;
        Ok(text.lines().filter(|line| line.contains("POST /order-plz")).count())
    };
    let before = orders()?;
    let mut id = first.clone();
    for nth in 2..=4 {
        cloud.cut_power(&id)?;
        cloud.sim.kill_instance(&id);
        id = cloud.await_in_service(nth, 90)?;
        https_get(lab, cloud, None, "/birth")?;
        cloud.await_console(&id, "the authority is asked again after", 60)?;
        for _ in 0..3 {
            look(cloud, &id)?;
        }
    }
    ensure(orders()? == before, || {
        "a crash loop has asked a busy authority".to_owned()
    })?;
    // The two hours are over; it refuses each order, and each instance looks again and again.
    cloud.run_in(&id, &["sed", "-i", "/until/d", &format!("{TLS}/attempts")])?;
    for _ in 0..5 {
        look(cloud, &id)?;
        cloud.run_in(&id, &["sed", "-i", "/until/d", &format!("{TLS}/attempts")])?;
    }
    let noted = attempts(cloud, &id)?;
    ensure(noted.lines().count() <= 3, || format!("the attempts are {noted}"))?;
    authority.stop();
    lab.note(format!("{} orders in a crash loop of {} looks", orders()?, 3 * 4 + 5));
    Ok(())
}

/// What the volume knows of the attempts.
fn attempts(cloud: &Cloud, id: &InstanceId) -> TaskResult<String> {
    let script = format!("cat {TLS}/attempts 2>/dev/null || :");
    cloud.run_in(id, &["sh", "-c", &script])
}

/// Lets the attempts be of another week.
pub fn forget(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    cloud.run_in(id, &["rm", "-f", &format!("{TLS}/attempts")]).map(drop)
}

/// Lets an instance look now, and waits until it has.
pub fn look(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    // A look of the timer's may be under way: a second start waits for that one and is none of its own.
    let script = "rm -f /run/selfheal/tls/due; systemctl start selfheal-tls.service; rm -f /run/selfheal/tls/due; \
                  systemctl start selfheal-tls.service";
    cloud.run_in(id, &["sh", "-c", script]).map(drop)
}
