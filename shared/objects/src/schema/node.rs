//! Fields of nodes and events.
//!
//! A table: facts of the API, in the order of the API server's own types; `schema.rs` says what each column means.

use super::Shape::{Bool, Int32, Int64, List, Map, Quantity, Struct, Text, Time};
use super::meta::OBJECT_META;
use super::{Field, TEXT, Type, field, internal, tagged};
pub(crate) static TAINT: Type = internal(
    "Taint",
    &[
        field("Key", "key", TEXT).always(),
        field("Value", "value", TEXT),
        field("Effect", "effect", Text("v1.TaintEffect")).always(),
        field("TimeAdded", "timeAdded", Time).pointer(),
    ],
);

pub(crate) static CONFIG_MAP_NODE_CONFIG_SOURCE: Type = internal(
    "ConfigMapNodeConfigSource",
    &[
        field("Namespace", "namespace", TEXT).always(),
        field("Name", "name", TEXT).always(),
        field("UID", "uid", Text("types.UID")),
        field("ResourceVersion", "resourceVersion", TEXT),
        field("KubeletConfigKey", "kubeletConfigKey", TEXT).always(),
    ],
);

pub(crate) static NODE_CONFIG_SOURCE: Type =
    internal("NodeConfigSource", &[field("ConfigMap", "configMap", Struct(&CONFIG_MAP_NODE_CONFIG_SOURCE)).pointer()]);

pub(crate) static NODE_SPEC: Type = internal(
    "NodeSpec",
    &[
        field("PodCIDRs", "podCIDRs", List(&TEXT)).merge_set(),
        field("ProviderID", "providerID", TEXT),
        field("Unschedulable", "unschedulable", Bool),
        field("Taints", "taints", List(&Struct(&TAINT))),
        field("ConfigSource", "configSource", Struct(&NODE_CONFIG_SOURCE)).pointer(),
        field("DoNotUseExternalID", "externalID", TEXT),
        field("", "podCIDR", TEXT),
    ],
);

pub(crate) static NODE_CONDITION: Type = internal(
    "NodeCondition",
    &[
        field("Type", "type", Text("v1.NodeConditionType")).always(),
        field("Status", "status", Text("v1.ConditionStatus")).always(),
        field("LastHeartbeatTime", "lastHeartbeatTime", Time),
        field("LastTransitionTime", "lastTransitionTime", Time),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
    ],
);

pub(crate) static NODE_ADDRESS: Type = internal(
    "NodeAddress",
    &[field("Type", "type", Text("v1.NodeAddressType")).always(), field("Address", "address", TEXT).always()],
);

pub(crate) static DAEMON_ENDPOINT: Type = internal("DaemonEndpoint", &[field("Port", "Port", Int32).always()]);

pub(crate) static NODE_DAEMON_ENDPOINTS: Type =
    internal("NodeDaemonEndpoints", &[field("KubeletEndpoint", "kubeletEndpoint", Struct(&DAEMON_ENDPOINT)).always()]);

pub(crate) static NODE_SWAP_STATUS: Type = internal("NodeSwapStatus", &[field("Capacity", "capacity", Int64).pointer()]);

pub(crate) static NODE_SYSTEM_INFO: Type = internal(
    "NodeSystemInfo",
    &[
        field("MachineID", "machineID", TEXT).always(),
        field("SystemUUID", "systemUUID", TEXT).always(),
        field("BootID", "bootID", TEXT).always(),
        field("KernelVersion", "kernelVersion", TEXT).always(),
        field("OSImage", "osImage", TEXT).always(),
        field("ContainerRuntimeVersion", "containerRuntimeVersion", TEXT).always(),
        field("KubeletVersion", "kubeletVersion", TEXT).always(),
        field("KubeProxyVersion", "kubeProxyVersion", TEXT).always(),
        field("OperatingSystem", "operatingSystem", TEXT).always(),
        field("Architecture", "architecture", TEXT).always(),
        field("Swap", "swap", Struct(&NODE_SWAP_STATUS)).pointer(),
    ],
);

pub(crate) static CONTAINER_IMAGE: Type =
    internal("ContainerImage", &[field("Names", "names", List(&TEXT)).always(), field("SizeBytes", "sizeBytes", Int64)]);

pub(crate) static ATTACHED_VOLUME: Type = internal(
    "AttachedVolume",
    &[field("Name", "name", Text("v1.UniqueVolumeName")).always(), field("DevicePath", "devicePath", TEXT).always()],
);

