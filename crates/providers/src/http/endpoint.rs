//! Addresses, parsed once.

use super::RequestBody;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};

/// A provider's `base_url`.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end; empty for none.
    path: String,
    query: Option<String>,
}

/// A `base_url` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not an absolute URL.
    #[error("is not a URL like https://host/v1")]
    Malformed,
    /// It is neither `http` nor `https`.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It holds a user name or password.
    #[error("must not hold credentials: put them into `keys` or a header")]
    Credentials,
}

/// Where requests of one kind go, in the forms that HTTP/1 and HTTP/2 want.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Path and query alone.
    origin_form: Uri,
    /// The whole URI.
    absolute_form: Uri,
    host: HeaderValue,
}

// === impl BaseUrl ===

impl BaseUrl {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let uri: Uri = url.trim().parse().map_err(|_| UrlError::Malformed)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(UrlError::Malformed);
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(UrlError::Scheme);
        }
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials);
        }
        if authority.host().is_empty() {
            return Err(UrlError::Malformed);
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        let query = uri.query().map(str::to_owned);
        Ok(Self { scheme: scheme.clone(), authority: authority.clone(), path, query })
    }

    /// Its path, without a slash at the end; empty for none.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The host, without the port.
    pub(crate) fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether requests go over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Scheme, host and port, as connectors want them.
    pub(crate) fn origin(&self) -> Result<Uri, UrlError> {
        self.uri("/")
    }

    /// The endpoint at `path`, below the base's own path and with its query.
    pub(crate) fn endpoint(&self, path: &str) -> Result<Endpoint, UrlError> {
        let mut whole = format!("{}{path}", self.path);
        if let Some(query) = &self.query {
            whole.push('?');
            whole.push_str(query);
        }
        let absolute_form = self.uri(&whole)?;
        let origin_form = whole.parse().map_err(|_| UrlError::Malformed)?;
        let host = HeaderValue::from_str(self.authority.as_str()).map_err(|_| UrlError::Malformed)?;
        Ok(Endpoint { origin_form, absolute_form, host })
    }

    fn uri(&self, path: &str) -> Result<Uri, UrlError> {
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.parse::<PathAndQuery>().map_err(|_| UrlError::Malformed)?);
        Uri::from_parts(parts).map_err(|_| UrlError::Malformed)
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// A POST, with the form of address that the connection's protocol wants.
    pub(crate) fn post(&self, http2: bool, mut headers: HeaderMap, body: RequestBody) -> Request<RequestBody> {
        if !http2 {
            headers.insert(header::HOST, self.host.clone());
        }
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = if http2 { self.absolute_form.clone() } else { self.origin_form.clone() };
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        *request.headers_mut() = headers;
        request
    }
}

#[cfg(test)]
mod tests;
