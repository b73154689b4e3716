//! nginx's configuration.

use std::fmt::Write as _;

use crate::https::{Answers, Https};

/// The beginning of nginx's configuration: nothing in it hangs on the stack.
///
/// Messages go to the journal, which is bounded and can be shipped. TLS is Mozilla's intermediate profile (guideline 5.7); since
/// keys are of elliptic curves, its ciphers for RSA are left out. What a client says of itself in headers is not passed on as
/// the truth: nobody stands between it and nginx.
const HEAD: &str = "\
# selfheal writes this file anew with each launch.
worker_processes auto;
pid /run/selfheal/nginx.pid;
error_log syslog:server=unix:/dev/log,nohostname,tag=nginx warn;
events { worker_connections 8192; }
http {
access_log syslog:server=unix:/dev/log,nohostname,tag=nginx;
include /etc/nginx/mime.types;
default_type application/octet-stream;
server_tokens off;
sendfile on;
tcp_nopush on;
keepalive_timeout 65s;
server_names_hash_bucket_size 512;
ssl_certificate /run/selfheal/tls/live/fullchain.pem;
ssl_certificate_key /run/selfheal/tls/live/key.pem;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305;
ssl_prefer_server_ciphers off;
ssl_session_timeout 1d;
ssl_session_cache shared:selfheal:10m;
ssl_session_tickets off;
proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $selfheal_connection;
map $http_upgrade $selfheal_connection { default upgrade; '' ''; }
server {
listen 80 default_server;
location ^~ /.well-known/acme-challenge/ { root /run/selfheal-acme; default_type text/plain; }
location / { return 301 https://$host$request_uri; }
}
";

/// What each site includes, of what a boot finds out: whether browsers are told to insist on HTTPS.
const HSTS: &str = "/run/selfheal/nginx-hsts.conf";
/// What each site includes of what the user tells nginx, as far as it takes it.
const EXTRA: &str = "/run/selfheal/nginx-extra.conf";

/// Returns nginx's configuration.
pub(crate) fn nginx_conf(https: &Https) -> String {
    let mut text = String::from(HEAD);
    let (mib, timeout_s) = (https.body_mib_max, https.timeout_s);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "client_max_body_size {mib}m;\nproxy_read_timeout {timeout_s}s;\nproxy_send_timeout {timeout_s}s;\n"
    );
    let extra = match &https.extra {
        Some(_) => format!("include {EXTRA};\n"),
        None => String::new(),
    };
    // The first is for whoever asks for no name, or for another.
    let mut default = " default_server";
    for (place, site) in https.sites.iter().enumerate() {
        let answers = match &site.answers {
            Answers::Upstreams(servers) => {
                let name = format!("selfheal{place}");
                let servers: String = servers.iter().map(|server| format!("server {server}; ")).collect();
                let _ = writeln!(text, "upstream {name} {{ {servers}keepalive 16; }}");
                format!("location / {{ proxy_pass http://{name}; }}")
            }
            Answers::Root(path) => format!("root {path};\nlocation / {{ try_files $uri $uri/ =404; }}"),
        };
        let names = site.domains.join(" ");
        let _ = write!(
            text,
            "server {{\nlisten 443 ssl http2{default};\nserver_name {names};\ninclude {HSTS};\n{extra}{answers}\n}}\n"
        );
        default = "";
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::nginx_conf;
    use crate::https::{Answers, Challenge, Https, LETS_ENCRYPT, Site};

    #[test]
    fn each_site_has_its_own_server_and_all_have_the_same_limits() {
        let site = |domain: &str, answers| Site {
            domains: vec![domain.into(), format!("www.{domain}")],
            answers,
        };
        let servers = Answers::Upstreams(vec!["127.0.0.1:8080".into(), "unix:/run/app.sock".into()]);
        let mut https = Https {
            sites: vec![site("a.b", servers), site("c.d", Answers::Root("/srv/data/www".into()))],
            email: None,
            ca: LETS_ENCRYPT.into(),
            ca_bundle: None,
            body_mib_max: 100,
            timeout_s: 300,
            hsts: true,
            extra: Some("gzip on;".into()),
            challenge: Challenge::Http,
        };
        let text = nginx_conf(&https);
        let end = "\
client_max_body_size 100m;
proxy_read_timeout 300s;
proxy_send_timeout 300s;
upstream selfheal0 { server 127.0.0.1:8080; server unix:/run/app.sock; keepalive 16; }
server {
listen 443 ssl http2 default_server;
server_name a.b www.a.b;
include /run/selfheal/nginx-hsts.conf;
include /run/selfheal/nginx-extra.conf;
location / { proxy_pass http://selfheal0; }
}
server {
listen 443 ssl http2;
server_name c.d www.c.d;
include /run/selfheal/nginx-hsts.conf;
include /run/selfheal/nginx-extra.conf;
root /srv/data/www;
location / { try_files $uri $uri/ =404; }
}
}
";
        assert!(text.ends_with(end), "{text}");
        assert_eq!(text.matches("client_max_body_size").count(), 1);
        https.extra = None;
        assert!(!nginx_conf(&https).contains("extra"));
    }
}
