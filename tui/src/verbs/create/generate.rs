//! Objects that `create` makes out of words: kubectl's generators.

use super::deployment::DeploymentArgs;
use super::sources::{Entries, SourceArgs};
use super::{Change, show};
use crate::args::DryRunMode;
use crate::verbs::context::Context;
use crate::verbs::failure::Failure;
use crate::verbs::format::Printer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgAction, Args, Subcommand};
use objects::{Kind, lookup};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wire::{CreateRequest, Request, Response};

/// What is made.
#[derive(Debug, Subcommand)]
pub enum Generated {
    /// A namespace.
    #[command(visible_alias = "ns")]
    Namespace(NamedArgs),
    /// A ConfigMap, from literals and files.
    #[command(visible_alias = "cm")]
    Configmap(ConfigMapArgs),
    /// A Secret.
    Secret(SecretArgs),
    /// A ServiceAccount.
    #[command(visible_alias = "sa")]
    Serviceaccount(NamedArgs),
    /// A PriorityClass.
    #[command(visible_alias = "pc")]
    Priorityclass(PriorityClassArgs),
    /// A Deployment, of images.
    #[command(visible_alias = "deploy")]
    Deployment(DeploymentArgs),
    /// A Service.
    #[command(visible_alias = "svc")]
    Service(ServiceArgs),
}

/// How it is called.
#[derive(Debug, Args)]
pub struct NamedArgs {
    /// Its name.
    pub(super) name: String,
}

/// Arguments of `create configmap`.
#[derive(Debug, Args)]
pub struct ConfigMapArgs {
    #[command(flatten)]
    named: NamedArgs,
    #[command(flatten)]
    sources: SourceArgs,
}

/// Arguments of `create secret`.
#[derive(Debug, Args)]
pub struct SecretArgs {
    #[command(subcommand)]
    kind: SecretKind,
}

/// Which Secret.
#[derive(Debug, Subcommand)]
enum SecretKind {
    /// From literals and files.
    Generic {
        #[command(flatten)]
        named: NamedArgs,
        #[command(flatten)]
        sources: SourceArgs,
        /// What it is for [default: Opaque].
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
    },
    /// A certificate and its key.
    Tls {
        #[command(flatten)]
        named: NamedArgs,
        /// The certificate's file.
        #[arg(long, value_name = "FILE")]
        cert: PathBuf,
        /// Its key's.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// What a registry wants to know.
    DockerRegistry {
        #[command(flatten)]
        named: NamedArgs,
        /// The registry.
        #[arg(long, value_name = "ADDRESS", default_value = "https://index.docker.io/v1/")]
        docker_server: String,
        /// Who pulls.
        #[arg(long, value_name = "NAME")]
        docker_username: String,
        /// The password.
        #[arg(long, value_name = "PASSWORD")]
        docker_password: String,
        /// An address for mail.
        #[arg(long, value_name = "ADDRESS")]
        docker_email: Option<String>,
    },
}

/// Arguments of `create priorityclass`.
#[derive(Debug, Args)]
pub struct PriorityClassArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// How much pods of it count.
    #[arg(long, allow_negative_numbers = true, default_value_t = 0)]
    value: i64,
    /// Of pods that name none.
    #[arg(long)]
    global_default: bool,
    /// What it is for.
    #[arg(long, default_value = "")]
    description: String,
    /// Whether pods of it put out others: PreemptLowerPriority, Never.
    #[arg(long, value_name = "POLICY", default_value = "PreemptLowerPriority")]
    preemption_policy: String,
}

/// Arguments of `create service`.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    #[command(subcommand)]
    kind: ServiceKind,
}

/// Which Service.
#[derive(Debug, Subcommand)]
enum ServiceKind {
    /// With an address inside of the cluster.
    Clusterip {
        #[command(flatten)]
        named: NamedArgs,
        #[command(flatten)]
        ports: PortArgs,
        /// Its address; None for none.
        #[arg(long, value_name = "IP")]
        clusterip: Option<String>,
    },
    /// With a port on every node, too.
    Nodeport {
        #[command(flatten)]
        named: NamedArgs,
        #[command(flatten)]
        ports: PortArgs,
        /// That port.
        #[arg(long)]
        node_port: Option<u16>,
    },
    /// With an address from outside.
    Loadbalancer {
        #[command(flatten)]
        named: NamedArgs,
        #[command(flatten)]
        ports: PortArgs,
    },
    /// A name for another name.
    Externalname {
        #[command(flatten)]
        named: NamedArgs,
        #[command(flatten)]
        ports: PortArgs,
        /// That name.
        #[arg(long, value_name = "NAME")]
        external_name: String,
    },
}

