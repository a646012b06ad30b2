//! Fields of a pod's status.
//!
//! A table: facts of the API, in the order of the API server's own types; `schema.rs` says what each column means.

use super::Shape::{Bool, Int32, Int64, List, Map, Quantity, Struct, Text, Time};
use super::container::RESOURCE_REQUIREMENTS;
use super::pod::CONTAINER_EXTENDED_RESOURCE_REQUEST;
use super::{TEXT, Type, field, internal, tagged};
pub(crate) static POD_CONDITION: Type = internal(
    "PodCondition",
    &[
        field("Type", "type", Text("v1.PodConditionType")).always(),
        field("ObservedGeneration", "observedGeneration", Int64),
        field("Status", "status", Text("v1.ConditionStatus")).always(),
        field("LastProbeTime", "lastProbeTime", Time),
        field("LastTransitionTime", "lastTransitionTime", Time),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
    ],
);

pub(crate) static HOST_IP: Type = internal("HostIP", &[field("IP", "ip", TEXT).always()]);

pub(crate) static POD_IP: Type = internal("PodIP", &[field("IP", "ip", TEXT).always()]);

pub(crate) static CONTAINER_STATE_WAITING: Type =
    internal("ContainerStateWaiting", &[field("Reason", "reason", TEXT), field("Message", "message", TEXT)]);

pub(crate) static CONTAINER_STATE_RUNNING: Type = internal("ContainerStateRunning", &[field("StartedAt", "startedAt", Time)]);

pub(crate) static CONTAINER_STATE_TERMINATED: Type = internal(
    "ContainerStateTerminated",
    &[
        field("ExitCode", "exitCode", Int32).always(),
        field("Signal", "signal", Int32),
        field("Reason", "reason", TEXT),
        field("Message", "message", TEXT),
        field("StartedAt", "startedAt", Time),
        field("FinishedAt", "finishedAt", Time),
        field("ContainerID", "containerID", TEXT),
    ],
);

pub(crate) static CONTAINER_STATE: Type = internal(
    "ContainerState",
    &[
        field("Waiting", "waiting", Struct(&CONTAINER_STATE_WAITING)).pointer(),
        field("Running", "running", Struct(&CONTAINER_STATE_RUNNING)).pointer(),
        field("Terminated", "terminated", Struct(&CONTAINER_STATE_TERMINATED)).pointer(),
    ],
);

pub(crate) static IMAGE_VOLUME_STATUS: Type = tagged("ImageVolumeStatus", &[field("ImageRef", "imageRef", TEXT)]);

pub(crate) static VOLUME_STATUS: Type =
    tagged("VolumeStatus", &[field("Image", "image", Struct(&IMAGE_VOLUME_STATUS)).pointer()]);

pub(crate) static VOLUME_MOUNT_STATUS: Type = internal(
    "VolumeMountStatus",
    &[
        field("Name", "name", TEXT).always(),
        field("MountPath", "mountPath", TEXT).always(),
        field("ReadOnly", "readOnly", Bool),
        field("RecursiveReadOnly", "recursiveReadOnly", Text("v1.RecursiveReadOnlyMode")).pointer(),
        field("", "volumeStatus", Struct(&VOLUME_STATUS)).pointer(),
    ],
);

pub(crate) static LINUX_CONTAINER_USER: Type = internal(
    "LinuxContainerUser",
    &[
        field("UID", "uid", Int64).always(),
        field("GID", "gid", Int64).always(),
        field("SupplementalGroups", "supplementalGroups", List(&Int64)),
    ],
);

pub(crate) static CONTAINER_USER: Type =
    internal("ContainerUser", &[field("Linux", "linux", Struct(&LINUX_CONTAINER_USER)).pointer()]);

pub(crate) static RESOURCE_HEALTH: Type = internal(
    "ResourceHealth",
    &[
        field("ResourceID", "resourceID", Text("v1.ResourceID")).always(),
        field("Health", "health", Text("v1.ResourceHealthStatus")),
        field("", "message", TEXT).pointer(),
    ],
);

pub(crate) static RESOURCE_STATUS: Type = internal(
    "ResourceStatus",
    &[field("Name", "name", Text("v1.ResourceName")).always(), field("Resources", "resources", List(&Struct(&RESOURCE_HEALTH)))],
);

