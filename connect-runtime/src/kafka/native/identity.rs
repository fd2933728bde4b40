//! Getting a producer id.

use tokio::time::{Instant, sleep};

use super::records::Identity;
use super::settings::Settings;
use crate::kafka::Result;
use crate::kafka::net::{Code, Contact, Decoder, Encoder, Request};

/// Asks for a producer id; with a transactional id it also fences older producers and ends what they left open.
#[derive(Debug)]
pub(super) struct InitProducerId<'a> {
    pub(super) transactional_id: Option<&'a str>,
    pub(super) transaction_timeout_millis: i32,
    /// What this producer had before, when it only wants a new epoch.
    pub(super) identity: Identity,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Initialized {
    pub(super) code: Code,
    pub(super) identity: Identity,
}

impl Request for InitProducerId<'_> {
    const KEY: i16 = 22;
    const NAME: &'static str = "InitProducerId";
    const OLDEST: i16 = 1;
    const NEWEST: i16 = 5;
    const FLEXIBLE: i16 = 2;
    type Response = Initialized;

    fn encode(&self, version: i16, to: &mut Encoder) {
        to.nullable_string(self.transactional_id);
        to.i32(self.transaction_timeout_millis);
        if version >= 3 {
            to.i64(self.identity.id);
            to.i16(self.identity.epoch);
        }
        to.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Initialized> {
        from.i32()?;
        let code = Code(from.i16()?);
        Ok(Initialized { code, identity: Identity { id: from.i64()?, epoch: from.i16()? } })
    }
}

/// The identity of a producer without transactions: any broker gives one.
pub(super) async fn identity(contact: &mut Contact, settings: &Settings) -> Result<Identity> {
    let deadline = Instant::now() + settings.max_block;
    let request = InitProducerId {
        transactional_id: None,
        transaction_timeout_millis: i32::MAX,
        identity: Identity::NONE,
    };
    let mut failures = 0;
    loop {
        let error = match contact.call(&request).await {
            Ok(answer) if answer.code.is_ok() => return Ok(answer.identity),
            Ok(answer) => answer.code.failed("getting a producer id", None),
            Err(error) => error,
        };
        failures += 1;
        let pause = settings.retry_backoff.after(failures);
        if !error.is_retriable() || Instant::now() + pause >= deadline {
            return Err(error);
        }
        sleep(pause).await;
    }
}
