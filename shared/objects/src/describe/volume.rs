//! The volumes of a pod, each with its source.

use super::page::Page;
use crate::lookup::{flag, list, scalar, text};
use serde_json::Value;

/// How a detail of a source is shown.
#[derive(Clone, Copy)]
enum Detail {
    /// As it is; nothing where it is missing.
    Plain,
    /// As it is; this where it is missing.
    Or(&'static str),
    /// `true` or `false`.
    Flag,
}

/// A kind of source: its field, what it is, its details with their JSON pointers.
struct Source {
    field: &'static str,
    kind: &'static str,
    details: &'static [(&'static str, &'static str, Detail)],
}

const SOURCES: &[Source] = &[
    Source {
        field: "hostPath",
        kind: "HostPath (bare host directory volume)",
        details: &[("Path", "/path", Detail::Plain), ("HostPathType", "/type", Detail::Or("<none>"))],
    },
    Source {
        field: "emptyDir",
        kind: "EmptyDir (a temporary directory that shares a pod's lifetime)",
        details: &[("Medium", "/medium", Detail::Plain), ("SizeLimit", "/sizeLimit", Detail::Or("<unset>"))],
    },
    Source {
        field: "gcePersistentDisk",
        kind: "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        details: &[
            ("PDName", "/pdName", Detail::Plain),
            ("FSType", "/fsType", Detail::Plain),
            ("Partition", "/partition", Detail::Or("0")),
            ("ReadOnly", "/readOnly", Detail::Flag),
        ],
    },
    Source {
        field: "awsElasticBlockStore",
        kind: "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        details: &[
            ("VolumeID", "/volumeID", Detail::Plain),
            ("FSType", "/fsType", Detail::Plain),
            ("Partition", "/partition", Detail::Or("0")),
            ("ReadOnly", "/readOnly", Detail::Flag),
        ],
    },
    Source {
        field: "gitRepo",
        kind: "GitRepo (a volume that is pulled from git when the pod is created)",
        details: &[("Repository", "/repository", Detail::Plain), ("Revision", "/revision", Detail::Plain)],
    },
    Source {
        field: "secret",
        kind: "Secret (a volume populated by a Secret)",
        details: &[("SecretName", "/secretName", Detail::Plain), ("Optional", "/optional", Detail::Flag)],
    },
    Source {
        field: "configMap",
        kind: "ConfigMap (a volume populated by a ConfigMap)",
        details: &[("Name", "/name", Detail::Plain), ("Optional", "/optional", Detail::Flag)],
    },
    Source {
        field: "nfs",
        kind: "NFS (an NFS mount that lasts the lifetime of a pod)",
        details: &[
            ("Server", "/server", Detail::Plain),
            ("Path", "/path", Detail::Plain),
            ("ReadOnly", "/readOnly", Detail::Flag),
        ],
    },
    Source {
        field: "persistentVolumeClaim",
        kind: "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        details: &[("ClaimName", "/claimName", Detail::Plain), ("ReadOnly", "/readOnly", Detail::Flag)],
    },
    Source {
        field: "csi",
        kind: "CSI (a Container Storage Interface (CSI) volume source)",
        details: &[
            ("Driver", "/driver", Detail::Plain),
            ("FSType", "/fsType", Detail::Plain),
            ("ReadOnly", "/readOnly", Detail::Flag),
        ],
    },
    Source {
        field: "image",
        kind: "Image (a container image or OCI artifact)",
        details: &[("Reference", "/reference", Detail::Plain), ("PullPolicy", "/pullPolicy", Detail::Plain)],
    },
];

/// Describes all volumes of a pod.
pub(super) fn describe_all(page: &mut Page<'_>, pod: &Value) {
    let volumes = list(pod, "/spec/volumes");
    if volumes.is_empty() {
        return page.field(0, "Volumes", "<none>");
    }
    page.line(0, "Volumes:");
    for volume in volumes {
        page.line(1, format!("{}:", text(volume, "/name")));
        if volume["projected"].is_object() {
            projected(page, &volume["projected"]);
        } else if volume["downwardAPI"].is_object() {
            downward(page, &volume["downwardAPI"]);
        } else if let Some(source) = SOURCES.iter().find(|source| volume[source.field].is_object()) {
            page.field(2, "Type", source.kind);
            for (label, pointer, detail) in source.details {
                page.field(2, label, shown(&volume[source.field], pointer, *detail));
            }
        } else {
            page.line(1, "<unknown>");
        }
    }
}

fn shown(source: &Value, pointer: &str, detail: Detail) -> String {
    let found = source.pointer(pointer).map(scalar);
    match detail {
        Detail::Flag => flag(source, pointer).to_string(),
        Detail::Or(other) => found.unwrap_or_else(|| other.to_owned()),
        Detail::Plain => found.unwrap_or_default(),
    }
}

fn projected(page: &mut Page<'_>, projected: &Value) {
    page.field(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
    for source in list(projected, "/sources") {
        if source["downwardAPI"].is_object() {
            page.field(2, "DownwardAPI", "true");
        } else if source["serviceAccountToken"].is_object() {
            page.field(2, "TokenExpirationSeconds", scalar(&source["serviceAccountToken"]["expirationSeconds"]));
        }
        for (field, label) in [("secret", "SecretName"), ("configMap", "ConfigMapName")] {
            if source[field].is_object() {
                page.field(2, label, text(&source[field], "/name"));
                page.field(2, "Optional", flag(&source[field], "/optional").to_string());
            }
        }
    }
}

fn downward(page: &mut Page<'_>, downward: &Value) {
    page.field(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
    page.line(2, "Items:");
    for item in list(downward, "/items") {
        for pointer in ["/fieldRef/fieldPath", "/resourceFieldRef/resource"] {
            let origin = text(item, pointer);
            if !origin.is_empty() {
                page.line(3, format!("{origin} -> {}", text(item, "/path")));
            }
        }
    }
}
