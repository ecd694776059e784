//! Reports and evidence of real runs against the schemas that are published in docs.

use cardwright::terminal::evidence::Evidence;
use cardwright::terminal::{Inspection, can};
use serde_json::Value;

use super::chip::{Lie, LyingChip};
use super::document::{dg, today};
use super::evidence::{AUTHORITY, IMAGE, inspect};
use super::personalize::personalized;
use super::rng;

/// A published schema. Strict: a member that it does not name is an error here, so that none comes without being published.
fn schema(name: &str) -> jsonschema::Validator {
    fn close(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.contains_key("properties") && members.contains_key("type") && !members.contains_key("additionalProperties") {
                    members.insert("additionalProperties".to_owned(), false.into());
                }
                members.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let mut schema: Value = serde_json::from_slice(&std::fs::read(path).expect("a schema")).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema of its own dialect");
    close(&mut schema);
    jsonschema::validator_for(&schema).expect("a schema")
}

fn inspections() -> Vec<Inspection> {
    let lies = [Lie::Nothing, Lie::OtherChipKey, Lie::ReplaysSignature, Lie::Damaged(dg(2)), Lie::ForgesAnswer(4), Lie::NoMf];
    let mut all: Vec<_> = lies.into_iter().map(|lie| inspect(LyingChip::new(IMAGE.clone(), lie))).collect();
    all.push(inspect(personalized(&IMAGE)));
    let verifier = cardwright::Verifier::new(AUTHORITY.trust());
    all.push(verifier.inspect(LyingChip::new(IMAGE.clone(), Lie::Nothing), &[can("999999")], today(), &mut rng()).expect("the card"));
    all.push(verifier.judge_files(IMAGE.files.clone(), today()));
    all.extend(super::transcripts::with_every_record());
    all
}

fn valid(schema: &jsonschema::Validator, value: &Value) {
    let errors: Vec<_> = schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn every_report_keeps_to_the_published_schema() {
    let schema = schema("report.schema.json");
    for inspection in inspections() {
        valid(&schema, &inspection.report.to_json());
    }
    let mut report = inspections()[0].report.to_json();
    report["checks"][0]["result"] = "perhaps".into();
    assert!(!schema.is_valid(&report), "the schema refuses something");
}

#[test]
fn all_evidence_keeps_to_the_published_schema() {
    let schema = schema("evidence.schema.json");
    for inspection in inspections() {
        for evidence in [Evidence::of(&inspection), Evidence::of(&inspection).redacted()] {
            valid(&schema, &serde_json::from_str(&evidence.to_json()).expect("JSON"));
        }
    }
    let mut evidence: Value = serde_json::from_str(&Evidence::of(&inspections()[0]).to_json()).expect("JSON");
    evidence["content"]["files"][0]["content"] = "not base64!".into();
    assert!(!schema.is_valid(&evidence), "the schema refuses something");
}
