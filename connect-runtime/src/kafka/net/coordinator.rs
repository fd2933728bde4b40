//! The broker that coordinates a transactional id or a group.

use std::sync::Arc;
use std::time::Duration;

use super::codec::{Decoder, Encoder};
use super::connection::Connection;
use super::connector::Connector;
use super::contact::Contact;
use super::error::Code;
use super::messages::address;
use super::request::Request;
use crate::kafka::Result;

/// Asks who coordinates.
struct FindCoordinator<'a> {
    key: &'a str,
    of: CoordinatorOf,
}

/// What a coordinator is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum CoordinatorOf {
    /// The members of a group.
    Group = 0,
    /// The transactions of a transactional id.
    Transactions = 1,
}

struct Found {
    code: Code,
    said: Option<String>,
    address: String,
}

impl Request for FindCoordinator<'_> {
    const KEY: i16 = 10;
    const NAME: &'static str = "FindCoordinator";
    const OLDEST: i16 = 2;
    const NEWEST: i16 = 3;
    const FLEXIBLE: i16 = 3;
    type Response = Found;

    fn encode(&self, _: i16, to: &mut Encoder) {
        to.string(self.key);
        to.i8(self.of as i8);
        to.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Found> {
        from.i32()?;
        let code = Code(from.i16()?);
        let said = from.nullable_string()?.map(str::to_owned);
        from.i32()?;
        Ok(Found { code, said, address: address(from.string()?, from.i32()?) })
    }
}

/// A connection to the coordinator, looked for and made when it is needed.
#[derive(Debug)]
pub(in crate::kafka) struct Coordinator {
    connector: Arc<Connector>,
    contact: Contact,
    key: String,
    of: CoordinatorOf,
    connection: Option<Connection>,
}

impl Coordinator {
    pub(in crate::kafka) fn new(
        connector: &Arc<Connector>,
        servers: Vec<String>,
        of: CoordinatorOf,
        key: &str,
    ) -> Self {
        let contact = Contact::new(Arc::clone(connector), servers);
        Self { connector: Arc::clone(connector), contact, key: key.to_owned(), of, connection: None }
    }

    /// Asks the coordinator, once. After an error of the connection the next call looks for it again.
    pub(in crate::kafka) async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response> {
        self.call_within(request, self.connector.request_timeout).await
    }

    /// The same for a request that may be answered late.
    pub(in crate::kafka) async fn call_within<R: Request>(
        &mut self,
        request: &R,
        patience: Duration,
    ) -> Result<R::Response> {
        let fresh = |connection: &Connection| !connection.is_stale(tokio::time::Instant::now());
        let mut connection = match self.connection.take().filter(fresh) {
            Some(connection) => connection,
            None => self.find().await?,
        };
        let answer = connection.call(request, patience).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// Another broker coordinates now.
    pub(in crate::kafka) fn forget(&mut self) {
        self.connection = None;
    }

    async fn find(&mut self) -> Result<Connection> {
        let found = self.contact.call(&FindCoordinator { key: &self.key, of: self.of }).await?;
        if !found.code.is_ok() {
            let tried = format!("looking for the coordinator of `{}`", self.key);
            return Err(found.code.failed(tried, found.said.as_deref()));
        }
        self.connector.connect(&found.address).await
    }
}
