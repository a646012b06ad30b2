//! Admission with what the store knows: namespaces that are there, classes of priority, who manages which fields.

use super::{Verbs, key};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use objects::admission::{self, Admission, Admitted, Priority, Privileged};
use objects::managed::{self, Manager};
use objects::{Cause, Kind, Status, StatusDetails, lookup};
use serde_json::Value;
use uuid::Uuid;

/// The manager of what is written over the console's connection.
const SKIFF: &str = "skiff";

/// Names of managers are no longer (`apimachinery/pkg/apis/meta/v1/validation`).
const MAX_MANAGER_CHARS: usize = 128;

impl Verbs {
    /// Admits a new object.
    pub(super) fn admit_new(&self, kind: Kind, mut object: Value, namespace: &str, manager: &str) -> Result<Admitted, Status> {
        if kind == Kind::Node {
            return Err(not_allowed(kind, "create"));
        }
        self.check_namespace(kind, &object, namespace)?;
        if kind == Kind::Pod {
            self.add_pull_secrets(&mut object, namespace);
        }
        let class = self.priority_of(kind, &object)?;
        let suffix = name_suffix();
        let priority = Priority { class: &class.name, value: class.value, preemption: &class.preemption };
        let mut admitted = admission::admit_create(object, &Admission { priority, ..context(namespace, &suffix) })?;
        self.check_classes(kind, &admitted.object)?;
        match kind {
            Kind::Pod => refuse_unsupported(&mut admitted)?,
            Kind::Service => admitted
                .warnings
                .push("the service is kept, and nothing leads to its pods: there are no service addresses yet".to_owned()),
            kind if kind.makes_pods() => refuse_in_template(kind, &mut admitted)?,
            _ => {}
        }
        set_managed(&mut admitted.object, None, kind, (manager, ""))?;
        Ok(admitted)
    }

    /// Admits a change of an object.
    pub(super) fn admit_change(&self, old: &Value, new: Value, namespace: &str, manager: &str) -> Result<Admitted, Status> {
        let kind = super::write::kind_of(old)?;
        let mut admitted = admission::admit_update(old, new, &context(namespace, ""))?;
        self.check_classes(kind, &admitted.object)?;
        if kind == Kind::Pod {
            refuse_unsupported(&mut admitted)?;
        } else if kind.makes_pods() && old.pointer("/spec/template") != admitted.object.pointer("/spec/template") {
            refuse_in_template(kind, &mut admitted)?;
        }
        set_managed(&mut admitted.object, Some(old), kind, (manager, ""))?;
        Ok(admitted)
    }

    /// Nothing is made in a namespace that is not there or goes (`plugin/namespace/lifecycle`).
    fn check_namespace(&self, kind: Kind, object: &Value, namespace: &str) -> Result<(), Status> {
        if !kind.is_namespaced() {
            return Ok(());
        }
        let own = lookup::namespace(object);
        let namespace = if own.is_empty() { namespace } else { own };
        let Some(found) = self.store.get(&key(Kind::Namespace, "", namespace)) else {
            return Err(Status::not_found(Kind::Namespace, namespace));
        };
        if found.to_value().pointer("/metadata/deletionTimestamp").is_none() {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut status = Status::forbidden(kind, lookup::name(object), &why);
        if let Some(details) = &mut status.details {
            details.causes.push(Cause {
                reason: "NamespaceTerminating".to_owned(),
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".to_owned(),
            });
        }
        Err(status)
    }

    /// A pod that names no `imagePullSecrets` gets those of its service account (`plugin/pkg/admission/serviceaccount`).
    fn add_pull_secrets(&self, pod: &mut Value, namespace: &str) {
        let own = lookup::namespace(pod);
        let namespace = if own.is_empty() { namespace } else { own };
        let named = lookup::text(pod, "/spec/serviceAccountName");
        let account = if named.is_empty() { "default" } else { named };
        let Some(account) = self.store.get(&key(Kind::ServiceAccount, namespace, account)) else { return };
        let secrets = account.to_value().get("imagePullSecrets").cloned().unwrap_or_default();
        let has_some = |list: Option<&Value>| list.and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
        if has_some(Some(&secrets)) && !has_some(spec.get("imagePullSecrets")) {
            spec.insert("imagePullSecrets".to_owned(), secrets);
        }
    }

    /// What the class of a new pod comes to: its own, or the default one.
    fn priority_of(&self, kind: Kind, object: &Value) -> Result<Class, Status> {
        if kind != Kind::Pod {
            return Ok(Class::default());
        }
        let name = lookup::text(object, "/spec/priorityClassName");
        if name.is_empty() {
            return Ok(self.default_class().unwrap_or_default());
        }
        match self.store.get(&key(Kind::PriorityClass, "", name)) {
            Some(class) => Ok(Class::of(&class.to_value())),
            None => Err(Status::forbidden(kind, lookup::name(object), &format!("no PriorityClass with name {name} was found"))),
        }
    }

    fn default_class(&self) -> Option<Class> {
        let classes = self.store.list(Kind::PriorityClass, None).items;
        let defaults = classes.iter().map(|class| class.to_value()).filter(|class| lookup::flag(class, "/globalDefault"));
        // Two sides of a split may each have made one: the lesser counts, as in Kubernetes.
        defaults.map(|class| Class::of(&class)).min_by_key(|class| class.value)
    }

    /// Only one class can be the default one.
    fn check_classes(&self, kind: Kind, object: &Value) -> Result<(), Status> {
        if kind != Kind::PriorityClass || !lookup::flag(object, "/globalDefault") {
            return Ok(());
        }
        match self.default_class().filter(|class| class.name != lookup::name(object)) {
            None => Ok(()),
            Some(other) => {
                let why = format!("PriorityClass {} is already marked as default. Only one default can exist", other.name);
                Err(Status::forbidden(kind, lookup::name(object), &why))
            }
        }
    }
}

/// A class of priority.
#[derive(Debug)]
struct Class {
    name: String,
    value: i64,
    preemption: String,
}

impl Default for Class {
    fn default() -> Self {
        let none = Priority::default();
        Self { name: none.class.to_owned(), value: none.value, preemption: none.preemption.to_owned() }
    }
}

impl Class {
    fn of(class: &Value) -> Self {
        Self {
            name: lookup::name(class).to_owned(),
            value: lookup::number(class, "/value"),
            preemption: lookup::text(class, "/preemptionPolicy").to_owned(),
        }
    }
}

/// Who writes, now.
pub(super) fn by<'a>(manager: &'a str, subresource: &'a str) -> Manager<'a> {
    Manager { name: if manager.is_empty() { SKIFF } else { manager }, subresource, now: Timestamp::now() }
}

/// Writes down who manages which fields of an object that was created or changed. The console's own writes have no manager's name:
/// they are noted only on objects of which it is known already who manages them.
pub(super) fn set_managed(
    object: &mut Value,
    old: Option<&Value>,
    kind: Kind,
    (manager, subresource): (&str, &str),
) -> Result<(), Status> {
    let is_known = old.is_some_and(|old| old.pointer("/metadata/managedFields").is_some());
    if manager.is_empty() && !is_known {
        return Ok(());
    }
    check_manager(manager)?;
    let manager = &by(manager, subresource);
    let entries = managed::track(old, object, kind, manager);
    put_managed(object, entries);
    Ok(())
}

pub(super) fn put_managed(object: &mut Value, entries: Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        match entries.as_array().is_some_and(Vec::is_empty) {
            true => metadata.remove("managedFields"),
            false => metadata.insert("managedFields".to_owned(), entries),
        };
    }
}

