//! Validation of a pod's volumes, and of where containers mount them.

use super::faults::{Faults, Path};
use crate::names;
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume, VolumeMount};
use std::collections::BTreeSet;

const MODE_RULE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// The kinds of source that a volume names, in the order Kubernetes looks at them.
pub(super) fn sources(volume: &Volume) -> Vec<&'static str> {
    let all = [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("gitRepo", volume.git_repo.is_some()),
        ("gcePersistentDisk", volume.gce_persistent_disk.is_some()),
        ("awsElasticBlockStore", volume.aws_elastic_block_store.is_some()),
        ("secret", volume.secret.is_some()),
        ("nfs", volume.nfs.is_some()),
        ("iscsi", volume.iscsi.is_some()),
        ("glusterfs", volume.glusterfs.is_some()),
        ("flocker", volume.flocker.is_some()),
        ("persistentVolumeClaim", volume.persistent_volume_claim.is_some()),
        ("rbd", volume.rbd.is_some()),
        ("cinder", volume.cinder.is_some()),
        ("cephfs", volume.cephfs.is_some()),
        ("quobyte", volume.quobyte.is_some()),
        ("downwardAPI", volume.downward_api.is_some()),
        ("fc", volume.fc.is_some()),
        ("flexVolume", volume.flex_volume.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("azureFile", volume.azure_file.is_some()),
        ("vsphereVolume", volume.vsphere_volume.is_some()),
        ("photonPersistentDisk", volume.photon_persistent_disk.is_some()),
        ("portworxVolume", volume.portworx_volume.is_some()),
        ("azureDisk", volume.azure_disk.is_some()),
        ("storageos", volume.storageos.is_some()),
        ("projected", volume.projected.is_some()),
        ("scaleIO", volume.scale_io.is_some()),
        ("csi", volume.csi.is_some()),
        ("ephemeral", volume.ephemeral.is_some()),
        ("image", volume.image.is_some()),
    ];
    all.into_iter().filter_map(|(name, is_set)| is_set.then_some(name)).collect()
}

/// Checks the volumes and returns the names of the good ones: only they can be mounted.
pub(super) fn validate_all<'a>(volumes: &'a [Volume], path: &Path<'_>, faults: &mut Faults) -> BTreeSet<&'a str> {
    let mut good = BTreeSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        let before = faults.len();
        validate_source(volume, &path, faults);
        let name = path.child("name");
        if volume.name.is_empty() {
            faults.required(&name, "");
        } else {
            faults.invalid_each(&name, &volume.name, names::dns1123_label(&volume.name));
        }
        if good.contains(volume.name.as_str()) {
            faults.duplicate(&name, &volume.name);
        }
        if faults.len() == before {
            good.insert(volume.name.as_str());
        }
    }
    good
}

fn validate_source(volume: &Volume, path: &Path<'_>, faults: &mut Faults) {
    for (index, source) in sources(volume).into_iter().enumerate() {
        let path = path.child(source);
        if index > 0 {
            faults.forbidden(&path, "may not specify more than 1 volume type");
        } else {
            validate_one_source(volume, source, &path, faults);
        }
    }
}

