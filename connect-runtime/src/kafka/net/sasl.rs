//! Logging in: PLAIN, SCRAM and OAUTHBEARER inside SaslAuthenticate requests.

use tokio::time::{Duration, Instant};

use super::codec::{Decoder, Encoder};
use super::connection::Connection;
use super::error::Code;
use super::request::Request;
use super::scram::{Hash, Scram};
use crate::kafka::oauth::Tokens;
use crate::kafka::security::{Login, Sasl};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

struct Handshake(&'static str);

struct Mechanisms {
    code: Code,
    enabled: Vec<String>,
}

impl Request for Handshake {
    const KEY: i16 = 17;
    const NAME: &'static str = "SaslHandshake";
    const OLDEST: i16 = 1;
    const NEWEST: i16 = 1;
    const FLEXIBLE: i16 = i16::MAX;
    type Response = Mechanisms;

    fn encode(&self, _: i16, to: &mut Encoder) {
        to.string(self.0);
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Mechanisms> {
        let code = Code(from.i16()?);
        let enabled = from.array(|from| from.string().map(str::to_owned))?;
        Ok(Mechanisms { code, enabled })
    }
}

/// One message of a mechanism. It has no `Debug`: it may be a password.
struct Authenticate(Vec<u8>);

struct Authenticated {
    code: Code,
    said: Option<String>,
    bytes: Vec<u8>,
    lifetime: Duration,
}

impl Request for Authenticate {
    const KEY: i16 = 36;
    const NAME: &'static str = "SaslAuthenticate";
    const OLDEST: i16 = 0;
    const NEWEST: i16 = 2;
    const FLEXIBLE: i16 = 2;
    type Response = Authenticated;

    fn encode(&self, _: i16, to: &mut Encoder) {
        to.bytes(&self.0);
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Authenticated> {
        let code = Code(from.i16()?);
        let said = from.nullable_string()?.map(str::to_owned);
        let bytes = from.bytes()?.to_vec();
        let lifetime = if version >= 1 { from.i64()? } else { 0 };
        let lifetime = Duration::from_millis(u64::try_from(lifetime).unwrap_or_default());
        Ok(Authenticated { code, said, bytes, lifetime })
    }
}

/// Logs in. Where the broker limits the time, the connection knows when it is stale.
pub(super) async fn log_in(connection: &mut Connection, sasl: &Sasl, patience: Duration) -> Result<()> {
    let mechanism = match sasl {
        Sasl::Plain(_) => "PLAIN",
        Sasl::ScramSha256(_) => "SCRAM-SHA-256",
        Sasl::ScramSha512(_) => "SCRAM-SHA-512",
        Sasl::OauthBearer(_) => "OAUTHBEARER",
    };
    let answer = connection.call(&Handshake(mechanism), patience).await?;
    if !answer.code.is_ok() {
        let said = format!("it knows {}, not {mechanism}", answer.enabled.join(", "));
        return Err(answer.code.failed(logging_in(connection, mechanism), Some(&said)));
    }
    let mut dialogue = Dialogue { connection, mechanism, patience };
    let lifetime = match sasl {
        Sasl::Plain(login) => {
            let message = format!("\0{}\0{}", login.username, login.password);
            dialogue.say(message.into_bytes()).await?.lifetime
        }
        Sasl::ScramSha256(login) => dialogue.scram(Hash::Sha256, login).await?,
        Sasl::ScramSha512(login) => dialogue.scram(Hash::Sha512, login).await?,
        Sasl::OauthBearer(tokens) => dialogue.oauth(tokens).await?,
    };
    if !lifetime.is_zero() {
        // Early enough that a request under way still finds the login valid.
        connection.expires = Some(Instant::now() + lifetime.mul_f64(0.85));
    }
    Ok(())
}

fn logging_in(connection: &Connection, mechanism: &str) -> String {
    format!("logging in to the broker {} with {mechanism}", connection.address())
}

struct Dialogue<'a> {
    connection: &'a mut Connection,
    mechanism: &'static str,
    patience: Duration,
}

impl Dialogue<'_> {
    async fn say(&mut self, message: Vec<u8>) -> Result<Authenticated> {
        let answer = self.connection.call(&Authenticate(message), self.patience).await?;
        if answer.code.is_ok() {
            return Ok(answer);
        }
        Err(answer.code.failed(logging_in(self.connection, self.mechanism), answer.said.as_deref()))
    }

    fn refusal(&self, why: &str) -> KafkaError {
        let message = format!("{}: the login fails: {why}", logging_in(self.connection, self.mechanism));
        KafkaError::new(KafkaErrorKind::Authentication, message)
    }

    async fn scram(&mut self, hash: Hash, login: &Login) -> Result<Duration> {
        let mut scram = Scram::new(hash, login).map_err(|why| self.refusal(&why))?;
        let first = self.say(scram.first().into_bytes()).await?;
        let proof = scram.prove(&first.bytes).map_err(|why| self.refusal(&why))?;
        let last = self.say(proof.into_bytes()).await?;
        scram.check(&last.bytes).map_err(|why| self.refusal(&why))?;
        Ok(last.lifetime)
    }

    async fn oauth(&mut self, tokens: &Tokens) -> Result<Duration> {
        let token = tokens.token().await?.value;
        let mut message = format!("n,,\u{1}auth=Bearer {token}\u{1}");
        for (key, value) in &tokens.extensions {
            message.push_str(&format!("{key}={value}\u{1}"));
        }
        message.push('\u{1}');
        let answer = self.say(message.into_bytes()).await?;
        if answer.bytes.is_empty() {
            return Ok(answer.lifetime);
        }
        // The reason came as a challenge; the failure itself comes after an empty answer to it.
        let reason = String::from_utf8_lossy(&answer.bytes).into_owned();
        self.say(vec![1]).await?;
        Err(self.refusal(&reason))
    }
}
