//! The files of the volumes that are written: from ConfigMaps, Secrets and the pod itself
//! (`pkg/volume/configmap/configmap.go`, `secret/secret.go`, `downwardapi/downwardapi.go`, `projected/projected.go`).

use super::{AssembleError, PodContext, downward};
use crate::atomic_writer::{File, Files};
use crate::sources::{Contents, SourceKind, Sources};
use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume};

/// Permissions of files whose manifest says nothing; admission writes the same into it.
const DEFAULT_MODE: i32 = 0o644;

/// Whether a volume is one whose files are written.
pub fn is_written(volume: &Volume) -> bool {
    volume.config_map.is_some() || is_secret(volume)
}

/// Whether a volume's files are kept off the disk, as the kubelet does with all but ConfigMaps.
pub fn is_secret(volume: &Volume) -> bool {
    volume.secret.is_some() || volume.projected.is_some() || volume.downward_api.is_some()
}

/// All files of a written volume.
///
/// # Errors
/// What it names and is not there; of a projected volume all of it.
pub fn of(context: &PodContext<'_>, volume: &Volume, sources: &Sources) -> Result<Files, String> {
    let mut files = Files::new();
    let mut faults = Vec::new();
    let mut add = |made: Result<Files, AssembleError>| match made {
        Ok(made) => files.extend(made),
        Err(error) => faults.push(error.to_string()),
    };
    if let Some(map) = &volume.config_map {
        let object = Object { kind: SourceKind::ConfigMap, name: &map.name, optional: map.optional };
        add(of_object(sources, object, (map.items.as_deref(), mode(map.default_mode))));
    }
    if let Some(secret) = &volume.secret {
        let name = secret.secret_name.as_deref().unwrap_or_default();
        let object = Object { kind: SourceKind::Secret, name, optional: secret.optional };
        add(of_object(sources, object, (secret.items.as_deref(), mode(secret.default_mode))));
    }
    if let Some(downward) = &volume.downward_api {
        add(of_pod(context, downward.items.as_deref(), mode(downward.default_mode)));
    }
    if let Some(projected) = &volume.projected {
        let mode = mode(projected.default_mode);
        for source in projected.sources.iter().flatten() {
            if let Some(map) = &source.config_map {
                let object = Object { kind: SourceKind::ConfigMap, name: &map.name, optional: map.optional };
                add(of_object(sources, object, (map.items.as_deref(), mode)));
            }
            if let Some(secret) = &source.secret {
                let object = Object { kind: SourceKind::Secret, name: &secret.name, optional: secret.optional };
                add(of_object(sources, object, (secret.items.as_deref(), mode)));
            }
            if let Some(downward) = &source.downward_api {
                add(of_pod(context, downward.items.as_deref(), mode));
            }
        }
    }
    match faults.len() {
        0 => Ok(files),
        1 => Err(faults.remove(0)),
        _ => Err(format!("[{}]", faults.join(", "))),
    }
}

#[derive(Clone, Copy)]
struct Object<'a> {
    kind: SourceKind,
    name: &'a str,
    optional: Option<bool>,
}

fn of_object(sources: &Sources, object: Object<'_>, (items, mode): (Option<&[KeyToPath]>, u32)) -> Result<Files, AssembleError> {
    let Object { kind, name, optional } = object;
    let Some(contents) = sources.get(kind, name, optional)? else { return Ok(Files::new()) };
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        let all = contents.binary.iter().chain(&contents.data);
        return Ok(all.map(|(key, content)| (key.clone(), File { content: content.clone(), mode })).collect());
    };
    let mut files = Files::new();
    for item in items {
        match value(contents, &item.key) {
            Some(content) => {
                let mode = item.mode.map_or(mode, bits);
                files.insert(plain(&item.path), File { content: content.clone(), mode });
            }
            None if optional == Some(true) => {}
            None => return Err(AssembleError::NoSuchKey { kind, key: item.key.clone() }),
        }
    }
    Ok(files)
}

fn value<'c>(contents: &'c Contents, key: &str) -> Option<&'c Vec<u8>> {
    contents.data.get(key).or_else(|| contents.binary.get(key))
}

fn of_pod(context: &PodContext<'_>, items: Option<&[DownwardAPIVolumeFile]>, mode: u32) -> Result<Files, AssembleError> {
    let mut files = Files::new();
    for item in items.unwrap_or_default() {
        let text = match (&item.field_ref, &item.resource_field_ref) {
            (Some(field), _) => downward::field(context, &field.field_path)?,
            (None, Some(resource)) => downward::resource(context, None, resource)?,
            (None, None) => continue,
        };
        let mode = item.mode.map_or(mode, bits);
        files.insert(plain(&item.path), File { content: text.into_bytes(), mode });
    }
    Ok(files)
}

/// `./a//b` is `a/b`; admission lets no path lead out.
fn plain(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

fn mode(wanted: Option<i32>) -> u32 {
    bits(wanted.unwrap_or(DEFAULT_MODE))
}

fn bits(mode: i32) -> u32 {
    mode.cast_unsigned() & 0o777
}
