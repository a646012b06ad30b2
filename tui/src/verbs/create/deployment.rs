//! `create deployment`: pods of one or several images (`kubectl/pkg/cmd/create/create_deployment.go`).

use crate::verbs::failure::Failure;
use clap::{ArgAction, Args};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Arguments of `create deployment`.
#[derive(Debug, Args)]
pub struct DeploymentArgs {
    #[command(flatten)]
    pub named: super::generate::NamedArgs,
    /// An image, for one container each; may be given several times.
    #[arg(long, required = true, action = ArgAction::Append, value_delimiter = ',')]
    image: Vec<String>,
    /// How many pods.
    #[arg(short = 'r', long, value_name = "COUNT", default_value_t = 1, allow_negative_numbers = true)]
    replicas: i32,
    /// A port that the container serves.
    #[arg(long)]
    port: Option<u16>,
    /// What the container runs, and its arguments.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl DeploymentArgs {
    /// All but the kind and the name.
    pub(super) fn fields(&self, name: &str) -> Result<Value, Failure> {
        if self.image.len() > 1 && !self.command.is_empty() {
            return Err(Failure::message("cannot specify multiple --image options and command"));
        }
        if self.replicas < 0 {
            return Err(Failure::message("--replicas must not be negative"));
        }
        let mut taken = BTreeSet::new();
        let mut containers = Vec::new();
        for image in &self.image {
            let mut container = json!({"name": container_name(image, &mut taken)?, "image": image, "resources": {}});
            if !self.command.is_empty() {
                container["command"] = json!(self.command);
            }
            containers.push(container);
        }
        if let (Some(port), Some(first)) = (self.port, containers.first_mut()) {
            first["ports"] = json!([{"containerPort": port}]);
        }
        let labels = json!({"app": name});
        Ok(json!({"metadata": {"labels": labels}, "spec": {
            "replicas": self.replicas,
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}}))
    }
}

/// A container is called as its image, without the registry, the folders and the tag; the second of a name has a number.
fn container_name(image: &str, taken: &mut BTreeSet<String>) -> Result<String, Failure> {
    let last = image.rsplit('/').next().unwrap_or_default();
    let base = last.split([':', '@']).next().unwrap_or_default().replace(['_', '.'], "-").to_lowercase();
    if base.is_empty() {
        return Err(Failure::message(format!("invalid image {image:?}: it has no name")));
    }
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    // There is always a further number.
    let name = names.find(|name| !taken.contains(name)).unwrap_or(base.clone());
    taken.insert(name.clone());
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::container_name;
    use std::collections::BTreeSet;

    #[test]
    fn containers_are_called_as_their_images() {
        let mut taken = BTreeSet::new();
        let mut name = |image: &str| container_name(image, &mut taken).map_err(|failure| failure.to_text());
        assert_eq!(name("luksa/kubia:1.0"), Ok("kubia".to_owned()));
        assert_eq!(name("localhost:5000/kubia"), Ok("kubia-2".to_owned()));
        assert_eq!(name("a/My_Image@sha256:00"), Ok("my-image".to_owned()));
        assert_eq!(name("a/"), Err("error: invalid image \"a/\": it has no name".to_owned()));
    }
}
