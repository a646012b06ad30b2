//! Fields of a pod's specification.
//!
//! A table: facts of the API, in the order of the API server's own types; `schema.rs` says what each column means.

use super::Shape::{Bool, Int32, Int64, List, Map, Quantity, Struct, Text};
use super::container::{
    APP_ARMOR_PROFILE, CONTAINER, EPHEMERAL_CONTAINER, RESOURCE_REQUIREMENTS, SE_LINUX_OPTIONS, SECCOMP_PROFILE,
    WINDOWS_SECURITY_CONTEXT_OPTIONS,
};
use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::status::POD_STATUS;
use super::volume::VOLUME;
use super::{TEXT, Type, field, internal, tagged};
pub(crate) static LOCAL_OBJECT_REFERENCE: Type = internal("LocalObjectReference", &[field("Name", "name", TEXT)]).atomic();

pub(crate) static OBJECT_FIELD_SELECTOR: Type =
    internal("ObjectFieldSelector", &[field("APIVersion", "apiVersion", TEXT), field("FieldPath", "fieldPath", TEXT).always()])
        .atomic();

pub(crate) static RESOURCE_FIELD_SELECTOR: Type = internal(
    "ResourceFieldSelector",
    &[
        field("ContainerName", "containerName", TEXT),
        field("Resource", "resource", TEXT).always(),
        field("Divisor", "divisor", Quantity).always(),
    ],
)
.atomic();

pub(crate) static SYSCTL: Type =
    internal("Sysctl", &[field("Name", "name", TEXT).always(), field("Value", "value", TEXT).always()]);

pub(crate) static POD_SECURITY_CONTEXT: Type = internal(
    "PodSecurityContext",
    &[
        field("HostNetwork", "^hostNetwork", Bool),
        field("HostPID", "^hostPID", Bool),
        field("HostIPC", "^hostIPC", Bool),
        field("ShareProcessNamespace", "^shareProcessNamespace", Bool).pointer(),
        field("HostUsers", "^hostUsers", Bool).pointer(),
        field("SELinuxOptions", "seLinuxOptions", Struct(&SE_LINUX_OPTIONS)).pointer(),
        field("WindowsOptions", "windowsOptions", Struct(&WINDOWS_SECURITY_CONTEXT_OPTIONS)).pointer(),
        field("RunAsUser", "runAsUser", Int64).pointer(),
        field("RunAsGroup", "runAsGroup", Int64).pointer(),
        field("RunAsNonRoot", "runAsNonRoot", Bool).pointer(),
        field("SupplementalGroups", "supplementalGroups", List(&Int64)),
        field("SupplementalGroupsPolicy", "supplementalGroupsPolicy", Text("v1.SupplementalGroupsPolicy")).pointer(),
        field("FSGroup", "fsGroup", Int64).pointer(),
        field("FSGroupChangePolicy", "fsGroupChangePolicy", Text("v1.PodFSGroupChangePolicy")).pointer(),
        field("Sysctls", "sysctls", List(&Struct(&SYSCTL))),
        field("SeccompProfile", "seccompProfile", Struct(&SECCOMP_PROFILE)).pointer(),
        field("AppArmorProfile", "appArmorProfile", Struct(&APP_ARMOR_PROFILE)).pointer(),
        field("SELinuxChangePolicy", "seLinuxChangePolicy", Text("v1.PodSELinuxChangePolicy")).pointer(),
    ],
);

pub(crate) static NODE_SELECTOR_REQUIREMENT: Type = internal(
    "NodeSelectorRequirement",
    &[
        field("Key", "key", TEXT).always(),
        field("Operator", "operator", Text("v1.NodeSelectorOperator")).always(),
        field("Values", "values", List(&TEXT)),
    ],
);

pub(crate) static NODE_SELECTOR_TERM: Type = internal(
    "NodeSelectorTerm",
    &[
        field("MatchExpressions", "matchExpressions", List(&Struct(&NODE_SELECTOR_REQUIREMENT))),
        field("MatchFields", "matchFields", List(&Struct(&NODE_SELECTOR_REQUIREMENT))),
    ],
)
.atomic();

pub(crate) static NODE_SELECTOR: Type =
    internal("NodeSelector", &[field("NodeSelectorTerms", "nodeSelectorTerms", List(&Struct(&NODE_SELECTOR_TERM))).always()])
        .atomic();

pub(crate) static PREFERRED_SCHEDULING_TERM: Type = internal(
    "PreferredSchedulingTerm",
    &[field("Weight", "weight", Int32).always(), field("Preference", "preference", Struct(&NODE_SELECTOR_TERM)).always()],
);

pub(crate) static NODE_AFFINITY: Type = internal(
    "NodeAffinity",
    &[
        field(
            "RequiredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
            Struct(&NODE_SELECTOR),
        )
        .pointer(),
        field(
            "PreferredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            List(&Struct(&PREFERRED_SCHEDULING_TERM)),
        ),
    ],
);

