//! The steps of a plan by product: a security domain that takes groupings, and an applet that takes a script.

use std::collections::BTreeMap;

use eid::gp::Install;
use eid::image::FileId;

use super::{
    ApduForm, Mode, Options, Phase, Plan, PlanError, SELECT_ANSWER, STATUS_ANSWER, Step, Summary, Wire, dgi, encrypted_blocks, summary,
};
use crate::perso::card_profile::{CardProfile, GpDgi, Name, PutData, TemplateError};

pub(super) fn gp_dgi(
    name: &str,
    files: &[(u16, usize)],
    sens: &BTreeMap<u16, usize>,
    profile: &CardProfile,
    product: &GpDgi,
    options: Options,
) -> Result<Plan, PlanError> {
    let level = options.level.unwrap_or(product.level);
    let wire = Wire { level, mode: options.mode, max_data: options.apdu.max_data(profile.apdu.fit_frame, profile.apdu.max_command_data) };
    let capacity = wire.capacity();
    let mut steps = key_replacement(profile, product, wire);
    let mut step = |phase, label: String, commands: &[usize], answer, mutates, irreversible| {
        steps.push(Step {
            label,
            phase,
            apdus: commands.len(),
            command_bytes: commands.iter().sum(),
            response_bytes: commands.len() * answer,
            mutates,
            irreversible,
        });
    };
    let identify = 5 + profile.matching.aid.len() + 1;
    step(Phase::Identification, "SELECT application".to_owned(), &[identify], SELECT_ANSWER + 2, false, false);
    let select = 5 + product.sd_aid.as_bytes().len() + 1;
    step(Phase::Personalization, "SELECT security domain".to_owned(), &[select], SELECT_ANSWER + 2, false, false);
    let [update, update_answer, authenticate] = session_lengths(options.mode);
    step(Phase::Personalization, "INITIALIZE UPDATE".to_owned(), &[update], update_answer, false, false);
    step(Phase::Personalization, "EXTERNAL AUTHENTICATE".to_owned(), &[authenticate], 2, false, false);
    let install = Install::Personalization { application: product.target_aid.clone() };
    let install = wire.command(install.command().data.len(), true);
    step(Phase::Personalization, "INSTALL [for personalization]".to_owned(), &[install], wire.response(1), false, false);

    let clear: usize = dgi::encoded_len(dgi::NONCE_LEN) + files.iter().map(|(_, len)| dgi::encoded_len(*len)).sum::<usize>();
    let encrypted: Vec<usize> = sens.values().map(|len| dgi::encoded_len(*len)).collect();
    let commit = dgi::encoded_len(dgi::COMMIT_LEN);
    let block = |len: &usize| wire.command(*len, false);
    let runs = [
        ("STORE DATA, files in clear groupings", dgi::blocks(clear, capacity), false),
        ("STORE DATA, secrets in encrypted groupings", encrypted_blocks(&encrypted, capacity, product.encrypted_blocks), false),
        ("STORE DATA, commit", dgi::blocks(commit, capacity), true),
    ];
    let count: usize = runs.iter().map(|(_, blocks, _)| blocks.len()).sum();
    if count > product.block_limit {
        return Err(PlanError::TooManyBlocks { found: count, max: product.block_limit });
    }
    for (label, blocks, irreversible) in runs.iter().filter(|(_, blocks, _)| !blocks.is_empty()) {
        let commands: Vec<usize> = blocks.iter().map(block).collect();
        step(Phase::Personalization, (*label).to_owned(), &commands, wire.response(0), true, *irreversible);
    }
    step(Phase::Personalization, "GET DATA status".to_owned(), &[wire.command(0, true)], wire.response(STATUS_ANSWER), false, false);
    step(Phase::Activation, "STORE DATA, activate".to_owned(), &[wire.command(dgi::encoded_len(32), false)], wire.response(0), true, true);

    let stream = clear + encrypted.iter().sum::<usize>() + commit;
    let payload = files.iter().map(|(_, len)| len).sum::<usize>() + sens.values().sum::<usize>();
    let fixed = 5;
    Ok(summary(Summary {
        image: name,
        profile: &profile.id,
        apdu: options.apdu.to_string(),
        level,
        mode: options.mode.to_string(),
        c_max: capacity,
        payload,
        stream: Some(stream),
        min_apdus: Some(stream.div_ceil(capacity.max(1)) + fixed),
        steps,
    }))
}