pub(crate) static CONTAINER_STATUS: Type = internal(
    "ContainerStatus",
    &[
        field("Name", "name", TEXT).always(),
        field("State", "state", Struct(&CONTAINER_STATE)).always(),
        field("LastTerminationState", "lastState", Struct(&CONTAINER_STATE)).always(),
        field("Ready", "ready", Bool).always(),
        field("RestartCount", "restartCount", Int32).always(),
        field("Image", "image", TEXT).always(),
        field("ImageID", "imageID", TEXT).always(),
        field("ContainerID", "containerID", TEXT),
        field("Started", "started", Bool).pointer(),
        field("AllocatedResources", "allocatedResources", Map(&Quantity)).named("v1.ResourceList"),
        field("Resources", "resources", Struct(&RESOURCE_REQUIREMENTS)).pointer(),
        field("VolumeMounts", "volumeMounts", List(&Struct(&VOLUME_MOUNT_STATUS))).merge_by("mountPath"),
        field("User", "user", Struct(&CONTAINER_USER)).pointer(),
        field("AllocatedResourcesStatus", "allocatedResourcesStatus", List(&Struct(&RESOURCE_STATUS))).merge_by("name"),
        field("StopSignal", "stopSignal", Text("v1.Signal")).pointer(),
    ],
);

pub(crate) static POD_RESOURCE_CLAIM_STATUS: Type = internal(
    "PodResourceClaimStatus",
    &[field("Name", "name", TEXT).always(), field("ResourceClaimName", "resourceClaimName", TEXT).pointer()],
);

pub(crate) static POD_EXTENDED_RESOURCE_CLAIM_STATUS: Type = internal(
    "PodExtendedResourceClaimStatus",
    &[
        field("RequestMappings", "requestMappings", List(&Struct(&CONTAINER_EXTENDED_RESOURCE_REQUEST))).always(),
        field("ResourceClaimName", "resourceClaimName", TEXT).always(),
    ],
);

pub(crate) static NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS: Type = tagged(
    "NodeAllocatableResourceClaimStatus",
    &[
        field("ResourceClaimName", "resourceClaimName", TEXT).always(),
        field("Containers", "containers", List(&TEXT)),
        field("Resources", "resources", Map(&Quantity)).always(),
    ],
);

pub(crate) static POD_STATUS: Type = tagged(
    "PodStatus",
    &[
        field("ObservedGeneration", "observedGeneration", Int64),
        field("Phase", "phase", Text("v1.PodPhase")),
        field("Conditions", "conditions", List(&Struct(&POD_CONDITION))).merge_by("type"),
        field("Message", "message", TEXT),
        field("Reason", "reason", TEXT),
        field("NominatedNodeName", "nominatedNodeName", TEXT),
        field("HostIP", "hostIP", TEXT),
        field("HostIPs", "hostIPs", List(&Struct(&HOST_IP))).merge_by("ip").atomic(),
        field("PodIP", "podIP", TEXT),
        field("PodIPs", "podIPs", List(&Struct(&POD_IP))).merge_by("ip"),
        field("StartTime", "startTime", Time).pointer(),
        field("InitContainerStatuses", "initContainerStatuses", List(&Struct(&CONTAINER_STATUS))),
        field("ContainerStatuses", "containerStatuses", List(&Struct(&CONTAINER_STATUS))),
        field("QOSClass", "qosClass", Text("v1.PodQOSClass")),
        field("EphemeralContainerStatuses", "ephemeralContainerStatuses", List(&Struct(&CONTAINER_STATUS))),
        field("Resize", "resize", Text("v1.PodResizeStatus")),
        field("ResourceClaimStatuses", "resourceClaimStatuses", List(&Struct(&POD_RESOURCE_CLAIM_STATUS)))
            .merge_by("name")
            .retain_keys(),
        field("ExtendedResourceClaimStatus", "extendedResourceClaimStatus", Struct(&POD_EXTENDED_RESOURCE_CLAIM_STATUS))
            .pointer(),
        field("AllocatedResources", "allocatedResources", Map(&Quantity)).named("v1.ResourceList"),
        field("Resources", "resources", Struct(&RESOURCE_REQUIREMENTS)).pointer(),
        field(
            "NodeAllocatableResourceClaimStatuses",
            "nodeAllocatableResourceClaimStatuses",
            List(&Struct(&NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS)),
        ),
    ],
);