pub(crate) static POD_AFFINITY_TERM: Type = internal(
    "PodAffinityTerm",
    &[
        field("LabelSelector", "labelSelector", Struct(&LABEL_SELECTOR)).pointer(),
        field("Namespaces", "namespaces", List(&TEXT)),
        field("TopologyKey", "topologyKey", TEXT).always(),
        field("NamespaceSelector", "namespaceSelector", Struct(&LABEL_SELECTOR)).pointer(),
        field("MatchLabelKeys", "matchLabelKeys", List(&TEXT)),
        field("MismatchLabelKeys", "mismatchLabelKeys", List(&TEXT)),
    ],
);

pub(crate) static WEIGHTED_POD_AFFINITY_TERM: Type = internal(
    "WeightedPodAffinityTerm",
    &[
        field("Weight", "weight", Int32).always(),
        field("PodAffinityTerm", "podAffinityTerm", Struct(&POD_AFFINITY_TERM)).always(),
    ],
);

pub(crate) static POD_AFFINITY: Type = internal(
    "PodAffinity",
    &[
        field(
            "RequiredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
            List(&Struct(&POD_AFFINITY_TERM)),
        ),
        field(
            "PreferredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            List(&Struct(&WEIGHTED_POD_AFFINITY_TERM)),
        ),
    ],
);

pub(crate) static POD_ANTI_AFFINITY: Type = internal(
    "PodAntiAffinity",
    &[
        field(
            "RequiredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
            List(&Struct(&POD_AFFINITY_TERM)),
        ),
        field(
            "PreferredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            List(&Struct(&WEIGHTED_POD_AFFINITY_TERM)),
        ),
    ],
);

pub(crate) static AFFINITY: Type = internal(
    "Affinity",
    &[
        field("NodeAffinity", "nodeAffinity", Struct(&NODE_AFFINITY)).pointer(),
        field("PodAffinity", "podAffinity", Struct(&POD_AFFINITY)).pointer(),
        field("PodAntiAffinity", "podAntiAffinity", Struct(&POD_ANTI_AFFINITY)).pointer(),
    ],
);

pub(crate) static TOLERATION: Type = internal(
    "Toleration",
    &[
        field("Key", "key", TEXT),
        field("Operator", "operator", Text("v1.TolerationOperator")),
        field("Value", "value", TEXT),
        field("Effect", "effect", Text("v1.TaintEffect")),
        field("TolerationSeconds", "tolerationSeconds", Int64).pointer(),
    ],
);

pub(crate) static HOST_ALIAS: Type =
    internal("HostAlias", &[field("IP", "ip", TEXT).always(), field("Hostnames", "hostnames", List(&TEXT))]);

pub(crate) static POD_DNS_CONFIG_OPTION: Type =
    internal("PodDNSConfigOption", &[field("Name", "name", TEXT), field("Value", "value", TEXT).pointer()]);

pub(crate) static POD_DNS_CONFIG: Type = internal(
    "PodDNSConfig",
    &[
        field("Nameservers", "nameservers", List(&TEXT)),
        field("Searches", "searches", List(&TEXT)),
        field("Options", "options", List(&Struct(&POD_DNS_CONFIG_OPTION))),
    ],
);

pub(crate) static POD_READINESS_GATE: Type =
    internal("PodReadinessGate", &[field("ConditionType", "conditionType", Text("v1.PodConditionType")).always()]);

pub(crate) static TOPOLOGY_SPREAD_CONSTRAINT: Type = internal(
    "TopologySpreadConstraint",
    &[
        field("MaxSkew", "maxSkew", Int32).always(),
        field("TopologyKey", "topologyKey", TEXT).always(),
        field("WhenUnsatisfiable", "whenUnsatisfiable", Text("v1.UnsatisfiableConstraintAction")).always(),
        field("LabelSelector", "labelSelector", Struct(&LABEL_SELECTOR)).pointer(),
        field("MinDomains", "minDomains", Int32).pointer(),
        field("NodeAffinityPolicy", "nodeAffinityPolicy", Text("v1.NodeInclusionPolicy")).pointer(),
        field("NodeTaintsPolicy", "nodeTaintsPolicy", Text("v1.NodeInclusionPolicy")).pointer(),
        field("MatchLabelKeys", "matchLabelKeys", List(&TEXT)),
    ],
);

pub(crate) static POD_OS: Type = internal("PodOS", &[field("Name", "name", Text("v1.OSName")).always()]);

pub(crate) static POD_SCHEDULING_GATE: Type = internal("PodSchedulingGate", &[field("Name", "name", TEXT).always()]);

pub(crate) static POD_RESOURCE_CLAIM: Type = internal(
    "PodResourceClaim",
    &[
        field("Name", "name", TEXT).always(),
        field("ResourceClaimName", "resourceClaimName", TEXT).pointer(),
        field("ResourceClaimTemplateName", "resourceClaimTemplateName", TEXT).pointer(),
    ],
);

