//! Endpoints in the environment and in the profile, looked at before any client is made with them.

use aws_config::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::backend::CallResult;
use crate::error::{CallError, CallErrorKind};

/// The variable of every service; those of single services have their name behind it.
const VARIABLE: &str = "AWS_ENDPOINT_URL";
/// The services that are called, as AWS names them in configuration.
const SERVICES: [&str; 6] = ["EC2", "Auto Scaling", "IAM", "Route 53", "SSM", "STS"];

/// The configuration without endpoints that are set to nothing, which mean to every AWS tool that there are none; the SDK
/// would panic at them.
///
/// # Errors
/// An endpoint is no URL.
pub(super) fn checked(config: SdkConfig) -> CallResult<SdkConfig> {
    let global = config.endpoint_url().filter(|url| !is_nothing(url)).map(str::to_owned);
    let mut builder = config.clone().into_builder();
    builder.set_endpoint_url(global.clone());
    builder.set_service_config(Some(SetToSomething(config)));
    let config = builder.build();
    if let Some(url) = global {
        check(VARIABLE, &url)?;
    }
    for service in SERVICES {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env(VARIABLE)
            .profile("endpoint_url")
            .build();
        let of_service = key.ok().and_then(|key| config.service_config()?.load_config(key));
        if let Some(url) = of_service {
            check(
                &format!("{VARIABLE}_{}", service.to_uppercase().replace(' ', "_")),
                &url,
            )?;
        }
    }
    Ok(config)
}

/// A service's configuration, without what is set to nothing.
#[derive(Debug)]
struct SetToSomething(SdkConfig);

impl LoadServiceConfig for SetToSomething {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let value = self.0.service_config()?.load_config(key)?;
        (!is_nothing(&value)).then_some(value)
    }
}

fn is_nothing(value: &str) -> bool {
    value.trim().is_empty()
}

fn check(variable: &str, url: &str) -> CallResult<()> {
    if is_url(url) {
        return Ok(());
    }
    let message = format!(
        "the endpoint `{}` is no URL such as http://127.0.0.1:5000: it comes from {variable}, from the profile, or from the \
         command line",
        url.escape_debug()
    );
    Err(CallError::new(CallErrorKind::Unreachable, "sdk:Connect", message))
}

/// Whether it is `http://` or `https://`, a host, perhaps a port, and perhaps a path.
fn is_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let sound_host = match host.strip_prefix('[') {
        Some(v6) => v6
            .strip_suffix(']')
            .is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    };
    let sound_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let sound_path = rest.bytes().all(|byte| {
        byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'?' | b'#' | b'<' | b'>' | b'"' | b'`' | b'{' | b'}' | b'|' | b'\\' | b'^'
            )
    });
    sound_host && sound_port && sound_path
}

#[cfg(test)]
mod tests {
    use super::is_url;

    #[test]
    fn a_url_has_a_scheme_a_host_and_a_port_that_exists() {
        for url in [
            "http://127.0.0.1:5000",
            "https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com",
            "http://[::1]:80/x",
            "http://localhost/",
        ] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "",
            " ",
            "localhost:5000",
            "ftp://x",
            "http://",
            "http://:80",
            "http://x:0",
            "http://x:99999",
            "http://a b",
            "http://[::",
            "http://é",
            "http://x/\u{0}",
            ":::",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }
}
