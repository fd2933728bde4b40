//! [`RequestSignature`]: how the workers of a group prove to each other that a request is theirs (KIP-507).
//!
//! The leader makes a session key and shares it in the config topic. Whoever sends one of the two internal REST requests
//! puts a MAC over the body into its headers.

use bytes::Bytes;

use crate::error::{Error, Result};

/// The header with the MAC, in base64.
pub const SIGNATURE_HEADER: &str = "X-Connect-Authorization";
/// The header with the name of the MAC's algorithm.
pub const ALGORITHM_HEADER: &str = "X-Connect-Request-Signature-Algorithm";

/// A request's body with the MAC that came with it.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestSignature {
    body: Bytes,
    algorithm: Mac,
    mac: Vec<u8>,
}

impl std::fmt::Debug for RequestSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestSignature").field("algorithm", &self.algorithm.name()).finish_non_exhaustive()
    }
}

/// The MACs that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mac {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Mac {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "HmacSHA1",
            Self::Sha256 => "HmacSHA256",
            Self::Sha384 => "HmacSHA384",
            Self::Sha512 => "HmacSHA512",
        }
    }

    /// Java's names of algorithms have no case.
    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mac| mac.name().eq_ignore_ascii_case(name))
    }

    fn algorithm(self) -> ring::hmac::Algorithm {
        match self {
            Self::Sha1 => ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => ring::hmac::HMAC_SHA256,
            Self::Sha384 => ring::hmac::HMAC_SHA384,
            Self::Sha512 => ring::hmac::HMAC_SHA512,
        }
    }
}

impl RequestSignature {
    /// Reads the two headers of a request with this body. `None`: one of them is missing.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a MAC that is no base64 or whose algorithm does not exist.
    pub fn from_headers(body: Bytes, mac: Option<&str>, algorithm: Option<&str>) -> Result<Option<Self>> {
        let (Some(mac), Some(algorithm)) = (mac, algorithm) else { return Ok(None) };
        let known = Mac::of(algorithm)
            .ok_or_else(|| Error::BadRequest(format!("Algorithm {algorithm} not available")))?;
        let mac = decode(mac).ok_or_else(|| {
            let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            Error::BadRequest(match mac.bytes().find(|byte| !alphabet(*byte)) {
                Some(illegal) => format!("Illegal base64 character {illegal:x}"),
                None => "Internal request signature is not valid base64".to_owned(),
            })
        })?;
        Ok(Some(Self { body, algorithm: known, mac }))
    }

    /// The values of both headers for a body: the MAC, and the name of the algorithm. `None`: no such algorithm.
    ///
    /// ```
    /// use connect_runtime::RequestSignature;
    ///
    /// let (mac, algorithm) = RequestSignature::sign(b"session key", "HmacSHA256", b"[]").unwrap();
    /// let received = RequestSignature::from_headers("[]".into(), Some(&mac), Some(algorithm))?;
    /// let allowed = ["HmacSHA256".to_owned()];
    /// RequestSignature::check(received.as_ref(), &allowed, Some(b"session key"))?;
    /// assert!(RequestSignature::check(received.as_ref(), &allowed, Some(b"another")).is_err());
    /// # Ok::<(), connect_runtime::Error>(())
    /// ```
    pub fn sign(key: &[u8], algorithm: &str, body: &[u8]) -> Option<(String, &'static str)> {
        let mac = Mac::of(algorithm)?;
        let key = ring::hmac::Key::new(mac.algorithm(), key);
        Some((encode(ring::hmac::sign(&key, body).as_ref()), mac.name()))
    }

    /// Whether a request may be obeyed: it is signed, with an algorithm that `inter.worker.verification.algorithms`
    /// allows, by somebody who has the session key.
    ///
    /// # Errors
    ///
    /// In Kafka's order: [`Error::BadRequest`] without a signature or for a forbidden algorithm,
    /// [`Error::Unavailable`] without a session key, [`Error::Forbidden`] for a wrong signature.
    pub fn check(signature: Option<&Self>, allowed: &[String], session_key: Option<&[u8]>) -> Result<()> {
        let Some(signature) = signature else {
            return Err(Error::BadRequest("Internal request missing required signature".to_owned()));
        };
        let algorithm = signature.algorithm.name();
        if !allowed.iter().any(|name| name.eq_ignore_ascii_case(algorithm)) {
            return Err(Error::BadRequest(format!(
                "This worker does not support the '{algorithm}' key signing algorithm used by other workers. This worker \
                 is currently configured to use: {}. Check that all workers' configuration files permit the same set of \
                 signature algorithms, and correct any misconfigured worker and restart it.",
                java_list(allowed)
            )));
        }
        let Some(key) = session_key else {
            return Err(Error::Unavailable(
                "This worker is still starting up and has not been able to read a session key from the config topic yet"
                    .to_owned(),
            ));
        };
        let key = ring::hmac::Key::new(signature.algorithm.algorithm(), key);
        ring::hmac::verify(&key, &signature.body, &signature.mac)
            .map_err(|_| Error::Forbidden("Internal request contained invalid signature.".to_owned()))
    }
}

fn java_list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> [String; 1] {
        ["HmacSHA256".to_owned()]
    }

    #[test]
    fn the_mac_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let (mac, _) =
            RequestSignature::sign(b"Jefe", "hmacsha256", b"what do ya want for nothing?").unwrap();
        assert_eq!(mac, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn each_check_has_its_code_and_they_come_in_order() {
        let signed = |key: &[u8], algorithm: &str| {
            let (mac, name) = RequestSignature::sign(key, algorithm, b"[]").unwrap();
            RequestSignature::from_headers(Bytes::from_static(b"[]"), Some(&mac), Some(name)).unwrap()
        };
        let check = |signature: Option<&RequestSignature>, key: Option<&[u8]>| {
            RequestSignature::check(signature, &allowed(), key).unwrap_err()
        };
        assert!(matches!(check(None, None), Error::BadRequest(_)));
        assert!(matches!(check(signed(b"k", "HmacSHA1").as_ref(), None), Error::BadRequest(_)));
        assert!(matches!(check(signed(b"k", "HmacSHA256").as_ref(), None), Error::Unavailable(_)));
        assert!(matches!(check(signed(b"k", "HmacSHA256").as_ref(), Some(b"x")), Error::Forbidden(_)));
    }

    #[test]
    fn headers_that_are_missing_or_malformed_are_told_apart() {
        let read = |mac, algorithm| RequestSignature::from_headers(Bytes::new(), mac, algorithm);
        assert_eq!(read(None, Some("HmacSHA256")).unwrap(), None);
        assert_eq!(read(Some("AA=="), None).unwrap(), None);
        assert!(matches!(read(Some("§"), Some("HmacSHA256")), Err(Error::BadRequest(_))));
        assert!(matches!(read(Some("AA=="), Some("Rot13")), Err(Error::BadRequest(_))));
    }
}