pub(crate) static POD_SCHEDULING_GROUP: Type =
    internal("PodSchedulingGroup", &[field("PodGroupName", "podGroupName", TEXT).pointer()]);

pub(crate) static POD_SPEC: Type = internal(
    "PodSpec",
    &[
        field("Volumes", "volumes", List(&Struct(&VOLUME))).merge_by("name").retain_keys(),
        field("InitContainers", "initContainers", List(&Struct(&CONTAINER))).merge_by("name"),
        field("Containers", "containers", List(&Struct(&CONTAINER))).always().merge_by("name"),
        field("EphemeralContainers", "ephemeralContainers", List(&Struct(&EPHEMERAL_CONTAINER))).merge_by("name"),
        field("RestartPolicy", "restartPolicy", Text("v1.RestartPolicy")),
        field("TerminationGracePeriodSeconds", "terminationGracePeriodSeconds", Int64).pointer(),
        field("ActiveDeadlineSeconds", "activeDeadlineSeconds", Int64).pointer(),
        field("DNSPolicy", "dnsPolicy", Text("v1.DNSPolicy")),
        field("NodeSelector", "nodeSelector", Map(&TEXT)).atomic(),
        field("ServiceAccountName", "serviceAccountName", TEXT),
        field("AutomountServiceAccountToken", "automountServiceAccountToken", Bool).pointer(),
        field("NodeName", "nodeName", TEXT),
        field("SecurityContext", "securityContext", Struct(&POD_SECURITY_CONTEXT)).pointer(),
        field("ImagePullSecrets", "imagePullSecrets", List(&Struct(&LOCAL_OBJECT_REFERENCE))).merge_by("name"),
        field("Hostname", "hostname", TEXT),
        field("Subdomain", "subdomain", TEXT),
        field("SetHostnameAsFQDN", "setHostnameAsFQDN", Bool).pointer(),
        field("Affinity", "affinity", Struct(&AFFINITY)).pointer(),
        field("SchedulerName", "schedulerName", TEXT),
        field("Tolerations", "tolerations", List(&Struct(&TOLERATION))),
        field("HostAliases", "hostAliases", List(&Struct(&HOST_ALIAS))).merge_by("ip"),
        field("PriorityClassName", "priorityClassName", TEXT),
        field("Priority", "priority", Int32).pointer(),
        field("PreemptionPolicy", "preemptionPolicy", Text("v1.PreemptionPolicy")).pointer(),
        field("DNSConfig", "dnsConfig", Struct(&POD_DNS_CONFIG)).pointer(),
        field("ReadinessGates", "readinessGates", List(&Struct(&POD_READINESS_GATE))),
        field("RuntimeClassName", "runtimeClassName", TEXT).pointer(),
        field("Overhead", "overhead", Map(&Quantity)).named("v1.ResourceList"),
        field("EnableServiceLinks", "enableServiceLinks", Bool).pointer(),
        field("TopologySpreadConstraints", "topologySpreadConstraints", List(&Struct(&TOPOLOGY_SPREAD_CONSTRAINT)))
            .merge_by("topologyKey")
            .keyed_by(&["topologyKey", "whenUnsatisfiable"]),
        field("OS", "os", Struct(&POD_OS)).pointer(),
        field("SchedulingGates", "schedulingGates", List(&Struct(&POD_SCHEDULING_GATE))).merge_by("name"),
        field("ResourceClaims", "resourceClaims", List(&Struct(&POD_RESOURCE_CLAIM))).merge_by("name").retain_keys(),
        field("Resources", "resources", Struct(&RESOURCE_REQUIREMENTS)).pointer(),
        field("HostnameOverride", "hostnameOverride", TEXT).pointer(),
        field("SchedulingGroup", "schedulingGroup", Struct(&POD_SCHEDULING_GROUP)).pointer(),
        field("", "serviceAccount", TEXT),
        field("", "hostNetwork", Bool),
        field("", "hostPID", Bool),
        field("", "hostIPC", Bool),
        field("", "shareProcessNamespace", Bool).pointer(),
        field("", "hostUsers", Bool).pointer(),
    ],
);

pub(crate) static CONTAINER_EXTENDED_RESOURCE_REQUEST: Type = internal(
    "ContainerExtendedResourceRequest",
    &[
        field("ContainerName", "containerName", TEXT).always(),
        field("ResourceName", "resourceName", TEXT).always(),
        field("RequestName", "requestName", TEXT).always(),
    ],
);

pub(crate) static POD: Type = tagged(
    "Pod",
    &[
        field("Kind", "kind", TEXT),
        field("APIVersion", "apiVersion", TEXT),
        field("ObjectMeta", "metadata", Struct(&OBJECT_META)),
        field("Spec", "spec", Struct(&POD_SPEC)),
        field("Status", "status", Struct(&POD_STATUS)),
    ],
);
