//! Panics of connector code, as errors.

use connect_api::{Error, Result};
use tokio::task::JoinError;

/// Turns a panic of connector code into an error.
pub(super) async fn guarded<T>(code: impl Future<Output = Result<T>>) -> Result<T> {
    use futures::FutureExt;
    match std::panic::AssertUnwindSafe(code).catch_unwind().await {
        Ok(result) => result,
        Err(payload) => Err(Error::connect(panic_text(&*payload))),
    }
}

pub(super) fn panicked(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(payload) => Error::connect(panic_text(&*payload)),
        Err(_) => Error::connect("the task was cut off"),
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    format!("the plugin panicked: {}", text.unwrap_or_else(|| "(no message)".to_owned()))
}
