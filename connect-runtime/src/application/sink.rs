//! A sink that is a closure of the application.

use std::sync::Arc;

use async_trait::async_trait;
use connect_api::config::Properties;
use connect_api::{
    Plugins, Result, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask, SinkTaskContext,
};
use futures::future::BoxFuture;

/// Registers an async closure as a sink connector: it is `put`, and every batch that it answers `Ok` for is done.
///
/// The closure is called with each batch in order, one at a time per task, never with an empty one. After a
/// [retriable](connect_api::Error::retriable) error it is called again with the same records; any other error fails
/// the task. Offsets of a batch are committed only after the closure has answered `Ok` for it, so after a crash
/// records may come again but none is lost. With `tasks.max` above one it runs concurrently for different
/// partitions.
///
/// ```
/// use connect_api::SinkRecord;
/// use connect_runtime::{Connect, application};
/// use tokio::sync::mpsc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (seen, mut values) = mpsc::channel(10);
/// let connect = Connect::builder()
///     .in_memory()
///     .plugins(move |plugins| {
///         application::sink(plugins, "Print", move |batch: Vec<SinkRecord>| {
///             let seen = seen.clone();
///             async move {
///                 for record in batch {
///                     let _ = seen.send(record.record.value.value.to_string()).await;
///                 }
///                 Ok(())
///             }
///         });
///     })
///     .property("value.converter", "StringConverter")
///     .start()
///     .await?;
/// connect.create("print", [("connector.class", "Print"), ("topics", "greetings")]).await?;
/// connect.memory().ok_or("in memory")?.produce("greetings", None::<String>, "hello");
/// assert_eq!(values.recv().await.as_deref(), Some("hello"));
/// connect.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub fn sink<F, Fut>(plugins: &mut Plugins, name: &'static str, put: F)
where
    F: Fn(Vec<SinkRecord>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let put: Put = Arc::new(move |records| Box::pin(put(records)));
    plugins.bundle(env!("CARGO_PKG_VERSION")).sink_with::<ClosureSink>(name, move |_, _| {
        let put = Arc::clone(&put);
        Box::pin(async move { Ok(Box::new(ClosureTask { put }) as Box<dyn SinkTask>) })
    });
}

type Put = Arc<dyn Fn(Vec<SinkRecord>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

struct ClosureSink(Properties);

#[async_trait]
impl SinkConnector for ClosureSink {
    type Config = Properties;
    type Task = ClosureTask;

    async fn start(config: Properties, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self(config))
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone(); max_tasks])
    }
}

struct ClosureTask {
    put: Put,
}

#[async_trait]
impl SinkTask for ClosureTask {
    type Config = Properties;

    async fn start(_: Properties, _: SinkTaskContext) -> Result<Self> {
        Err(connect_api::Error::illegal_state("a closure task is started with its closure"))
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if records.is_empty() { Ok(()) } else { (self.put)(records.to_vec()).await }
    }
}
