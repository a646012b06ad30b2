//! Kubernetes' protobuf: bodies of clients written in Go, and answers for those that take nothing else.
//!
//! A document is `k8s\0`, an envelope that says which kind it is, and the message. Messages are the JSON that the same object has, by a
//! table of their fields' numbers; a field that the table does not have is not lost in silence: the body is refused, and JSON, which every
//! client can send, is the way. Where a client takes both, it gets JSON, which is what the daemon keeps.

mod messages;
mod read;
mod wire;
mod write;

use objects::Status;
use objects::lookup;
use serde_json::Value;
use wire::{Parts, Wire, put_bytes};

const MAGIC: &[u8] = b"k8s\0";

/// The media type.
pub const MEDIA: &str = "application/vnd.kubernetes.protobuf";
/// The media type of a watch: events one after the other, each with its length before it.
pub const WATCH_MEDIA: &str = "application/vnd.kubernetes.protobuf;stream=watch";

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Broken(&'static str),
    Unknown(String),
}

/// Reads a body as the JSON of its object.
///
/// # Errors
/// 400 where it is broken, 415 for a kind or field that is taken as JSON only.
pub fn decode(body: &[u8]) -> Result<Value, Status> {
    envelope(body).map_err(|fault| match fault {
        Fault::Broken(why) => Status::bad_request(format!("the body is no protobuf of Kubernetes: {why}")),
        Fault::Unknown(what) => crate::refusal::unsupported_media(&format!("application/json, application/yaml ({what})")),
    })
}

