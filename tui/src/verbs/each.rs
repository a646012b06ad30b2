//! Several things one after the other: one that fails does not stop the next.

use super::context::Context;
use super::failure::Failure;

/// Does something with each, and tells of all that failed, before it and in it. Once the link to the daemon or the reader of the output is
/// gone, the rest is left.
pub async fn each<T>(
    things: &[T],
    mut failures: Vec<Failure>,
    context: &mut Context,
    mut act: impl AsyncFnMut(&mut Context, &T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for thing in things {
        if let Err(failure) = act(context, thing).await {
            let is_over = failure.is_link_failure() || failure.is_broken_pipe();
            failures.push(failure);
            if is_over {
                break;
            }
        }
    }
    Failure::all(failures)
}