fn validate_one_source(volume: &Volume, source: &str, path: &Path<'_>, faults: &mut Faults) {
    let require = |name: &str, value: &str, faults: &mut Faults| {
        if value.is_empty() {
            faults.required(&path.child(name), "");
        }
    };
    match source {
        "emptyDir" => {
            let limit = volume.empty_dir.as_ref().and_then(|source| source.size_limit.as_ref());
            if limit.and_then(|text| Quantity::parse(&text.0).ok()).is_some_and(|limit| limit.is_negative()) {
                faults.forbidden(&path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity");
            }
        }
        "hostPath" => {
            let Some(source) = &volume.host_path else { return };
            require("path", &source.path, faults);
            if !source.path.is_empty() {
                no_backsteps(&source.path, &path.child("path"), faults);
                faults.one_of(&path.child("type"), source.type_.as_deref().unwrap_or_default(), &HOST_PATH_TYPES);
            }
        }
        "secret" => {
            let Some(source) = &volume.secret else { return };
            require("secretName", source.secret_name.as_deref().unwrap_or_default(), faults);
            mode(source.default_mode, &path.child("defaultMode"), faults);
            keys_to_paths(source.items.as_deref(), &path.child("items"), faults);
        }
        "configMap" => {
            let Some(source) = &volume.config_map else { return };
            require("name", &source.name, faults);
            mode(source.default_mode, &path.child("defaultMode"), faults);
            keys_to_paths(source.items.as_deref(), &path.child("items"), faults);
        }
        "persistentVolumeClaim" => {
            let Some(source) = &volume.persistent_volume_claim else { return };
            require("claimName", &source.claim_name, faults);
        }
        "nfs" => {
            let Some(source) = &volume.nfs else { return };
            require("server", &source.server, faults);
            require("path", &source.path, faults);
            if !source.path.starts_with('/') {
                faults.invalid(&path.child("path"), &source.path, "must be an absolute path");
            }
        }
        "downwardAPI" => {
            let Some(source) = &volume.downward_api else { return };
            mode(source.default_mode, &path.child("defaultMode"), faults);
            for file in source.items.iter().flatten() {
                downward_file(file, path, faults);
            }
        }
        "projected" => {
            if let Some(source) = &volume.projected {
                projected(source, path, faults);
            }
        }
        // The remaining types are storage of certain providers; none of them runs here, and the refusal names them.
        _ => {}
    }
}

fn projected(source: &ProjectedVolumeSource, path: &Path<'_>, faults: &mut Faults) {
    mode(source.default_mode, &path.child("defaultMode"), faults);
    let sources = path.child("sources");
    for (index, one) in source.sources.iter().flatten().enumerate() {
        let path = sources.index(index);
        let named = [
            ("secret", one.secret.as_ref().map(|secret| (secret.name.as_str(), secret.items.as_deref()))),
            ("configMap", one.config_map.as_ref().map(|map| (map.name.as_str(), map.items.as_deref()))),
        ];
        for (kind, found) in named {
            let Some((name, items)) = found else { continue };
            let path = path.child(kind);
            if name.is_empty() {
                faults.required(&path.child("name"), "");
            }
            keys_to_paths(items, &path.child("items"), faults);
        }
        for file in one.downward_api.iter().flat_map(|downward| downward.items.iter().flatten()) {
            downward_file(file, &path.child("downwardAPI"), faults);
        }
        if let Some(token) = &one.service_account_token {
            let path = path.child("serviceAccountToken");
            let seconds = token.expiration_seconds.unwrap_or(3600);
            if seconds < 600 {
                faults.invalid(&path.child("expirationSeconds"), &seconds, "may not specify a duration less than 10 minutes");
            }
            if token.path.is_empty() {
                faults.required(&path.child("path"), "");
            } else {
                local_path(&token.path, &path.child("path"), faults);
            }
        }
    }
}

fn keys_to_paths(items: Option<&[KeyToPath]>, path: &Path<'_>, faults: &mut Faults) {
    for (index, item) in items.into_iter().flatten().enumerate() {
        let path = path.index(index);
        if item.key.is_empty() {
            faults.required(&path.child("key"), "");
        }
        if item.path.is_empty() {
            faults.required(&path.child("path"), "");
        }
        local_path(&item.path, &path.child("path"), faults);
        mode(item.mode, &path.child("mode"), faults);
    }
}

fn downward_file(file: &DownwardAPIVolumeFile, path: &Path<'_>, faults: &mut Faults) {
    if file.path.is_empty() {
        faults.required(&path.child("path"), "");
    }
    local_path(&file.path, &path.child("path"), faults);
    if file.field_ref.is_none() && file.resource_field_ref.is_none() {
        faults.required(path, "one of fieldRef and resourceFieldRef is required");
    }
    if file.field_ref.is_some() && file.resource_field_ref.is_some() {
        faults.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
    }
    mode(file.mode, &path.child("mode"), faults);
}

fn mode(mode: Option<i32>, path: &Path<'_>, faults: &mut Faults) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        faults.invalid(path, &mode, MODE_RULE);
    }
}

