//! Fields of a container, and of what it is made of.
//!
//! A table, as the one of pods.

use super::Shape::{Bool, Int32, Int64, IntOrString, List, Map, Quantity, Struct, Text};
use super::pod::{OBJECT_FIELD_SELECTOR, RESOURCE_FIELD_SELECTOR};
use super::{TEXT, Type, field, internal};

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

/// The fields of a container, and more: a container that is added to a running pod has the same and one of its own
/// (`k8s.io/kubernetes/pkg/apis/core/types.go:EphemeralContainerCommon`).
macro_rules! container_fields {
    ($($more:expr),*) => {
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
            $($more),*
        ]
    };
}

pub(crate) static CONTAINER: Type = internal("Container", container_fields!());

pub(crate) static EPHEMERAL_CONTAINER: Type =
    internal("EphemeralContainer", container_fields!(field("TargetContainerName", "targetContainerName", TEXT)));
