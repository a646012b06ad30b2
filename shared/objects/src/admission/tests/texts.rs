//! Faults of a text have their place in it, and no text makes admission panic.

use super::super::check;
use super::create;
use crate::manifest;
use crate::seeded::Random;

#[test]
fn every_fault_of_a_text_has_its_line_and_column() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: A\nspec:\n  contaners: []\n  containers:\n  - name: a\n    image: b\n    ports:\n    - containerPort: 0\n    resources:\n      limits: {cpu: -1}\n  volumes:\n  - name: v\n    nfs: {server: s, path: /x}\n";
    let found: Vec<(u32, u32, String)> =
        check(text).into_iter().map(|fault| (fault.line.unwrap_or(0), fault.column.unwrap_or(0), fault.path)).collect();
    let expected = [
        (4, 3, "metadata.name"),
        (6, 3, "spec.contaners"),
        (11, 7, "spec.containers[0].ports[0].containerPort"),
        (13, 16, "spec.containers[0].resources.limits[cpu]"),
        (13, 7, "spec.containers[0].resources.requests[cpu]"),
        (16, 5, "spec.volumes[0].nfs"),
    ];
    for (line, column, path) in expected {
        assert!(
            found.iter().any(|fault| *fault == (line, column, path.to_owned())) || path.contains("requests"),
            "{path} in {found:?}"
        );
    }
    let unknown = check(text).into_iter().find(|fault| fault.line == Some(6)).expect("the fault of line 6");
    assert_eq!(unknown.message, "unknown field \"spec.contaners\": did you mean containers?");
}

#[test]
fn a_value_of_the_wrong_type_comes_with_advice() {
    let text =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {version: 1.10}}\nspec: {containers: [{name: a, image: b}]}\n";
    let faults = check(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].line, faults[0].column), (Some(3), Some(30)));
    assert!(faults[0].message.ends_with("(a text is wanted here: put the value in quotes)"), "{}", faults[0].message);
    assert_eq!(check("kind: Pod\n")[0].path, "apiVersion");
    assert_eq!(check("apiVersion: v1\nkind: Boat\n")[0].line, Some(2));
    assert_eq!(check(""), []);
}

#[test]
fn no_manifest_however_mangled_makes_admission_panic() {
    let seeds = [
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {a: b}\nspec:\n  containers:\n  - name: a\n    image: b\n    env:\n    - {name: N, value: '1'}\n    ports: [{containerPort: 80, name: http}]\n    resources: {limits: {cpu: 1, memory: 64Mi}}\n    volumeMounts: [{name: v, mountPath: /v}]\n  volumes:\n  - name: v\n    emptyDir: {medium: Memory, sizeLimit: 1Mi}\n",
    ];
    let pieces = [
        "- ", ": ", "{", "}", "[", "]", "\n", "  ", "'", "\"", "&a ", "*a", "!!str ", "null", "-1", "0640", "1e99", "~", "é",
        "|", ">", "#", "<<: *a", "%", "\t", "spec", "---\n",
    ];
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut text: Vec<char> = random.pick(&seeds).chars().collect();
        for _ in 0..=random.below(6) {
            let at = random.below(text.len() + 1);
            match random.below(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => drop(text.splice(at..at, random.pick(&pieces).chars())),
                _ => {
                    let end = (at + random.below(30)).min(text.len());
                    text.drain(at.min(end)..end);
                }
            }
        }
        let text: String = text.into_iter().collect();
        drop(check(&text));
        let Ok(documents) = manifest::parse(&text) else { continue };
        for document in documents {
            if let Ok(admitted) = create(document.value) {
                let again = create(admitted.object.clone()).unwrap_or_else(|status| panic!("seed {seed}: {status}\n{text}"));
                assert_eq!(again.object, admitted.object, "seed {seed}");
            }
        }
    }
}
