//! Fields of a pod's specification.
//!
//! A table: facts of the API, in the order of the API server's own types; `schema.rs` says what each column means.

use super::Shape::{Bool, Int32, Int64, IntOrString, List, Map, Quantity, Struct, Text};
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

pub(crate) static CONTAINER_PORT: Type = internal(
    "ContainerPort",
    &[
        field("Name", "name", TEXT),
        field("HostPort", "hostPort", Int32),
        field("ContainerPort", "containerPort", Int32).always(),
        field("Protocol", "protocol", Text("v1.Protocol")),
        field("HostIP", "hostIP", TEXT),
    ],
);

pub(crate) static CONFIG_MAP_ENV_SOURCE: Type =
    internal("ConfigMapEnvSource", &[field("Name", "name", TEXT), field("Optional", "optional", Bool).pointer()]);

pub(crate) static SECRET_ENV_SOURCE: Type =
    internal("SecretEnvSource", &[field("Name", "name", TEXT), field("Optional", "optional", Bool).pointer()]);

pub(crate) static ENV_FROM_SOURCE: Type = internal(
    "EnvFromSource",
    &[
        field("Prefix", "prefix", TEXT),
        field("ConfigMapRef", "configMapRef", Struct(&CONFIG_MAP_ENV_SOURCE)).pointer(),
        field("SecretRef", "secretRef", Struct(&SECRET_ENV_SOURCE)).pointer(),
    ],
);

pub(crate) static CONFIG_MAP_KEY_SELECTOR: Type = internal(
    "ConfigMapKeySelector",
    &[field("Name", "name", TEXT), field("Key", "key", TEXT).always(), field("Optional", "optional", Bool).pointer()],
)
.atomic();

pub(crate) static SECRET_KEY_SELECTOR: Type = internal(
    "SecretKeySelector",
    &[field("Name", "name", TEXT), field("Key", "key", TEXT).always(), field("Optional", "optional", Bool).pointer()],
)
.atomic();

pub(crate) static FILE_KEY_SELECTOR: Type = internal(
    "FileKeySelector",
    &[
        field("VolumeName", "volumeName", TEXT).always(),
        field("Path", "path", TEXT).always(),
        field("Key", "key", TEXT).always(),
        field("Optional", "optional", Bool).pointer(),
    ],
)
.atomic();

pub(crate) static ENV_VAR_SOURCE: Type = internal(
    "EnvVarSource",
    &[
        field("FieldRef", "fieldRef", Struct(&OBJECT_FIELD_SELECTOR)).pointer(),
        field("ResourceFieldRef", "resourceFieldRef", Struct(&RESOURCE_FIELD_SELECTOR)).pointer(),
        field("ConfigMapKeyRef", "configMapKeyRef", Struct(&CONFIG_MAP_KEY_SELECTOR)).pointer(),
        field("SecretKeyRef", "secretKeyRef", Struct(&SECRET_KEY_SELECTOR)).pointer(),
        field("FileKeyRef", "fileKeyRef", Struct(&FILE_KEY_SELECTOR)).pointer(),
    ],
);

pub(crate) static ENV_VAR: Type = internal(
    "EnvVar",
    &[
        field("Name", "name", TEXT).always(),
        field("Value", "value", TEXT),
        field("ValueFrom", "valueFrom", Struct(&ENV_VAR_SOURCE)).pointer(),
    ],
);

pub(crate) static RESOURCE_CLAIM: Type =
    internal("ResourceClaim", &[field("Name", "name", TEXT).always(), field("Request", "request", TEXT)]);

pub(crate) static RESOURCE_REQUIREMENTS: Type = internal(
    "ResourceRequirements",
    &[
        field("Limits", "limits", Map(&Quantity)).named("v1.ResourceList"),
        field("Requests", "requests", Map(&Quantity)).named("v1.ResourceList"),
        field("Claims", "claims", List(&Struct(&RESOURCE_CLAIM))).keyed_by(&["name"]),
    ],
);

