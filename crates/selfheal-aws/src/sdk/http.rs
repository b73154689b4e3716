//! One pool of HTTP connections for all services, with the trust roots loaded once and only where TLS is spoken.
//!
//! Left alone, each service client parses the system's trust roots when it is made: six times some 140 certificates
//! before the first request, also where the endpoint is plain HTTP on loopback.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The HTTP client that every service client and every credentials provider shares.
pub(super) fn shared_client() -> SharedHttpClient {
    SharedHttpClient::new(Pool::default())
}

/// Whether a request goes out in plain text or over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Plain,
    Tls,
}

impl Scheme {
    fn of(uri: &str) -> Self {
        if uri.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:")) {
            Self::Tls
        } else {
            Self::Plain
        }
    }
}

/// Connectors, each of which is a pool, by scheme and by the time-outs that are built into it.
type Connectors = HashMap<(Scheme, Option<Duration>, Option<Duration>), SharedHttpConnector>;

#[derive(Clone, Debug, Default)]
struct Pool {
    connectors: Arc<Mutex<Connectors>>,
}

impl Pool {
    fn connector(
        &self,
        scheme: Scheme,
        settings: &HttpConnectorSettings,
    ) -> Result<SharedHttpConnector, ConnectorError> {
        let key = (scheme, settings.connect_timeout(), settings.read_timeout());
        // A panic while the lock was held leaves the map as it was: an insertion happens or does not.
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = connectors.get(&key) {
            return Ok(connector.clone());
        }
        // No trust roots are needed to speak plain HTTP, and loading them is most of the cost of a connector.
        let roots = TrustStore::empty().with_native_roots(scheme == Scheme::Tls);
        let context = TlsContext::builder()
            .with_trust_store(roots)
            .build()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let connector = Connector::builder()
            .connector_settings(settings.clone())
            // Proxies come from the environment, as in every AWS tool.
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context)
            .build();
        let connector = SharedHttpConnector::new(connector);
        connectors.insert(key, connector.clone());
        Ok(connector)
    }
}

impl HttpClient for Pool {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(ByScheme {
            pool: self.clone(),
            settings: settings.clone(),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("hyper", Some(Cow::Borrowed("1.x"))))
    }
}

/// Picks the connector when the request, and with it the scheme, is known.
#[derive(Debug)]
struct ByScheme {
    pool: Pool,
    settings: HttpConnectorSettings,
}

impl HttpConnector for ByScheme {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.pool.connector(Scheme::of(request.uri()), &self.settings) {
            Ok(connector) => connector.call(request),
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_read_from_the_uri() {
        assert_eq!(Scheme::of("https://ec2.eu-west-1.amazonaws.com/"), Scheme::Tls);
        assert_eq!(Scheme::of("HTTPS://ec2.eu-west-1.amazonaws.com/"), Scheme::Tls);
        assert_eq!(Scheme::of("http://127.0.0.1:5000/"), Scheme::Plain);
        assert_eq!(Scheme::of(""), Scheme::Plain);
    }

    #[test]
    fn a_connector_is_made_once_for_each_scheme_and_time_out() {
        let pool = Pool::default();
        let quick = HttpConnectorSettings::builder()
            .connect_timeout(Duration::from_secs(1))
            .build();
        let slow = HttpConnectorSettings::builder()
            .connect_timeout(Duration::from_secs(3))
            .build();
        for settings in [&quick, &slow, &quick, &slow] {
            pool.connector(Scheme::Plain, settings).unwrap();
        }
        assert_eq!(pool.connectors.lock().unwrap().len(), 2);
    }
}