pub(crate) static NODE_CONFIG_STATUS: Type = internal(
    "NodeConfigStatus",
    &[
        field("Assigned", "assigned", Struct(&NODE_CONFIG_SOURCE)).pointer(),
        field("Active", "active", Struct(&NODE_CONFIG_SOURCE)).pointer(),
        field("LastKnownGood", "lastKnownGood", Struct(&NODE_CONFIG_SOURCE)).pointer(),
        field("Error", "error", TEXT),
    ],
);

pub(crate) static NODE_RUNTIME_HANDLER_FEATURES: Type = internal(
    "NodeRuntimeHandlerFeatures",
    &[
        field("RecursiveReadOnlyMounts", "recursiveReadOnlyMounts", Bool).pointer(),
        field("UserNamespaces", "userNamespaces", Bool).pointer(),
    ],
);

pub(crate) static NODE_RUNTIME_HANDLER: Type = internal(
    "NodeRuntimeHandler",
    &[field("Name", "name", TEXT).always(), field("Features", "features", Struct(&NODE_RUNTIME_HANDLER_FEATURES)).pointer()],
);

pub(crate) static NODE_FEATURES: Type =
    internal("NodeFeatures", &[field("SupplementalGroupsPolicy", "supplementalGroupsPolicy", Bool).pointer()]);

pub(crate) static NODE_STATUS: Type = internal(
    "NodeStatus",
    &[
        field("Capacity", "capacity", Map(&Quantity)).named("v1.ResourceList"),
        field("Allocatable", "allocatable", Map(&Quantity)).named("v1.ResourceList"),
        field("Phase", "phase", Text("v1.NodePhase")),
        field("Conditions", "conditions", List(&Struct(&NODE_CONDITION))).merge_by("type"),
        field("Addresses", "addresses", List(&Struct(&NODE_ADDRESS))).merge_by("type"),
        field("DaemonEndpoints", "daemonEndpoints", Struct(&NODE_DAEMON_ENDPOINTS)).always(),
        field("NodeInfo", "nodeInfo", Struct(&NODE_SYSTEM_INFO)).always(),
        field("Images", "images", List(&Struct(&CONTAINER_IMAGE))),
        field("VolumesInUse", "volumesInUse", List(&Text("v1.UniqueVolumeName"))),
        field("VolumesAttached", "volumesAttached", List(&Struct(&ATTACHED_VOLUME))),
        field("Config", "config", Struct(&NODE_CONFIG_STATUS)).pointer(),
        field("RuntimeHandlers", "runtimeHandlers", List(&Struct(&NODE_RUNTIME_HANDLER))),
        field("Features", "features", Struct(&NODE_FEATURES)).pointer(),
        field("", "declaredFeatures", List(&TEXT)),
    ],
);

pub(crate) static NODE: Type = tagged(
    "Node",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&NODE_SPEC)),
        field("Status", "status", Struct(&NODE_STATUS)),
    ],
);

/// What a reference to an object has.
pub(crate) static OBJECT_REFERENCE_FIELDS: &[Field] = &[
    field("Kind", "kind", TEXT),
    field("Namespace", "namespace", TEXT),
    field("Name", "name", TEXT),
    field("UID", "uid", Text("types.UID")),
    field("APIVersion", "apiVersion", TEXT),
    field("ResourceVersion", "resourceVersion", TEXT),
    field("FieldPath", "fieldPath", TEXT),
];

pub(crate) static OBJECT_REFERENCE: Type = internal("ObjectReference", OBJECT_REFERENCE_FIELDS).atomic();

pub(crate) static EVENT_SOURCE: Type =
    internal("EventSource", &[field("Component", "component", TEXT), field("Host", "host", TEXT)]);

pub(crate) static EVENT_SERIES: Type =
    internal("EventSeries", &[field("Count", "count", Int32), field("LastObservedTime", "lastObservedTime", Time)]);

pub(crate) static EVENT: Type = tagged(
    "Event",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("InvolvedObject", "involvedObject", Struct(&OBJECT_REFERENCE)).always(),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
        field("Source", "source", Struct(&EVENT_SOURCE)).always(),
        field("FirstTimestamp", "firstTimestamp", Time),
        field("LastTimestamp", "lastTimestamp", Time),
        field("Count", "count", Int32),
        field("Type", "type", TEXT),
        field("EventTime", "eventTime", Time),
        field("Series", "series", Struct(&EVENT_SERIES)).pointer(),
        field("Action", "action", TEXT),
        field("Related", "related", Struct(&OBJECT_REFERENCE)).pointer(),
        field("ReportingController", "reportingComponent", TEXT).always(),
        field("ReportingInstance", "reportingInstance", TEXT).always(),
    ],
);
