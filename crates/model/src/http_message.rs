//! HTTP messages as transport hooks see them.

use crate::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Headers that authors look up without caring for case; a missing header reads as `""`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(HeaderMap);

/// The client's HTTP request. Method and path are fixed; the rest may be edited.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    method: Method,
    path: String,
    /// The query, decoded, in its order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// The response the client will get, or one that a plugin answers with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// 100 to 599.
    pub status: u16,
    /// The headers.
    #[serde(default)]
    pub headers: Headers,
    /// The body.
    #[serde(default)]
    pub body: Body,
}

// === impl Headers ===

impl Headers {
    /// The first value of `name` as text; `""` if there is none or it is not text.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether `name` is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets `name` to one value. Answers false, and changes nothing, if either is not legal in HTTP.
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.0.insert(name, value);
                true
            }
            _ => false,
        }
    }

    /// Takes `name` out, all its values.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Names and values that are text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// The typed map.
    pub fn as_map(&self) -> &HeaderMap {
        &self.0
    }

    /// The typed map, to edit.
    pub fn as_map_mut(&mut self) -> &mut HeaderMap {
        &mut self.0
    }

    /// The typed map.
    pub fn into_map(self) -> HeaderMap {
        self.0
    }
}

/// In documents headers are pairs of name and value, those that are text.
impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // An iterator does not know how many there are, and a document tells it first.
        let mut pairs = serializer.serialize_seq(Some(self.iter().count()))?;
        self.iter().try_for_each(|pair| pairs.serialize_element(&pair))?;
        pairs.end()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        let too_many = |_| serde::de::Error::custom("there are too many headers");
        let mut map = HeaderMap::try_with_capacity(pairs.len()).map_err(too_many)?;
        for (name, value) in pairs {
            let (Ok(legal), Ok(value)) = (HeaderName::try_from(&*name), HeaderValue::try_from(value)) else {
                return Err(serde::de::Error::custom(format!("`{name}` or its value is not legal in a header")));
            };
            map.try_append(legal, value).map_err(too_many)?;
        }
        Ok(Self(map))
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        Self(map)
    }
}

// === impl HttpRequest ===

impl HttpRequest {
    /// A request with this method, path (without the query), query, headers and body.
    pub fn new(
        method: Method,
        path: String,
        query: Vec<(String, String)>,
        headers: Headers,
        body: impl Into<Body>,
    ) -> Self {
        Self { method, path, query, headers, body: body.into() }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The first value of a query parameter: exact name first, then without regard to case; `""` if there is none.
    pub fn query(&self, name: &str) -> &str {
        let exact = self.query.iter().find(|(key, _)| key == name);
        let found = exact.or_else(|| self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
        found.map_or("", |(_, value)| value)
    }
}

// === impl HttpResponse ===

impl HttpResponse {
    /// A response with this status and body, and no headers.
    pub fn new(status: u16, body: impl Into<Body>) -> Self {
        Self { status, headers: Headers::default(), body: body.into() }
    }

    /// A response with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let mut response = Self::new(status, body.to_string());
        response.headers.set("content-type", "application/json");
        response
    }
}

#[cfg(test)]
mod tests;