/// A path below another: not absolute, never upwards.
pub(super) fn descending_path(text: &str, path: &Path<'_>, faults: &mut Faults) {
    if text.starts_with('/') {
        faults.invalid(path, text, "must be a relative path");
    }
    no_backsteps(text, path, faults);
}

fn local_path(text: &str, path: &Path<'_>, faults: &mut Faults) {
    descending_path(text, path, faults);
    if text.starts_with("..") && !text.starts_with("../") && text != ".." {
        faults.invalid(path, text, "must not start with '..'");
    }
}

fn no_backsteps(text: &str, path: &Path<'_>, faults: &mut Faults) {
    if text.split('/').any(|part| part == "..") {
        faults.invalid(path, text, "must not contain '..'");
    }
}

/// Checks where a container mounts volumes. Kubernetes' own paths leave out the index for some of these faults.
pub(super) fn validate_mounts(container: &Container, volumes: &BTreeSet<&str>, path: &Path<'_>, faults: &mut Faults) {
    let mounts_path = path.child("volumeMounts");
    let devices = container.volume_devices.as_deref().unwrap_or_default();
    let mut taken = BTreeSet::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let path = mounts_path.index(index);
        if mount.name.is_empty() {
            faults.required(&path.child("name"), "");
        }
        if !volumes.contains(mount.name.as_str()) {
            faults.not_found(&path.child("name"), &mount.name);
        }
        if mount.mount_path.is_empty() {
            faults.required(&path.child("mountPath"), "");
        }
        if !taken.insert(mount.mount_path.as_str()) {
            faults.invalid(&path.child("mountPath"), &mount.mount_path, "must be unique");
        }
        if devices.iter().any(|device| device.name == mount.name) {
            faults.invalid(&path.child("name"), &mount.name, "must not already exist in volumeDevices");
        }
        if devices.iter().any(|device| device.device_path == mount.mount_path) {
            faults.invalid(&path.child("mountPath"), &mount.mount_path, "must not already exist as a path in volumeDevices");
        }
        sub_paths(mount, &mounts_path, &path, faults);
        propagation(mount, container, &mounts_path, faults);
    }
}

fn sub_paths(mount: &VolumeMount, mounts_path: &Path<'_>, path: &Path<'_>, faults: &mut Faults) {
    let sub_path = mount.sub_path.as_deref().unwrap_or_default();
    let expression = mount.sub_path_expr.as_deref().unwrap_or_default();
    if !sub_path.is_empty() {
        descending_path(sub_path, &mounts_path.child("subPath"), faults);
    }
    if !expression.is_empty() {
        if !sub_path.is_empty() {
            faults.invalid(&path.child("subPathExpr"), expression, "subPathExpr and subPath are mutually exclusive");
        }
        descending_path(expression, &mounts_path.child("subPathExpr"), faults);
    }
}

fn propagation(mount: &VolumeMount, container: &Container, mounts_path: &Path<'_>, faults: &mut Faults) {
    let mode = mount.mount_propagation.as_deref();
    if let Some(mode) = mode {
        let path = mounts_path.child("mountPropagation");
        faults.one_of(&path, mode, &["Bidirectional", "HostToContainer", "None"]);
        let is_privileged = container.security_context.as_ref().is_some_and(|context| context.privileged == Some(true));
        if mode == "Bidirectional" && !is_privileged {
            faults.forbidden(&path, "Bidirectional mount propagation is available only to privileged containers");
        }
    }
    if let Some(wanted) = mount.recursive_read_only.as_deref() {
        let path = mounts_path.child("recursiveReadOnly");
        faults.one_of(&path, wanted, &["Disabled", "Enabled", "IfPossible"]);
        if matches!(wanted, "Enabled" | "IfPossible") {
            if mount.read_only != Some(true) {
                faults.forbidden(&path, "may only be specified when readOnly is true");
            }
            if mode.is_some_and(|mode| mode != "None") {
                faults.forbidden(&path, "may only be specified when mountPropagation is None or not specified");
            }
        }
    }
}
