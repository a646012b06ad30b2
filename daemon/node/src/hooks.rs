//! Runs a container's hook: exec, httpGet or sleep (`pkg/kubelet/lifecycle/handlers.go`).

use crate::pods::program::Ran;
use crate::probes::http::{self, Failure};
use crate::probes::{Target, VERSION};
use k8s_openapi::api::core::v1::{HTTPGetAction, LifecycleHandler};
use std::time::Duration;

/// What Go's client says to a server that speaks no TLS.
const NO_TLS: &str = "http: server gave HTTP response to HTTPS client";

/// Runs a hook to its end, or for as long as somebody waits.
///
/// # Errors
/// The kubelet's words for what went wrong. `pod` is the pod as the kubelet names it, `kubia_default(uid)`.
pub async fn run(handler: &LifecycleHandler, target: &Target, pod: &str, limit: Option<Duration>) -> Result<(), String> {
    let container = &target.name;
    if let Some(exec) = &handler.exec {
        let argv = exec.command.as_deref().unwrap_or_default();
        let (error, output) = match target.run(argv, limit).await {
            Ok(Ran::Ended { code: 0, .. }) => return Ok(()),
            Ok(Ran::Ended { code, output, stderr }) => {
                (format!("command '{}' exited with {code}: {stderr}", argv.join(" ")), output)
            }
            Ok(Ran::TimedOut) => ("context deadline exceeded".to_owned(), String::new()),
            Err(error) => (error, String::new()),
        };
        let words = argv.join(" ");
        return Err(format!(
            "Exec lifecycle hook ([{words}]) for Container \"{container}\" in Pod \"{pod}\" failed - error: {error}, message: {output:?}"
        ));
    }
    if let Some(action) = &handler.http_get {
        return page(action, target, limit).await.map_err(|error| {
            let path = action.path.as_deref().unwrap_or("/");
            format!(
                "HTTP lifecycle hook ({path}) for Container \"{container}\" in Pod \"{pod}\" failed - error: {error}, message: \"\""
            )
        });
    }
    if let Some(sleep) = &handler.sleep {
        let pause = Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0));
        tokio::time::sleep(limit.map_or(pause, |limit| limit.min(pause))).await;
        return Ok(());
    }
    Err("invalid handler: nothing to run".to_owned())
}

/// Any answer will do.
async fn page(action: &HTTPGetAction, target: &Target, limit: Option<Duration>) -> Result<(), String> {
    let request = http::Request::of(action, target, &format!("kube-lifecycle/{VERSION}"))?;
    let mut answer = http::get(&request, limit).await;
    if request.is_tls() && matches!(&answer, Err(Failure::Transport(words)) if words.ends_with(NO_TLS)) {
        answer = http::get(&request.without_tls(), limit).await;
    }
    match answer {
        Ok(_) | Err(Failure::Body(_)) => Ok(()),
        Err(Failure::Transport(words)) => Err(words),
    }
}