pub(crate) static CONTAINER_RESIZE_POLICY: Type = internal(
    "ContainerResizePolicy",
    &[
        field("ResourceName", "resourceName", Text("v1.ResourceName")).always(),
        field("RestartPolicy", "restartPolicy", Text("v1.ResourceResizeRestartPolicy")).always(),
    ],
);

pub(crate) static CONTAINER_RESTART_RULE_ON_EXIT_CODES: Type = internal(
    "ContainerRestartRuleOnExitCodes",
    &[field("Operator", "operator", Text("v1.ContainerRestartRuleOnExitCodesOperator")), field("Values", "values", List(&Int32))],
);

pub(crate) static CONTAINER_RESTART_RULE: Type = internal(
    "ContainerRestartRule",
    &[
        field("Action", "action", Text("v1.ContainerRestartRuleAction")),
        field("ExitCodes", "exitCodes", Struct(&CONTAINER_RESTART_RULE_ON_EXIT_CODES)).pointer(),
    ],
);

pub(crate) static VOLUME_MOUNT: Type = internal(
    "VolumeMount",
    &[
        field("Name", "name", TEXT).always(),
        field("ReadOnly", "readOnly", Bool),
        field("RecursiveReadOnly", "recursiveReadOnly", Text("v1.RecursiveReadOnlyMode")).pointer(),
        field("MountPath", "mountPath", TEXT).always(),
        field("SubPath", "subPath", TEXT),
        field("MountPropagation", "mountPropagation", Text("v1.MountPropagationMode")).pointer(),
        field("SubPathExpr", "subPathExpr", TEXT),
    ],
);

pub(crate) static VOLUME_DEVICE: Type =
    internal("VolumeDevice", &[field("Name", "name", TEXT).always(), field("DevicePath", "devicePath", TEXT).always()]);

pub(crate) static EXEC_ACTION: Type = internal("ExecAction", &[field("Command", "command", List(&TEXT))]);

pub(crate) static HTTP_HEADER: Type =
    internal("HTTPHeader", &[field("Name", "name", TEXT).always(), field("Value", "value", TEXT).always()]);

pub(crate) static HTTP_GET_ACTION: Type = internal(
    "HTTPGetAction",
    &[
        field("Path", "path", TEXT),
        field("Port", "port", IntOrString).always(),
        field("Host", "host", TEXT),
        field("Scheme", "scheme", Text("v1.URIScheme")),
        field("HTTPHeaders", "httpHeaders", List(&Struct(&HTTP_HEADER))),
    ],
);

pub(crate) static TCP_SOCKET_ACTION: Type =
    internal("TCPSocketAction", &[field("Port", "port", IntOrString).always(), field("Host", "host", TEXT)]);

pub(crate) static GRPC_ACTION: Type =
    internal("GRPCAction", &[field("Port", "port", Int32).always(), field("Service", "service", TEXT).pointer().always()]);

pub(crate) static PROBE: Type = internal(
    "Probe",
    &[
        field("Exec", "exec", Struct(&EXEC_ACTION)).pointer(),
        field("HTTPGet", "httpGet", Struct(&HTTP_GET_ACTION)).pointer(),
        field("TCPSocket", "tcpSocket", Struct(&TCP_SOCKET_ACTION)).pointer(),
        field("GRPC", "grpc", Struct(&GRPC_ACTION)).pointer(),
        field("InitialDelaySeconds", "initialDelaySeconds", Int32),
        field("TimeoutSeconds", "timeoutSeconds", Int32),
        field("PeriodSeconds", "periodSeconds", Int32),
        field("SuccessThreshold", "successThreshold", Int32),
        field("FailureThreshold", "failureThreshold", Int32),
        field("TerminationGracePeriodSeconds", "terminationGracePeriodSeconds", Int64).pointer(),
    ],
);

pub(crate) static SLEEP_ACTION: Type = internal("SleepAction", &[field("Seconds", "seconds", Int64).always()]);

pub(crate) static LIFECYCLE_HANDLER: Type = internal(
    "LifecycleHandler",
    &[
        field("Exec", "exec", Struct(&EXEC_ACTION)).pointer(),
        field("HTTPGet", "httpGet", Struct(&HTTP_GET_ACTION)).pointer(),
        field("TCPSocket", "tcpSocket", Struct(&TCP_SOCKET_ACTION)).pointer(),
        field("Sleep", "sleep", Struct(&SLEEP_ACTION)).pointer(),
    ],
);