/// PUT KEY in a session under the transport keys.
fn key_replacement(profile: &CardProfile, product: &GpDgi, wire: Wire) -> Vec<Step> {
    if !product.replace_keys {
        return Vec::new();
    }
    let [update, update_answer, authenticate] = session_lengths(wire.mode);
    // New version; per key: type, length, key length, the key in whole AES blocks, KCV length, KCV. The answer repeats version and KCVs.
    let put_key = 1 + 3 * (3 + (product.key_bits / 8).next_multiple_of(16) + 4);
    let step = |label: &str, command_bytes, response_bytes, mutates| Step {
        label: label.to_owned(),
        phase: Phase::KeyReplacement,
        apdus: 1,
        command_bytes,
        response_bytes,
        mutates,
        irreversible: mutates,
    };
    vec![
        step("SELECT application", 5 + profile.matching.aid.len() + 1, SELECT_ANSWER + 2, false),
        step("SELECT security domain", 5 + product.sd_aid.as_bytes().len() + 1, SELECT_ANSWER + 2, false),
        step("INITIALIZE UPDATE under transport keys", update, update_answer, false),
        step("EXTERNAL AUTHENTICATE", authenticate, 2, false),
        step("PUT KEY, transport to production", wire.command(put_key, true), wire.response(1 + 3 * 3), true),
    ]
}

/// INITIALIZE UPDATE, its answer with the 3-byte counter, EXTERNAL AUTHENTICATE.
const fn session_lengths(mode: Mode) -> [usize; 3] {
    let m = mode.len();
    [5 + m + 1, 13 + 2 * m + 3 + 2, 5 + 2 * m]
}

pub(super) fn put_data(
    name: &str,
    files: &[(u16, usize)],
    profile: &CardProfile,
    product: &PutData,
    options: Options,
) -> Result<Plan, PlanError> {
    let chunk = match options.apdu {
        ApduForm::Frame => product.chunk,
        ApduForm::Short => profile.apdu.max_command_data,
        ApduForm::Extended(_) => {
            return Err(PlanError::Form { profile: profile.id.clone(), expected: "short APDUs", found: options.apdu.to_string() });
        }
    };
    let step = |label: String, commands: &[usize], irreversible| Step {
        label,
        phase: Phase::Personalization,
        apdus: commands.len(),
        command_bytes: commands.iter().sum(),
        response_bytes: commands.len() * 2,
        mutates: true,
        irreversible,
    };
    let select_applet = 5 + product.aid.len();
    let mut steps = vec![Step { mutates: false, ..step("SELECT applet".to_owned(), &[select_applet], false) }];
    for &(dgi, len) in files {
        let file = FileId::from_dgi(dgi).map_or_else(String::new, FileId::name);
        let sized = |part: usize| {
            move |name: Name| match name {
                Name::Fid | Name::Size | Name::Offset => Some(vec![0; 2]),
                Name::Chunk => Some(vec![0; part]),
                _ => None,
            }
        };
        steps.push(step(format!("CREATE FILE {file}"), &[product.create.fill(&sized(0))?.len()], false));
        steps.push(Step { mutates: false, ..step(format!("SELECT {file}"), &[product.select.fill(&sized(0))?.len()], false) });
        let writes = dgi::blocks(len, chunk).into_iter().map(|part| Ok(product.write.fill(&sized(part))?.len()));
        let writes = writes.collect::<Result<Vec<_>, TemplateError>>()?;
        steps.push(step(format!("UPDATE BINARY {file}"), &writes, false));
    }
    steps.push(step("lock".to_owned(), &[product.commit.len()], true));
    let payload = files.iter().map(|(_, len)| len).sum();
    Ok(summary(Summary {
        image: name,
        profile: &profile.id,
        apdu: options.apdu.to_string(),
        level: 0,
        mode: "-".to_owned(),
        c_max: chunk,
        payload,
        stream: None,
        min_apdus: None,
        steps,
    }))
}
