//! A client of the registry protocol (OCI distribution specification), for pulling only.
//!
//! `oci-client` was tried first. It keeps a manifest of any length in memory, drops the reason when a token is refused, knows
//! mirrors only without a path, and brings a second TLS provider; so these few requests are made with reqwest directly.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;

use super::digest::Digest;
use super::manifest::{MANIFEST_TYPES, MAX_DOCUMENT_BYTES};
pub use credentials::Credentials;
pub(crate) use endpoint::{Endpoint, Role};
pub use endpoint::{Mirror, MirrorError};
pub use error::RegistryError;

mod challenge;
mod credentials;
mod endpoint;
mod error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_ERROR_BYTES: u64 = 64 << 10;
const MAX_TOKEN_BYTES: u64 = 1 << 20;
const MAX_ATTEMPTS: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// A repository of a registry, reached at one address.
pub(crate) struct Registry {
    client: Client,
    endpoint: Endpoint,
    /// As the endpoint's registry knows it: with a mirror's prefix.
    repository: String,
    credentials: Option<Credentials>,
    /// What the last challenge was answered with.
    authorization: Mutex<Option<HeaderValue>>,
}

impl Registry {
    pub(crate) fn new(endpoint: Endpoint, repository: &str, credentials: Option<Credentials>) -> Result<Self, RegistryError> {
        // The process may have a provider already; any will do.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("skiff/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .https_only(endpoint.is_https());
        if endpoint.is_loopback() {
            // A proxy has its own idea of what 127.0.0.1 is.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| RegistryError::request(&endpoint, &error))?;
        let repository = endpoint.repository(repository);
        Ok(Registry { client, endpoint, repository, credentials, authorization: Mutex::default() })
    }

    /// A manifest or an index by tag or digest, with its digest.
    pub(crate) async fn manifest(&self, tag_or_digest: &str) -> Result<(Vec<u8>, Digest), RegistryError> {
        let url = self.endpoint.url(&format!("{}/manifests/{tag_or_digest}", self.repository));
        let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MANIFEST_TYPES))]);
        let bytes = self.document(&url, &accept).await?;
        let digest = Digest::of(&bytes);
        match Digest::parse(tag_or_digest) {
            Ok(expected) if expected != digest => Err(RegistryError::Digest { expected, found: digest }),
            _ => Ok((bytes, digest)),
        }
    }

    /// A small blob as a whole.
    pub(crate) async fn small_blob(&self, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let bytes = self.document(&self.blob_url(digest), &HeaderMap::new()).await?;
        let found = Digest::of(&bytes);
        if found == *digest { Ok(bytes) } else { Err(RegistryError::Digest { expected: digest.clone(), found }) }
    }

    /// Begins to read a blob at an offset. The answer tells whether the registry begins there or at the start.
    pub(crate) async fn blob(&self, digest: &Digest, offset: u64) -> Result<(Response, BlobStart), RegistryError> {
        let mut headers = HeaderMap::new();
        if offset > 0 {
            let range = HeaderValue::try_from(format!("bytes={offset}-"));
            headers.insert(RANGE, range.expect("digits are a header's value"));
        }
        let response = self.get(&self.blob_url(digest), &headers).await?;
        let start = if response.status() == StatusCode::PARTIAL_CONTENT { BlobStart::AtOffset } else { BlobStart::AtZero };
        Ok((response, start))
    }

    /// How often and after what delay something is tried again; none if it is not.
    pub(crate) fn delay_after(error: &RegistryError, attempt: u32) -> Option<Duration> {
        if attempt + 1 >= MAX_ATTEMPTS || !error.is_transient() {
            return None;
        }
        let delay = error.retry_after().unwrap_or(FIRST_DELAY * 2u32.saturating_pow(attempt));
        Some(delay.min(LONGEST_DELAY))
    }

    /// The address, for messages.
    pub(crate) fn shown(&self) -> String {
        self.endpoint.to_string()
    }

    pub(crate) fn request_error(&self, error: &reqwest::Error) -> RegistryError {
        RegistryError::request(&self.endpoint, error)
    }

    fn blob_url(&self, digest: &Digest) -> String {
        self.endpoint.url(&format!("{}/blobs/{digest}", self.repository))
    }

    async fn document(&self, url: &str, headers: &HeaderMap) -> Result<Vec<u8>, RegistryError> {
        let mut attempt = 0;
        loop {
            let result = match self.get(url, headers).await {
                Ok(response) => self.body(response, MAX_DOCUMENT_BYTES).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(bytes) => return Ok(bytes),
                Err(error) => match Self::delay_after(&error, attempt) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(error),
                },
            }
            attempt += 1;
        }
    }

    async fn body(&self, mut response: Response, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.request_error(&error))? {
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(RegistryError::TooLarge { registry: self.endpoint.to_string(), limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Sends a request, answers the registry's challenge if it has one, and sorts out errors.
    async fn get(&self, url: &str, headers: &HeaderMap) -> Result<Response, RegistryError> {
        let request = || self.client.get(url).headers(headers.clone());
        let response = self.send(self.authorized(request())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.check(response).await;
        }
        let Some(authorization) = self.answer(response.headers()).await? else {
            return self.check(response).await;
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        self.check(self.send(self.authorized(request())).await?).await
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        let authorization = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, RegistryError> {
        request.send().await.map_err(|error| self.request_error(&error))
    }

    async fn check(&self, response: Response) -> Result<Response, RegistryError> {
        let status = response.status();
        if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
            return Ok(response);
        }
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = self.body(response, MAX_ERROR_BYTES).await.unwrap_or_default();
        Err(RegistryError::answer(&self.endpoint, status, &body, seconds.map(Duration::from_secs)))
    }

    /// The header that a challenge asks for; none if we have nothing to answer.
    async fn answer(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, RegistryError> {
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<challenge::Challenge> = challenges.flat_map(challenge::parse).collect();
        if let Some(Credentials::Token(token)) = &self.credentials {
            return Ok(credentials::bearer(token));
        }
        let bearer = challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"));
        if let Some(challenge) = bearer {
            return self.token(challenge).await.map(|token| credentials::bearer(&token));
        }
        let basic = challenges.iter().any(|challenge| challenge.scheme.eq_ignore_ascii_case("basic"));
        Ok(self.credentials.as_ref().filter(|_| basic).and_then(Credentials::basic))
    }

    /// Asks the token server that the challenge names.
    async fn token(&self, challenge: &challenge::Challenge) -> Result<String, RegistryError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let failed = |reason: &str| RegistryError::Token { registry: self.endpoint.to_string(), reason: reason.to_owned() };
        let realm = challenge.parameter("realm").ok_or_else(|| failed("its challenge names no token server"))?;
        let mut url = reqwest::Url::parse(realm).map_err(|_| failed("its challenge names no token server"))?;
        // Over https this client sends nothing to http addresses, so a password goes out in the clear only if the
        // registry itself is configured to be reached that way.
        let own_scope = format!("repository:{}:pull", self.repository);
        let scope = challenge.parameter("scope").unwrap_or(&own_scope);
        url.query_pairs_mut().append_pair("scope", scope);
        if let Some(service) = challenge.parameter("service") {
            url.query_pairs_mut().append_pair("service", service);
        }
        let mut request = self.client.get(url);
        if let Some(basic) = self.credentials.as_ref().and_then(Credentials::basic) {
            request = request.header(AUTHORIZATION, basic);
        }
        let response = self.check(self.send(request).await?).await?;
        let body = self.body(response, MAX_TOKEN_BYTES).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| failed("its token server's answer is malformed"))?;
        answer.token.or(answer.access_token).ok_or_else(|| failed("its token server gave no token"))
    }
}

/// Where a blob's answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobStart {
    /// Where we asked for.
    AtOffset,
    /// The registry sends everything.
    AtZero,
}