/// `--tcp`.
#[derive(Debug, Args)]
struct PortArgs {
    /// A port, and where it leads: PORT or PORT:TARGET; may be given several times.
    #[arg(long, value_name = "PORT[:TARGET]", action = ArgAction::Append, value_delimiter = ',')]
    tcp: Vec<String>,
}

/// Does it.
pub async fn run(what: &Generated, mode: DryRunMode, printer: &mut Printer, context: &mut Context) -> Result<(), Failure> {
    let (named, kind, fields) = match what {
        Generated::Namespace(named) => (named, Kind::Namespace, json!({})),
        Generated::Serviceaccount(named) => (named, Kind::ServiceAccount, json!({})),
        Generated::Configmap(args) => (&args.named, Kind::ConfigMap, config_map(args.sources.read("ConfigMap")?)),
        Generated::Secret(args) => secret(&args.kind)?,
        Generated::Priorityclass(args) => (&args.named, Kind::PriorityClass, priority_class(args)),
        Generated::Deployment(args) => (&args.named, Kind::Deployment, args.fields(&args.named.name)?),
        Generated::Service(args) => service(&args.kind)?,
    };
    let object = object(named, kind, fields, context);
    let object = if mode == DryRunMode::Client { object } else { make(object, kind, mode, context).await? };
    show(context, printer, &Change { object, outcome: "created".to_owned() }, mode)
}

async fn make(object: Value, kind: Kind, mode: DryRunMode, context: &mut Context) -> Result<Value, Failure> {
    // kubectl's words, which differ from kind to kind.
    let what = match kind {
        Kind::Namespace => None,
        Kind::Secret => Some("failed to create secret ".to_owned()),
        Kind::Service => Some(format!("failed to create {} service: ", lookup::text(&object, "/spec/type"))),
        _ => Some(format!("failed to create {}: ", kind.singular())),
    };
    let request = CreateRequest { object, namespace: context.namespace_of(kind), dry_run: mode.to_wire() };
    match context.client().await?.request(Request::Create(request)).await {
        Ok(Response::Object { object, warnings, .. }) => {
            context.warn(&warnings)?;
            Ok(*object)
        }
        Ok(other) => Err(Failure::unexpected(&other)),
        Err(error) => Err(match (error.status(), what) {
            (Some(status), Some(what)) => Failure::message(format!("{what}{}", status.message)),
            _ => error.into(),
        }),
    }
}

fn object(named: &NamedArgs, kind: Kind, fields: Value, context: &Context) -> Value {
    let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.name(), "metadata": {"name": named.name}});
    if kind.is_namespaced() && context.is_namespace_given {
        object["metadata"]["namespace"] = json!(context.namespace);
    }
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        for (name, value) in fields {
            match (name.as_str(), object.get_mut("metadata").and_then(Value::as_object_mut)) {
                ("metadata", Some(metadata)) => metadata.extend(value.as_object().cloned().unwrap_or_default()),
                _ => drop(object.insert(name, value)),
            }
        }
    }
    object
}

fn config_map(entries: Entries) -> Value {
    let (mut data, mut binary) = (Map::new(), Map::new());
    for (key, value) in entries {
        match String::from_utf8(value) {
            Ok(text) => drop(data.insert(key, text.into())),
            Err(error) => drop(binary.insert(key, STANDARD.encode(error.as_bytes()).into())),
        }
    }
    let maps = [("data", data), ("binaryData", binary)].into_iter().filter(|(_, map)| !map.is_empty());
    Value::Object(maps.map(|(name, map)| (name.to_owned(), Value::Object(map))).collect())
}