pub(crate) static LIFECYCLE: Type = internal(
    "Lifecycle",
    &[
        field("PostStart", "postStart", Struct(&LIFECYCLE_HANDLER)).pointer(),
        field("PreStop", "preStop", Struct(&LIFECYCLE_HANDLER)).pointer(),
        field("StopSignal", "stopSignal", Text("v1.Signal")).pointer(),
    ],
);

pub(crate) static CAPABILITIES: Type = internal(
    "Capabilities",
    &[field("Add", "add", List(&Text("v1.Capability"))), field("Drop", "drop", List(&Text("v1.Capability")))],
);

pub(crate) static SE_LINUX_OPTIONS: Type = internal(
    "SELinuxOptions",
    &[field("User", "user", TEXT), field("Role", "role", TEXT), field("Type", "type", TEXT), field("Level", "level", TEXT)],
);

pub(crate) static WINDOWS_SECURITY_CONTEXT_OPTIONS: Type = internal(
    "WindowsSecurityContextOptions",
    &[
        field("GMSACredentialSpecName", "gmsaCredentialSpecName", TEXT).pointer(),
        field("GMSACredentialSpec", "gmsaCredentialSpec", TEXT).pointer(),
        field("RunAsUserName", "runAsUserName", TEXT).pointer(),
        field("HostProcess", "hostProcess", Bool).pointer(),
    ],
);

pub(crate) static SECCOMP_PROFILE: Type = internal(
    "SeccompProfile",
    &[
        field("Type", "type", Text("v1.SeccompProfileType")).always(),
        field("LocalhostProfile", "localhostProfile", TEXT).pointer(),
    ],
);

pub(crate) static APP_ARMOR_PROFILE: Type = internal(
    "AppArmorProfile",
    &[
        field("Type", "type", Text("v1.AppArmorProfileType")).always(),
        field("LocalhostProfile", "localhostProfile", TEXT).pointer(),
    ],
);

pub(crate) static SECURITY_CONTEXT: Type = internal(
    "SecurityContext",
    &[
        field("Capabilities", "capabilities", Struct(&CAPABILITIES)).pointer(),
        field("Privileged", "privileged", Bool).pointer(),
        field("SELinuxOptions", "seLinuxOptions", Struct(&SE_LINUX_OPTIONS)).pointer(),
        field("WindowsOptions", "windowsOptions", Struct(&WINDOWS_SECURITY_CONTEXT_OPTIONS)).pointer(),
        field("RunAsUser", "runAsUser", Int64).pointer(),
        field("RunAsGroup", "runAsGroup", Int64).pointer(),
        field("RunAsNonRoot", "runAsNonRoot", Bool).pointer(),
        field("ReadOnlyRootFilesystem", "readOnlyRootFilesystem", Bool).pointer(),
        field("AllowPrivilegeEscalation", "allowPrivilegeEscalation", Bool).pointer(),
        field("ProcMount", "procMount", Text("v1.ProcMountType")).pointer(),
        field("SeccompProfile", "seccompProfile", Struct(&SECCOMP_PROFILE)).pointer(),
        field("AppArmorProfile", "appArmorProfile", Struct(&APP_ARMOR_PROFILE)).pointer(),
    ],
);

