//! The daemon's first step into its cluster: the keys that are there, a join, or a cluster of its own.

use super::join::{JoinError, JoinRequest, Welcome, join};
use super::trust::{Trust, TrustError};
use crate::config::Config;
use pki::Lifetimes;
use pki::token::Token;
use std::path::{Path, PathBuf};
use tracing::info;

/// What a start has found or made.
#[derive(Debug)]
pub struct Entered {
    /// The keys.
    pub trust: Trust,
    /// What the cluster said, where this start has joined it.
    pub welcome: Option<Welcome>,
}

/// Where a daemon's keys are.
#[must_use]
pub fn folder(config: &Config) -> PathBuf {
    config.data_dir.join(pki::FOLDER)
}

/// Opens the keys of an earlier start; else joins by `--join`; else makes a cluster of this one node.
///
/// # Errors
/// See [`JoinError`].
pub async fn enter(config: &Config) -> Result<Entered, JoinError> {
    let (folder, name, lifetimes) = (folder(config), config.name.as_str(), Lifetimes::default());
    if let Some(trust) = Trust::open(&folder, name, lifetimes)? {
        return Ok(Entered { trust, welcome: None });
    }
    if config.join.is_empty() {
        let trust = make(&folder, name, lifetimes)?;
        return Ok(Entered { trust, welcome: None });
    }
    let token = read_token(config.join_token_file.as_deref().ok_or(JoinError::NoToken)?)?;
    let cluster_cidr = &config.cluster_cidr.to_string();
    let request = JoinRequest { folder: &folder, name, token: &token, nodes: &config.join, cluster_cidr, lifetimes };
    let joined = join(request).await?;
    let cluster = joined.trust.keys().bundle.cluster().to_owned();
    info!(cluster, members = joined.welcome.members.len(), "joined the cluster");
    Ok(Entered { trust: joined.trust, welcome: Some(joined.welcome) })
}

/// Makes a cluster of this one node.
///
/// # Errors
/// See [`TrustError`].
pub fn make(folder: &Path, name: &str, lifetimes: Lifetimes) -> Result<Trust, TrustError> {
    let trust = Trust::make_cluster(folder, name, lifetimes)?;
    info!(cluster = trust.keys().bundle.cluster(), "made a cluster of this node");
    Ok(trust)
}

fn read_token(path: &Path) -> Result<Token, JoinError> {
    let text = std::fs::read_to_string(path).map_err(|source| JoinError::TokenFile { path: path.to_owned(), source })?;
    text.parse().map_err(|source| JoinError::Token { path: path.to_owned(), source })
}