/// The name of a manager is short and can be printed.
pub(super) fn check_manager(name: &str) -> Result<(), Status> {
    let why = if name.chars().count() > MAX_MANAGER_CHARS {
        format!("Too long: may not be more than {MAX_MANAGER_CHARS} bytes")
    } else if name.chars().any(char::is_control) {
        format!("Invalid value: {name:?}: should only contain printable characters")
    } else {
        return Ok(());
    };
    Err(invalid_patch_options("FieldValueInvalid", "fieldManager", &why))
}

/// 422 for the options of a patch.
pub(super) fn invalid_patch_options(reason: &str, field: &str, message: &str) -> Status {
    let cause = Cause { reason: reason.to_owned(), message: message.to_owned(), field: field.to_owned() };
    let details = StatusDetails {
        name: String::new(),
        group: "meta.k8s.io".to_owned(),
        kind: "PatchOptions".to_owned(),
        causes: vec![cause],
    };
    Status {
        code: 422,
        reason: "Invalid".to_owned(),
        message: format!("PatchOptions.meta.k8s.io \"\" is invalid: {field}: {message}"),
        details: Some(Box::new(details)),
    }
}

/// What this release cannot run is refused whole; what it ignores is told.
pub(super) fn refuse_unsupported(admitted: &mut Admitted) -> Result<(), Status> {
    let pod: Pod = serde_json::from_value(admitted.object.clone()).map_err(|error| Status::bad_request(error.to_string()))?;
    let causes = admission::refuse_unsupported(&pod);
    if !causes.is_empty() {
        return Err(Status::invalid(Kind::Pod, pod.metadata.name.as_deref().unwrap_or_default(), causes));
    }
    admitted.warnings.extend(admission::warn_without_effect(&pod));
    Ok(())
}

/// The same for the pods of a template.
fn refuse_in_template(kind: Kind, admitted: &mut Admitted) -> Result<(), Status> {
    let causes = admission::refuse_unsupported_template(&admitted.object);
    if !causes.is_empty() {
        return Err(Status::invalid(kind, lookup::name(&admitted.object), causes));
    }
    admitted.warnings.extend(admission::warn_without_effect_in_template(&admitted.object));
    Ok(())
}

pub(super) fn context<'a>(namespace: &'a str, name_suffix: &'a str) -> Admission<'a> {
    Admission {
        namespace,
        now: Timestamp::now(),
        uid: Uuid::new_v4().to_string(),
        name_suffix,
        privileged: Privileged::Allowed,
        priority: Priority::default(),
    }
}

/// Five characters that spell no word: `apimachinery/pkg/util/rand`.
fn name_suffix() -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = Uuid::new_v4();
    // The first six bytes of a version 4 uuid are random whole.
    random.as_bytes()[..5].iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

pub(super) fn not_allowed(kind: Kind, verb: &str) -> Status {
    Status {
        code: 405,
        reason: "MethodNotAllowed".to_owned(),
        message: format!("{verb} is not supported on resources of kind \"{}\"", kind.resource()),
        details: None,
    }
}
