//! `kubeconfig`: what kubectl and other clients of Kubernetes need to reach the daemon.

use super::context::Context;
use super::failure::Failure;
use crate::args::GoDuration;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use objects::yaml::to_yaml;
use serde_json::{Value, json};
use wire::{Credentials, CredentialsRequest, Proof, Request, Response};

/// Arguments of `kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// Whose it is: the name that is written down for what they do.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    user: String,
    /// What it allows: admin, operator or viewer.
    #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = ["admin", "operator", "viewer"])]
    role: String,
    /// How long it counts: 2160h, 30m.
    #[arg(long, value_name = "TIME", default_value = "2160h")]
    ttl: GoDuration,
    /// A bearer token in place of a certificate with its key.
    #[arg(long)]
    token: bool,
    /// The address of a daemon's --listen, as clients reach it [default: that of the daemon one is connected to].
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
}

/// Does it.
pub async fn run(args: &KubeconfigArgs, context: &mut Context) -> Result<(), Failure> {
    let request = CredentialsRequest {
        name: args.user.clone(),
        role: args.role.clone(),
        ttl_seconds: args.ttl.or_a_week().as_secs(),
        proof: if args.token { Proof::Token } else { Proof::Certificate },
    };
    let answer = context.client().await?.request(Request::Credentials(request)).await?;
    let Response::Credentials(credentials) = &answer else {
        return Err(Failure::unexpected(&answer));
    };
    let server = match &args.server {
        Some(server) => address(server),
        None => own_address(credentials, context.remote_address().as_deref())?,
    };
    let document = document(credentials, &args.user, &server, context.is_namespace_given.then_some(&context.namespace));
    context.print(&to_yaml(&document))
}

fn address(text: &str) -> String {
    match text.split_once("://") {
        Some((_, rest)) => format!("https://{rest}"),
        None => format!("https://{text}"),
    }
}

/// How we reached the daemon, or else where it says that it listens; every address of this machine is as good as the loopback's.
fn own_address(credentials: &Credentials, reached_at: Option<&str>) -> Result<String, Failure> {
    if let Some(reached_at) = reached_at {
        return Ok(address(reached_at));
    }
    let Some(listen) = &credentials.listen else {
        return Err(Failure::message(format!(
            "the daemon of node {} listens for no other programs: start it with --listen 127.0.0.1:6443, or name another daemon with --server",
            credentials.node
        )));
    };
    let listen = match listen.strip_prefix("0.0.0.0:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => match listen.strip_prefix("[::]:") {
            Some(port) => format!("[::1]:{port}"),
            None => listen.clone(),
        },
    };
    Ok(address(&listen))
}

fn document(credentials: &Credentials, user: &str, server: &str, namespace: Option<&String>) -> Value {
    let cluster = format!("skiff-{}", credentials.cluster);
    let context = format!("{user}@{cluster}");
    let mut proof = json!({});
    for (field, value) in [
        ("client-certificate-data", credentials.certificate.as_deref().map(|text| STANDARD.encode(text))),
        ("client-key-data", credentials.key.as_deref().map(|text| STANDARD.encode(text))),
        ("token", credentials.token.clone()),
    ] {
        if let Some(value) = value {
            proof[field] = value.into();
        }
    }
    let mut inside = json!({"cluster": cluster, "user": context});
    if let Some(namespace) = namespace {
        inside["namespace"] = namespace.clone().into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": cluster, "cluster": {
            "server": server,
            // Any node is as good as another: all have this name, whatever address they are reached by.
            "tls-server-name": credentials.server_name,
            "certificate-authority-data": STANDARD.encode(&credentials.authorities),
        }}],
        "users": [{"name": context, "user": proof}],
        "contexts": [{"name": context, "context": inside}],
        "preferences": {},
    })
}

#[cfg(test)]
mod tests {
    use super::{address, document, own_address};
    use wire::Credentials;

    fn credentials() -> Credentials {
        Credentials {
            cluster: "ab12".to_owned(),
            server_name: "kubernetes.default.svc".to_owned(),
            authorities: "CA".to_owned(),
            certificate: Some("C".to_owned()),
            key: Some("KEY".to_owned()),
            listen: Some("0.0.0.0:6443".to_owned()),
            ..Credentials::default()
        }
    }

    #[test]
    fn the_servers_address_is_how_we_reached_it_or_where_it_listens() {
        assert_eq!(address("oak:6443"), "https://oak:6443");
        assert_eq!(address("wss://oak:6443"), "https://oak:6443");
        let own = |credentials: &Credentials, at: Option<&str>| own_address(credentials, at).map_err(|error| error.to_text());
        assert_eq!(own(&credentials(), None), Ok("https://127.0.0.1:6443".to_owned()));
        assert_eq!(own(&credentials(), Some("oak:1")), Ok("https://oak:1".to_owned()));
        let refused = own(&Credentials { listen: None, ..credentials() }, None).expect_err("nowhere");
        assert!(refused.contains("--listen 127.0.0.1:6443"), "{refused}");
    }

    #[test]
    fn a_kubeconfig_has_all_that_a_client_needs() {
        let made = document(&credentials(), "ada", "https://oak:6443", None);
        assert_eq!(made["current-context"], "ada@skiff-ab12");
        assert_eq!(made["clusters"][0]["cluster"]["certificate-authority-data"], "Q0E=");
        assert_eq!(made["users"][0]["user"]["client-key-data"], "S0VZ");
        assert!(made["users"][0]["user"].get("token").is_none());
    }
}
