//! Fields of volumes.
//!
//! A table: facts of the API, in the order of the API server's own types; `schema.rs` says what each column means.

use super::Shape::{Bool, Int32, Int64, List, Map, Quantity, Struct, Text};
use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::pod::{LOCAL_OBJECT_REFERENCE, OBJECT_FIELD_SELECTOR, RESOURCE_FIELD_SELECTOR};
use super::{TEXT, Type, field, internal};
pub(crate) static HOST_PATH_VOLUME_SOURCE: Type = internal(
    "HostPathVolumeSource",
    &[field("Path", "path", TEXT).always(), field("Type", "type", Text("v1.HostPathType")).pointer()],
);

pub(crate) static EMPTY_DIR_VOLUME_SOURCE: Type = internal(
    "EmptyDirVolumeSource",
    &[field("Medium", "medium", Text("v1.StorageMedium")), field("SizeLimit", "sizeLimit", Quantity).pointer()],
);

pub(crate) static GCE_PERSISTENT_DISK_VOLUME_SOURCE: Type = internal(
    "GCEPersistentDiskVolumeSource",
    &[
        field("PDName", "pdName", TEXT).always(),
        field("FSType", "fsType", TEXT),
        field("Partition", "partition", Int32),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE: Type = internal(
    "AWSElasticBlockStoreVolumeSource",
    &[
        field("VolumeID", "volumeID", TEXT).always(),
        field("FSType", "fsType", TEXT),
        field("Partition", "partition", Int32),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static GIT_REPO_VOLUME_SOURCE: Type = internal(
    "GitRepoVolumeSource",
    &[
        field("Repository", "repository", TEXT).always(),
        field("Revision", "revision", TEXT),
        field("Directory", "directory", TEXT),
    ],
);

pub(crate) static KEY_TO_PATH: Type = internal(
    "KeyToPath",
    &[field("Key", "key", TEXT).always(), field("Path", "path", TEXT).always(), field("Mode", "mode", Int32).pointer()],
);

pub(crate) static SECRET_VOLUME_SOURCE: Type = internal(
    "SecretVolumeSource",
    &[
        field("SecretName", "secretName", TEXT),
        field("Items", "items", List(&Struct(&KEY_TO_PATH))),
        field("DefaultMode", "defaultMode", Int32).pointer(),
        field("Optional", "optional", Bool).pointer(),
    ],
);

pub(crate) static NFS_VOLUME_SOURCE: Type = internal(
    "NFSVolumeSource",
    &[field("Server", "server", TEXT).always(), field("Path", "path", TEXT).always(), field("ReadOnly", "readOnly", Bool)],
);

pub(crate) static ISCSI_VOLUME_SOURCE: Type = internal(
    "ISCSIVolumeSource",
    &[
        field("TargetPortal", "targetPortal", TEXT).always(),
        field("IQN", "iqn", TEXT).always(),
        field("Lun", "lun", Int32).always(),
        field("ISCSIInterface", "iscsiInterface", TEXT),
        field("FSType", "fsType", TEXT),
        field("ReadOnly", "readOnly", Bool),
        field("Portals", "portals", List(&TEXT)),
        field("DiscoveryCHAPAuth", "chapAuthDiscovery", Bool),
        field("SessionCHAPAuth", "chapAuthSession", Bool),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
        field("InitiatorName", "initiatorName", TEXT).pointer(),
    ],
);

pub(crate) static GLUSTERFS_VOLUME_SOURCE: Type = internal(
    "GlusterfsVolumeSource",
    &[
        field("EndpointsName", "endpoints", TEXT).always(),
        field("Path", "path", TEXT).always(),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: Type = internal(
    "PersistentVolumeClaimVolumeSource",
    &[field("ClaimName", "claimName", TEXT).always(), field("ReadOnly", "readOnly", Bool)],
);

pub(crate) static RBD_VOLUME_SOURCE: Type = internal(
    "RBDVolumeSource",
    &[
        field("CephMonitors", "monitors", List(&TEXT)).always(),
        field("RBDImage", "image", TEXT).always(),
        field("FSType", "fsType", TEXT),
        field("RBDPool", "pool", TEXT),
        field("RadosUser", "user", TEXT),
        field("Keyring", "keyring", TEXT),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static QUOBYTE_VOLUME_SOURCE: Type = internal(
    "QuobyteVolumeSource",
    &[
        field("Registry", "registry", TEXT).always(),
        field("Volume", "volume", TEXT).always(),
        field("ReadOnly", "readOnly", Bool),
        field("User", "user", TEXT),
        field("Group", "group", TEXT),
        field("Tenant", "tenant", TEXT),
    ],
);

pub(crate) static FLEX_VOLUME_SOURCE: Type = internal(
    "FlexVolumeSource",
    &[
        field("Driver", "driver", TEXT).always(),
        field("FSType", "fsType", TEXT),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
        field("ReadOnly", "readOnly", Bool),
        field("Options", "options", Map(&TEXT)),
    ],
);

pub(crate) static CINDER_VOLUME_SOURCE: Type = internal(
    "CinderVolumeSource",
    &[
        field("VolumeID", "volumeID", TEXT).always(),
        field("FSType", "fsType", TEXT),
        field("ReadOnly", "readOnly", Bool),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
    ],
);

pub(crate) static CEPH_FS_VOLUME_SOURCE: Type = internal(
    "CephFSVolumeSource",
    &[
        field("Monitors", "monitors", List(&TEXT)).always(),
        field("Path", "path", TEXT),
        field("User", "user", TEXT),
        field("SecretFile", "secretFile", TEXT),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static FLOCKER_VOLUME_SOURCE: Type =
    internal("FlockerVolumeSource", &[field("DatasetName", "datasetName", TEXT), field("DatasetUUID", "datasetUUID", TEXT)]);

pub(crate) static DOWNWARD_API_VOLUME_FILE: Type = internal(
    "DownwardAPIVolumeFile",
    &[
        field("Path", "path", TEXT).always(),
        field("FieldRef", "fieldRef", Struct(&OBJECT_FIELD_SELECTOR)).pointer(),
        field("ResourceFieldRef", "resourceFieldRef", Struct(&RESOURCE_FIELD_SELECTOR)).pointer(),
        field("Mode", "mode", Int32).pointer(),
    ],
);

pub(crate) static DOWNWARD_API_VOLUME_SOURCE: Type = internal(
    "DownwardAPIVolumeSource",
    &[field("Items", "items", List(&Struct(&DOWNWARD_API_VOLUME_FILE))), field("DefaultMode", "defaultMode", Int32).pointer()],
);

pub(crate) static FC_VOLUME_SOURCE: Type = internal(
    "FCVolumeSource",
    &[
        field("TargetWWNs", "targetWWNs", List(&TEXT)),
        field("Lun", "lun", Int32).pointer(),
        field("FSType", "fsType", TEXT),
        field("ReadOnly", "readOnly", Bool),
        field("WWIDs", "wwids", List(&TEXT)),
    ],
);

pub(crate) static AZURE_FILE_VOLUME_SOURCE: Type = internal(
    "AzureFileVolumeSource",
    &[
        field("SecretName", "secretName", TEXT).always(),
        field("ShareName", "shareName", TEXT).always(),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static CONFIG_MAP_VOLUME_SOURCE: Type = internal(
    "ConfigMapVolumeSource",
    &[
        field("Name", "name", TEXT),
        field("Items", "items", List(&Struct(&KEY_TO_PATH))),
        field("DefaultMode", "defaultMode", Int32).pointer(),
        field("Optional", "optional", Bool).pointer(),
    ],
);

pub(crate) static VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE: Type = internal(
    "VsphereVirtualDiskVolumeSource",
    &[
        field("VolumePath", "volumePath", TEXT).always(),
        field("FSType", "fsType", TEXT),
        field("StoragePolicyName", "storagePolicyName", TEXT),
        field("StoragePolicyID", "storagePolicyID", TEXT),
    ],
);

pub(crate) static AZURE_DISK_VOLUME_SOURCE: Type = internal(
    "AzureDiskVolumeSource",
    &[
        field("DiskName", "diskName", TEXT).always(),
        field("DataDiskURI", "diskURI", TEXT).always(),
        field("CachingMode", "cachingMode", Text("v1.AzureDataDiskCachingMode")).pointer(),
        field("FSType", "fsType", TEXT).pointer(),
        field("ReadOnly", "readOnly", Bool).pointer(),
        field("Kind", "kind", Text("v1.AzureDataDiskKind")).pointer(),
    ],
);

pub(crate) static PHOTON_PERSISTENT_DISK_VOLUME_SOURCE: Type =
    internal("PhotonPersistentDiskVolumeSource", &[field("PdID", "pdID", TEXT).always(), field("FSType", "fsType", TEXT)]);

pub(crate) static SECRET_PROJECTION: Type = internal(
    "SecretProjection",
    &[
        field("Name", "name", TEXT),
        field("Items", "items", List(&Struct(&KEY_TO_PATH))),
        field("Optional", "optional", Bool).pointer(),
    ],
);

pub(crate) static DOWNWARD_API_PROJECTION: Type =
    internal("DownwardAPIProjection", &[field("Items", "items", List(&Struct(&DOWNWARD_API_VOLUME_FILE)))]);

pub(crate) static CONFIG_MAP_PROJECTION: Type = internal(
    "ConfigMapProjection",
    &[
        field("Name", "name", TEXT),
        field("Items", "items", List(&Struct(&KEY_TO_PATH))),
        field("Optional", "optional", Bool).pointer(),
    ],
);

pub(crate) static SERVICE_ACCOUNT_TOKEN_PROJECTION: Type = internal(
    "ServiceAccountTokenProjection",
    &[
        field("Audience", "audience", TEXT),
        field("ExpirationSeconds", "expirationSeconds", Int64).pointer(),
        field("Path", "path", TEXT).always(),
    ],
);

pub(crate) static CLUSTER_TRUST_BUNDLE_PROJECTION: Type = internal(
    "ClusterTrustBundleProjection",
    &[
        field("Name", "name", TEXT).pointer(),
        field("SignerName", "signerName", TEXT).pointer(),
        field("LabelSelector", "labelSelector", Struct(&LABEL_SELECTOR)).pointer(),
        field("Optional", "optional", Bool).pointer(),
        field("Path", "path", TEXT).always(),
    ],
);

pub(crate) static POD_CERTIFICATE_PROJECTION: Type = internal(
    "PodCertificateProjection",
    &[
        field("SignerName", "signerName", TEXT),
        field("KeyType", "keyType", TEXT),
        field("MaxExpirationSeconds", "maxExpirationSeconds", Int32).pointer(),
        field("CredentialBundlePath", "credentialBundlePath", TEXT),
        field("KeyPath", "keyPath", TEXT),
        field("CertificateChainPath", "certificateChainPath", TEXT),
        field("", "userAnnotations", Map(&TEXT)),
    ],
);

pub(crate) static VOLUME_PROJECTION: Type = internal(
    "VolumeProjection",
    &[
        field("Secret", "secret", Struct(&SECRET_PROJECTION)).pointer(),
        field("DownwardAPI", "downwardAPI", Struct(&DOWNWARD_API_PROJECTION)).pointer(),
        field("ConfigMap", "configMap", Struct(&CONFIG_MAP_PROJECTION)).pointer(),
        field("ServiceAccountToken", "serviceAccountToken", Struct(&SERVICE_ACCOUNT_TOKEN_PROJECTION)).pointer(),
        field("ClusterTrustBundle", "clusterTrustBundle", Struct(&CLUSTER_TRUST_BUNDLE_PROJECTION)).pointer(),
        field("PodCertificate", "podCertificate", Struct(&POD_CERTIFICATE_PROJECTION)).pointer(),
    ],
);

pub(crate) static PROJECTED_VOLUME_SOURCE: Type = internal(
    "ProjectedVolumeSource",
    &[
        field("Sources", "sources", List(&Struct(&VOLUME_PROJECTION))).always(),
        field("DefaultMode", "defaultMode", Int32).pointer(),
    ],
);

pub(crate) static PORTWORX_VOLUME_SOURCE: Type = internal(
    "PortworxVolumeSource",
    &[field("VolumeID", "volumeID", TEXT).always(), field("FSType", "fsType", TEXT), field("ReadOnly", "readOnly", Bool)],
);

pub(crate) static SCALE_IO_VOLUME_SOURCE: Type = internal(
    "ScaleIOVolumeSource",
    &[
        field("Gateway", "gateway", TEXT).always(),
        field("System", "system", TEXT).always(),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer().always(),
        field("SSLEnabled", "sslEnabled", Bool),
        field("ProtectionDomain", "protectionDomain", TEXT),
        field("StoragePool", "storagePool", TEXT),
        field("StorageMode", "storageMode", TEXT),
        field("VolumeName", "volumeName", TEXT),
        field("FSType", "fsType", TEXT),
        field("ReadOnly", "readOnly", Bool),
    ],
);

pub(crate) static STORAGE_OS_VOLUME_SOURCE: Type = internal(
    "StorageOSVolumeSource",
    &[
        field("VolumeName", "volumeName", TEXT),
        field("VolumeNamespace", "volumeNamespace", TEXT),
        field("FSType", "fsType", TEXT),
        field("ReadOnly", "readOnly", Bool),
        field("SecretRef", "secretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
    ],
);

pub(crate) static CSI_VOLUME_SOURCE: Type = internal(
    "CSIVolumeSource",
    &[
        field("Driver", "driver", TEXT).always(),
        field("ReadOnly", "readOnly", Bool).pointer(),
        field("FSType", "fsType", TEXT).pointer(),
        field("VolumeAttributes", "volumeAttributes", Map(&TEXT)),
        field("NodePublishSecretRef", "nodePublishSecretRef", Struct(&LOCAL_OBJECT_REFERENCE)).pointer(),
    ],
);

pub(crate) static VOLUME_RESOURCE_REQUIREMENTS: Type = internal(
    "VolumeResourceRequirements",
    &[
        field("Limits", "limits", Map(&Quantity)).named("v1.ResourceList"),
        field("Requests", "requests", Map(&Quantity)).named("v1.ResourceList"),
    ],
);

pub(crate) static TYPED_LOCAL_OBJECT_REFERENCE: Type = internal(
    "TypedLocalObjectReference",
    &[
        field("APIGroup", "apiGroup", TEXT).pointer().always(),
        field("Kind", "kind", TEXT).always(),
        field("Name", "name", TEXT).always(),
    ],
)
.atomic();

pub(crate) static TYPED_OBJECT_REFERENCE: Type = internal(
    "TypedObjectReference",
    &[
        field("APIGroup", "apiGroup", TEXT).pointer().always(),
        field("Kind", "kind", TEXT).always(),
        field("Name", "name", TEXT).always(),
        field("Namespace", "namespace", TEXT).pointer(),
    ],
);

pub(crate) static PERSISTENT_VOLUME_CLAIM_SPEC: Type = internal(
    "PersistentVolumeClaimSpec",
    &[
        field("AccessModes", "accessModes", List(&Text("v1.PersistentVolumeAccessMode"))),
        field("Selector", "selector", Struct(&LABEL_SELECTOR)).pointer(),
        field("Resources", "resources", Struct(&VOLUME_RESOURCE_REQUIREMENTS)).always(),
        field("VolumeName", "volumeName", TEXT),
        field("StorageClassName", "storageClassName", TEXT).pointer(),
        field("VolumeMode", "volumeMode", Text("v1.PersistentVolumeMode")).pointer(),
        field("DataSource", "dataSource", Struct(&TYPED_LOCAL_OBJECT_REFERENCE)).pointer(),
        field("DataSourceRef", "dataSourceRef", Struct(&TYPED_OBJECT_REFERENCE)).pointer(),
        field("VolumeAttributesClassName", "volumeAttributesClassName", TEXT).pointer(),
    ],
);

pub(crate) static PERSISTENT_VOLUME_CLAIM_TEMPLATE: Type = internal(
    "PersistentVolumeClaimTemplate",
    &[field("ObjectMeta", "metadata", Struct(&OBJECT_META)), field("Spec", "spec", Struct(&PERSISTENT_VOLUME_CLAIM_SPEC))],
);

pub(crate) static EPHEMERAL_VOLUME_SOURCE: Type = internal(
    "EphemeralVolumeSource",
    &[field("VolumeClaimTemplate", "volumeClaimTemplate", Struct(&PERSISTENT_VOLUME_CLAIM_TEMPLATE)).pointer()],
);

pub(crate) static IMAGE_VOLUME_SOURCE: Type = internal(
    "ImageVolumeSource",
    &[field("Reference", "reference", TEXT), field("PullPolicy", "pullPolicy", Text("v1.PullPolicy"))],
);

pub(crate) static VOLUME: Type = internal(
    "Volume",
    &[
        field("Name", "name", TEXT).always(),
        field("HostPath", "hostPath", Struct(&HOST_PATH_VOLUME_SOURCE)).pointer(),
        field("EmptyDir", "emptyDir", Struct(&EMPTY_DIR_VOLUME_SOURCE)).pointer(),
        field("GCEPersistentDisk", "gcePersistentDisk", Struct(&GCE_PERSISTENT_DISK_VOLUME_SOURCE)).pointer(),
        field("AWSElasticBlockStore", "awsElasticBlockStore", Struct(&AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)).pointer(),
        field("GitRepo", "gitRepo", Struct(&GIT_REPO_VOLUME_SOURCE)).pointer(),
        field("Secret", "secret", Struct(&SECRET_VOLUME_SOURCE)).pointer(),
        field("NFS", "nfs", Struct(&NFS_VOLUME_SOURCE)).pointer(),
        field("ISCSI", "iscsi", Struct(&ISCSI_VOLUME_SOURCE)).pointer(),
        field("Glusterfs", "glusterfs", Struct(&GLUSTERFS_VOLUME_SOURCE)).pointer(),
        field("PersistentVolumeClaim", "persistentVolumeClaim", Struct(&PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE)).pointer(),
        field("RBD", "rbd", Struct(&RBD_VOLUME_SOURCE)).pointer(),
        field("Quobyte", "quobyte", Struct(&QUOBYTE_VOLUME_SOURCE)).pointer(),
        field("FlexVolume", "flexVolume", Struct(&FLEX_VOLUME_SOURCE)).pointer(),
        field("Cinder", "cinder", Struct(&CINDER_VOLUME_SOURCE)).pointer(),
        field("CephFS", "cephfs", Struct(&CEPH_FS_VOLUME_SOURCE)).pointer(),
        field("Flocker", "flocker", Struct(&FLOCKER_VOLUME_SOURCE)).pointer(),
        field("DownwardAPI", "downwardAPI", Struct(&DOWNWARD_API_VOLUME_SOURCE)).pointer(),
        field("FC", "fc", Struct(&FC_VOLUME_SOURCE)).pointer(),
        field("AzureFile", "azureFile", Struct(&AZURE_FILE_VOLUME_SOURCE)).pointer(),
        field("ConfigMap", "configMap", Struct(&CONFIG_MAP_VOLUME_SOURCE)).pointer(),
        field("VsphereVolume", "vsphereVolume", Struct(&VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE)).pointer(),
        field("AzureDisk", "azureDisk", Struct(&AZURE_DISK_VOLUME_SOURCE)).pointer(),
        field("PhotonPersistentDisk", "photonPersistentDisk", Struct(&PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)).pointer(),
        field("Projected", "projected", Struct(&PROJECTED_VOLUME_SOURCE)).pointer(),
        field("PortworxVolume", "portworxVolume", Struct(&PORTWORX_VOLUME_SOURCE)).pointer(),
        field("ScaleIO", "scaleIO", Struct(&SCALE_IO_VOLUME_SOURCE)).pointer(),
        field("StorageOS", "storageos", Struct(&STORAGE_OS_VOLUME_SOURCE)).pointer(),
        field("CSI", "csi", Struct(&CSI_VOLUME_SOURCE)).pointer(),
        field("Ephemeral", "ephemeral", Struct(&EPHEMERAL_VOLUME_SOURCE)).pointer(),
        field("Image", "image", Struct(&IMAGE_VOLUME_SOURCE)).pointer(),
    ],
);