pub(crate) static CONTAINER: Type = internal(
    "Container",
    &[
        field("Name", "name", TEXT).always(),
        field("Image", "image", TEXT),
        field("Command", "command", List(&TEXT)),
        field("Args", "args", List(&TEXT)),
        field("WorkingDir", "workingDir", TEXT),
        field("Ports", "ports", List(&Struct(&CONTAINER_PORT)))
            .merge_by("containerPort")
            .keyed_by(&["containerPort", "protocol"]),
        field("EnvFrom", "envFrom", List(&Struct(&ENV_FROM_SOURCE))),
        field("Env", "env", List(&Struct(&ENV_VAR))).merge_by("name"),
        field("Resources", "resources", Struct(&RESOURCE_REQUIREMENTS)).always(),
        field("ResizePolicy", "resizePolicy", List(&Struct(&CONTAINER_RESIZE_POLICY))),
        field("RestartPolicy", "restartPolicy", Text("v1.ContainerRestartPolicy")).pointer(),
        field("RestartPolicyRules", "restartPolicyRules", List(&Struct(&CONTAINER_RESTART_RULE))),
        field("VolumeMounts", "volumeMounts", List(&Struct(&VOLUME_MOUNT))).merge_by("mountPath"),
        field("VolumeDevices", "volumeDevices", List(&Struct(&VOLUME_DEVICE))).merge_by("devicePath"),
        field("LivenessProbe", "livenessProbe", Struct(&PROBE)).pointer(),
        field("ReadinessProbe", "readinessProbe", Struct(&PROBE)).pointer(),
        field("StartupProbe", "startupProbe", Struct(&PROBE)).pointer(),
        field("Lifecycle", "lifecycle", Struct(&LIFECYCLE)).pointer(),
        field("TerminationMessagePath", "terminationMessagePath", TEXT),
        field("TerminationMessagePolicy", "terminationMessagePolicy", Text("v1.TerminationMessagePolicy")),
        field("ImagePullPolicy", "imagePullPolicy", Text("v1.PullPolicy")),
        field("SecurityContext", "securityContext", Struct(&SECURITY_CONTEXT)).pointer(),
        field("Stdin", "stdin", Bool),
        field("StdinOnce", "stdinOnce", Bool),
        field("TTY", "tty", Bool),
    ],
);

pub(crate) static EPHEMERAL_CONTAINER: Type = internal(
    "EphemeralContainer",
    &[
        field("Name", "name", TEXT).always(),
        field("Image", "image", TEXT),
        field("Command", "command", List(&TEXT)),
        field("Args", "args", List(&TEXT)),
        field("WorkingDir", "workingDir", TEXT),
        field("Ports", "ports", List(&Struct(&CONTAINER_PORT)))
            .merge_by("containerPort")
            .keyed_by(&["containerPort", "protocol"]),
        field("EnvFrom", "envFrom", List(&Struct(&ENV_FROM_SOURCE))),
        field("Env", "env", List(&Struct(&ENV_VAR))).merge_by("name"),
        field("Resources", "resources", Struct(&RESOURCE_REQUIREMENTS)).always(),
        field("ResizePolicy", "resizePolicy", List(&Struct(&CONTAINER_RESIZE_POLICY))),
        field("RestartPolicy", "restartPolicy", Text("v1.ContainerRestartPolicy")).pointer(),
        field("RestartPolicyRules", "restartPolicyRules", List(&Struct(&CONTAINER_RESTART_RULE))),
        field("VolumeMounts", "volumeMounts", List(&Struct(&VOLUME_MOUNT))).merge_by("mountPath"),
        field("VolumeDevices", "volumeDevices", List(&Struct(&VOLUME_DEVICE))).merge_by("devicePath"),
        field("LivenessProbe", "livenessProbe", Struct(&PROBE)).pointer(),
        field("ReadinessProbe", "readinessProbe", Struct(&PROBE)).pointer(),
        field("StartupProbe", "startupProbe", Struct(&PROBE)).pointer(),
        field("Lifecycle", "lifecycle", Struct(&LIFECYCLE)).pointer(),
        field("TerminationMessagePath", "terminationMessagePath", TEXT),
        field("TerminationMessagePolicy", "terminationMessagePolicy", Text("v1.TerminationMessagePolicy")),
        field("ImagePullPolicy", "imagePullPolicy", Text("v1.PullPolicy")),
        field("SecurityContext", "securityContext", Struct(&SECURITY_CONTEXT)).pointer(),
        field("Stdin", "stdin", Bool),
        field("StdinOnce", "stdinOnce", Bool),
        field("TTY", "tty", Bool),
        field("TargetContainerName", "targetContainerName", TEXT),
    ],
);

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
