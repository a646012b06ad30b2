//! Objects: made, listed, changed, applied with conflicts, deleted.

use crate::eventually;
use anyhow::{Result, bail, ensure};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::pin::pin;

fn pod(name: &str) -> Result<Pod> {
    let script = "trap exit TERM; sleep 86400 & wait";
    Ok(serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": name, "driven": "yes"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [
            {"name": "main", "image": "skiff/demo:1.0", "command": ["sh", "-c", script]},
        ]},
    }))?)
}

/// The message of what had to be refused.
fn refused<T>(code: u16, reason: &str, answered: kube::Result<T>) -> Result<String> {
    match answered {
        Err(kube::Error::Api(status)) if (status.code, status.reason.as_str()) == (code, reason) => Ok(status.message),
        Err(other) => bail!("{code} {reason} was expected, and not {other:?}"),
        Ok(_) => bail!("{code} {reason} was expected, and it was not refused"),
    }
}

/// Of two nodes.
pub async fn drive(one: &Client, other: &Client) -> Result<()> {
    let pods: Api<Pod> = Api::default_namespaced(one.clone());
    for index in 0..5 {
        let made = pods.create(&PostParams::default(), &pod(&format!("rs-{index}"))?).await?;
        ensure!(made.uid().is_some() && made.spec.is_some_and(|spec| spec.restart_policy.as_deref() == Some("Always")));
    }
    let again = refused(409, "AlreadyExists", pods.create(&PostParams::default(), &pod("rs-0")?).await)?;
    ensure!(again == "pods \"rs-0\" already exists", "{again}");
    let mut imageless = pod("rs-none")?;
    imageless.spec.as_mut().map(|spec| spec.containers[0].image.take());
    let invalid = refused(422, "Invalid", pods.create(&PostParams::default(), &imageless).await)?;
    ensure!(invalid.contains("spec.containers[0].image"), "{invalid}");
    pages(&pods).await?;
    let everywhere: Api<Pod> = Api::all(other.clone());
    let wanted = ListParams::default().labels("app in (rs-1,rs-2)");
    eventually("the other node sees the pods", async || Ok(everywhere.list(&wanted).await?.items.len() == 2)).await?;
    // A version belongs to one node.
    let version = pods.list(&ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    match everywhere.watch(&WatchParams::default(), &version).await {
        Err(kube::Error::Api(status)) if status.code == 410 => {}
        Err(error) => bail!("410 was expected, and not {error:?}"),
        Ok(events) => match pin!(events).next().await {
            Some(Ok(WatchEvent::Error(status))) if status.code == 410 => {}
            event => bail!("a version of another node counts: {event:?}"),
        },
    }
    changed(&pods).await?;
    applied(one).await?;
    deleted(&pods).await
}

async fn pages(pods: &Api<Pod>) -> Result<()> {
    let mut names = Vec::new();
    let mut wanted = ListParams::default().labels("driven").limit(2);
    loop {
        let page = pods.list(&wanted).await?;
        ensure!(page.items.len() <= 2);
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => wanted = wanted.continue_token(&token),
            _ => break,
        }
    }
    ensure!(names == ["rs-0", "rs-1", "rs-2", "rs-3", "rs-4"], "{names:?}");
    let found = pods.list_metadata(&ListParams::default().fields("metadata.name=rs-3")).await?;
    ensure!(found.items.len() == 1 && found.items[0].labels()["app"] == "rs-3", "{found:?}");
    Ok(())
}

async fn changed(pods: &Api<Pod>) -> Result<()> {
    let tier = |tier: &str| json!({"metadata": {"labels": {"tier": tier}}});
    let by = PatchParams::default();
    let merged = pods.patch("rs-0", &by, &Patch::Merge(tier("web"))).await?;
    ensure!(merged.labels()["tier"] == "web");
    ensure!(pods.patch("rs-0", &by, &Patch::Strategic(tier("db"))).await?.labels()["tier"] == "db");
    refused(409, "Conflict", pods.replace("rs-0", &PostParams::default(), &merged).await)?;
    let mut now = pods.get("rs-0").await?;
    now.labels_mut().insert("tier".to_owned(), "again".to_owned());
    ensure!(pods.replace("rs-0", &PostParams::default(), &now).await?.labels()["tier"] == "again");
    ensure!(pods.get_opt("rs-none").await?.is_none());
    Ok(())
}

async fn applied(client: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let apply = async |value: &str, by: PatchParams| {
        let map: Value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rs-map"}, "data": {"key": value}});
        maps.patch("rs-map", &by, &Patch::Apply(map)).await
    };
    let value = |map: &ConfigMap| map.data.as_ref().and_then(|data| data.get("key")).cloned().unwrap_or_default();
    ensure!(value(&apply("first", PatchParams::apply("one")).await?) == "first");
    ensure!(value(&apply("second", PatchParams::apply("one")).await?) == "second");
    let conflict = refused(409, "Conflict", apply("third", PatchParams::apply("two")).await)?;
    ensure!(conflict.contains("conflict with \"one\"") && conflict.contains(".data.key"), "{conflict}");
    let tried = apply("third", PatchParams::apply("two").force().dry_run()).await?;
    ensure!(value(&tried) == "third" && value(&maps.get("rs-map").await?) == "second", "a dry run changed it");
    let forced = apply("third", PatchParams::apply("two").force()).await?;
    ensure!(value(&forced) == "third");
    let owner = forced.managed_fields().iter().find(|entry| entry.manager.as_deref() == Some("two"));
    ensure!(owner.is_some_and(|entry| entry.operation.as_deref() == Some("Apply")), "{:?}", forced.managed_fields());
    maps.delete("rs-map", &DeleteParams::default()).await?;
    Ok(())
}

async fn deleted(pods: &Api<Pod>) -> Result<()> {
    let driven = ListParams::default().labels("driven");
    let version = pods.list(&driven).await?.metadata.resource_version.unwrap_or_default();
    pods.delete("rs-0", &DeleteParams::default().grace_period(1)).await?;
    let mut events = pin!(pods.watch(&WatchParams::default().labels("driven").timeout(60), &version).await?);
    loop {
        match events.next().await.transpose()? {
            Some(WatchEvent::Deleted(gone)) if gone.name_any() == "rs-0" => break,
            Some(_) => {}
            None => bail!("the watch ended before the pod was deleted"),
        }
    }
    pods.delete_collection(&DeleteParams::default().grace_period(0), &driven).await?;
    eventually("all are deleted", async || Ok(pods.list(&driven).await?.items.is_empty())).await
}