fn envelope(body: &[u8]) -> Result<Value, Fault> {
    let envelope = body.strip_prefix(MAGIC).ok_or(Fault::Broken("its mark is missing"))?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for part in Parts(envelope) {
        match part? {
            (1, Wire::Bytes(meta)) => {
                for part in Parts(meta) {
                    match part? {
                        (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
                        (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            (3, Wire::Bytes(encoding)) if !encoding.is_empty() => return Err(Fault::Unknown("a compressed body".to_owned())),
            _ => {}
        }
    }
    let known = messages::of(&api_version, &kind).ok_or_else(|| Fault::Unknown(format!("{api_version} {kind} as JSON")))?;
    let mut object = read::message(raw, known, &kind)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Fault::Broken("a text is no UTF-8"))
}

/// Writes an object, or a list of such; none for a kind that there is no message of.
#[must_use]
pub fn encode(object: &Value) -> Option<Vec<u8>> {
    let (api_version, kind) = (lookup::text(object, "/apiVersion"), lookup::text(object, "/kind"));
    let message = match messages::of(api_version, kind) {
        Some(place) => write::message(place, object),
        None => {
            let item = messages::of(api_version, kind.strip_suffix("List")?)?;
            let mut list = Vec::new();
            put_bytes(&mut list, 1, &write::message(messages::list_metadata(), object.get("metadata")?));
            for object in lookup::list(object, "/items") {
                put_bytes(&mut list, 2, &write::message(item, object));
            }
            list
        }
    };
    let mut meta = Vec::new();
    put_bytes(&mut meta, 1, api_version.as_bytes());
    put_bytes(&mut meta, 2, kind.as_bytes());
    let mut out = MAGIC.to_vec();
    put_bytes(&mut out, 1, &meta);
    put_bytes(&mut out, 2, &message);
    put_bytes(&mut out, 3, b"");
    put_bytes(&mut out, 4, b"");
    Some(out)
}

/// Writes an event of a watch, with its length before it (`apimachinery/pkg/util/framer`); none for a kind that there is no message of.
#[must_use]
pub fn encode_event(kind: &str, object: &Value) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    put_bytes(&mut raw, 1, &encode(object)?);
    let mut event = Vec::new();
    put_bytes(&mut event, 1, kind.as_bytes());
    put_bytes(&mut event, 2, &raw);
    let mut out = u32::try_from(event.len()).ok()?.to_be_bytes().to_vec();
    out.extend(event);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, encode_event};
    use proptest::prelude::{any, prop, proptest};
    use serde_json::json;

    /// A field of bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).expect("a short field")];
        out.extend_from_slice(bytes);
        out
    }

    fn number(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    fn body(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &meta), field(2, message)].concat()
    }

    #[test]
    fn a_config_map_is_what_it_would_be_in_json() {
        let entry = [field(1, b"key"), field(2, b"value")].concat();
        let metadata = [field(1, b"a"), field(3, b"default"), field(8, &[]), field(11, &entry)].concat();
        let message = [field(1, &metadata), field(2, &entry), field(3, &entry), number(4, 1)].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "immutable": true,
            "metadata": {"name": "a", "namespace": "default", "labels": {"key": "value"}},
            "data": {"key": "value"}, "binaryData": {"key": "dmFsdWU="},
        });
        assert_eq!(decode(&body("v1", "ConfigMap", &message)), Ok(expected));
    }

    #[test]
    fn options_of_a_deletion_keep_a_grace_of_nothing() {
        let message = [number(1, 0), field(2, &field(1, b"u")), field(4, b"Background"), field(5, b"All")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"},
            "propagationPolicy": "Background", "dryRun": ["All"],
        });
        assert_eq!(decode(&body("v1", "DeleteOptions", &message)), Ok(expected));
    }

    #[test]
    fn what_is_not_in_the_tables_is_refused_and_never_dropped() {
        let refused = |body: &[u8]| decode(body).expect_err("refused");
        assert_eq!(refused(&body("apps/v1", "StatefulSet", &[])).code, 415);
        assert_eq!(refused(&body("v1", "PodSpec", &[])).code, 415);
        let unknown = refused(&body("v1", "ConfigMap", &field(15, b"x")));
        assert_eq!(unknown.code, 415);
        assert!(unknown.message.contains("field 15 of ConfigMap"), "{unknown}");
        assert_eq!(refused(b"{}").code, 400);
        assert_eq!(refused(&body("v1", "ConfigMap", &[0x0a, 200])).code, 400);
    }

    /// A pod with something of every shape.
    fn pod() -> serde_json::Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {"x": "y"}, "creationTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0,
                "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {".": {}}}}]},
            "spec": {
                "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false, "priority": -7,
                "volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 420, "optional": false}}],
                "containers": [{
                    "name": "main", "image": "i", "stdin": true, "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": "500m"}},
                    "livenessProbe": {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 3},
                    "readinessProbe": {"tcpSocket": {"port": 8080}},
                    "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                }],
                "ephemeralContainers": [{"name": "d", "image": "i", "targetContainerName": "main"}],
            },
            "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [
                {"name": "main", "ready": false, "restartCount": 0, "started": false, "image": "i", "imageID": "x"}]},
        })
    }

    #[test]
    fn a_pod_is_the_same_there_and_back() {
        // A probe and the like hold a message that is always there, even where nothing is in it.
        let bytes = encode(&pod()).expect("pods have a message");
        let mut expected = pod();
        expected["spec"]["containers"][0]["ports"][0] = json!({"containerPort": 80});
        assert_eq!(decode(&bytes), Ok(expected));
    }

    #[test]
    fn what_go_fills_in_is_not_taken_for_something_that_was_said() {
        let port = [field(1, b""), number(2, 0), number(3, 80), field(4, b""), field(5, b"")].concat();
        let container = [field(1, b"main"), field(2, b"i"), field(5, b""), field(6, &port), vec![0x80, 1, 0]].concat();
        let spec = [field(2, &container), number(4, 0), number(11, 0)].concat();
        let decoded = decode(&body("v1", "Pod", &field(2, &spec))).expect("a pod");
        let expected = json!({"containers": [{"name": "main", "image": "i", "ports": [{"containerPort": 80}]}], "terminationGracePeriodSeconds": 0});
        assert_eq!(decoded["spec"], expected);
    }

    #[test]
    fn lists_and_events_hold_whole_objects() {
        let list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": [pod(), pod()]});
        let bytes = encode(&list).expect("a list");
        let two = bytes.windows(7).filter(|window| window == b"Running").count();
        assert_eq!(two, 2);
        let event = encode_event("ADDED", &pod()).expect("an event");
        assert_eq!(usize::try_from(u32::from_be_bytes([event[0], event[1], event[2], event[3]])), Ok(event.len() - 4));
        let object = event.windows(4).position(|window| window == b"k8s\0").expect("an object");
        assert!(decode(&event[object..]).is_ok());
        assert_eq!(encode(&json!({"apiVersion": "meta.k8s.io/v1", "kind": "Table"})), None);
        assert!(encode(&json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "code": 404})).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            for kind in ["ConfigMap", "Secret", "DeleteOptions", "Namespace", "Pod", "Node", "Service"] {
                let _ = decode(&[body("v1", kind, &[]), bytes.clone()].concat());
            }
        }
    }
}