fn secret(kind: &SecretKind) -> Result<(&NamedArgs, Kind, Value), Failure> {
    let fields = |kind: Option<&str>, entries: Entries| {
        let mut fields = json!({});
        if !entries.is_empty() {
            fields["data"] = entries.into_iter().map(|(key, value)| (key, Value::from(STANDARD.encode(value)))).collect();
        }
        if let Some(kind) = kind {
            fields["type"] = json!(kind);
        }
        fields
    };
    let of_file = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| Failure::message(format!("failed to create secret: {}: {error}", path.display())))
    };
    let (named, fields) = match kind {
        SecretKind::Generic { named, sources, kind } => (named, fields(kind.as_deref(), sources.read("Secret")?)),
        SecretKind::Tls { named, cert, key } => {
            let entries = [("tls.crt".to_owned(), of_file(cert)?), ("tls.key".to_owned(), of_file(key)?)];
            (named, fields(Some("kubernetes.io/tls"), entries.into()))
        }
        SecretKind::DockerRegistry { named, docker_server, docker_username, docker_password, docker_email } => {
            let auth = STANDARD.encode(format!("{docker_username}:{docker_password}"));
            let login = Login { username: docker_username, password: docker_password, email: docker_email.as_deref(), auth };
            let config = DockerConfig { auths: [(docker_server.as_str(), login)].into() };
            let config = serde_json::to_vec(&config).map_err(|error| Failure::message(error.to_string()))?;
            let entries = [(".dockerconfigjson".to_owned(), config)];
            (named, fields(Some("kubernetes.io/dockerconfigjson"), entries.into()))
        }
    };
    Ok((named, Kind::Secret, fields))
}

/// What docker keeps of registries, in kubectl's order of fields: whoever compares the two secrets finds them equal.
#[derive(Serialize)]
struct DockerConfig<'a> {
    auths: BTreeMap<&'a str, Login<'a>>,
}

#[derive(Serialize)]
struct Login<'a> {
    username: &'a str,
    password: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    auth: String,
}

fn priority_class(args: &PriorityClassArgs) -> Value {
    let mut class = json!({"value": args.value, "preemptionPolicy": args.preemption_policy});
    if args.global_default {
        class["globalDefault"] = json!(true);
    }
    if !args.description.is_empty() {
        class["description"] = json!(args.description);
    }
    class
}

fn service(kind: &ServiceKind) -> Result<(&NamedArgs, Kind, Value), Failure> {
    let (named, ports, mut spec) = match kind {
        ServiceKind::Clusterip { named, ports, clusterip } => {
            let mut spec = json!({"type": "ClusterIP"});
            if let Some(ip) = clusterip {
                spec["clusterIP"] = json!(ip);
            }
            (named, ports, spec)
        }
        ServiceKind::Nodeport { named, ports, .. } => (named, ports, json!({"type": "NodePort"})),
        ServiceKind::Loadbalancer { named, ports } => (named, ports, json!({"type": "LoadBalancer"})),
        ServiceKind::Externalname { named, ports, external_name } => {
            (named, ports, json!({"type": "ExternalName", "externalName": external_name}))
        }
    };
    let may_be_without = matches!(kind, ServiceKind::Externalname { .. }) || spec["clusterIP"] == "None";
    if ports.tcp.is_empty() && !may_be_without {
        return Err(Failure::message("at least one tcp port specifier must be provided"));
    }
    let mut ports: Vec<Value> = ports.tcp.iter().map(|text| port(text)).collect::<Result<_, _>>()?;
    if let ServiceKind::Nodeport { node_port: Some(number), .. } = kind {
        ports.iter_mut().for_each(|port| port["nodePort"] = json!(number));
    }
    if !ports.is_empty() {
        spec["ports"] = json!(ports);
    }
    let labels = json!({"app": named.name});
    spec["selector"] = labels.clone();
    Ok((named, Kind::Service, json!({"metadata": {"labels": labels}, "spec": spec})))
}

/// `80` or `80:8080`, or `80:http` by a name (`kubectl/pkg/cmd/create/create_service.go:parsePorts`).
fn port(text: &str) -> Result<Value, Failure> {
    let (port, target) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| {
        let number = text.parse::<u16>().ok().filter(|port| *port != 0);
        number.ok_or_else(|| Failure::message(format!("invalid port {text:?}: it must be a number from 1 to 65535")))
    };
    let target = match objects::names::port_name(target).is_empty() {
        true => json!(target),
        false => json!(number(target)?),
    };
    Ok(json!({"name": text.replace(':', "-"), "protocol": "TCP", "port": number(port)?, "targetPort": target}))
}
