use std::collections::BTreeSet;

use super::*;

const OPEN: BindingState = BindingState::Open;

const fn bound(binding: BindingState, job: JobState) -> Known {
    Known::Bound { binding, job, here: true }
}

/// The table as it was designed, one case a row, written by hand.
#[test]
fn each_row_of_the_table_is_decided_as_it_was_designed() {
    use Seen::{Blank, Committed, KeysRefused, Mute, Open, Terminated};
    let line = Known::Unbound(CardState::AtLine);
    let cases = [
        (line, Blank, Row::Usable, Action::Use),
        (Known::Unbound(CardState::InStock), Blank, Row::NotAtLine, Action::Refuse),
        (line, Open { ours: false }, Row::UnknownWriter, Action::Quarantine),
        (line, Committed { ours: false }, Row::UnknownWriter, Action::Quarantine),
        (line, Mute, Row::DeadBlank, Action::Refuse),
        (line, KeysRefused, Row::WrongKeys, Action::Quarantine),
        (Known::Nothing, Blank, Row::NotDelivered, Action::Quarantine),
        (bound(OPEN, JobState::Bound), Blank, Row::FromTheStart, Action::Resume),
        (bound(OPEN, JobState::Bound), Open { ours: true }, Row::HalfWritten, Action::Resume),
        (bound(OPEN, JobState::Bound), Open { ours: false }, Row::OtherNonce, Action::ScrapAndStop),
        (bound(OPEN, JobState::Bound), Committed { ours: true }, Row::AnswerLost, Action::Confirm),
        (bound(OPEN, JobState::Written), Committed { ours: true }, Row::Again, Action::Inspect),
        (bound(OPEN, JobState::Verified), Committed { ours: true }, Row::Again, Action::Inspect),
        (bound(OPEN, JobState::Written), Blank, Row::FellBack, Action::ScrapAndStop),
        (bound(OPEN, JobState::Bound), Committed { ours: false }, Row::OtherImage, Action::ScrapAndStop),
        (bound(OPEN, JobState::Verified), Terminated, Row::TerminatedUnderWay, Action::Scrap),
        (bound(OPEN, JobState::Bound), Mute, Row::Silent, Action::Scrap),
        (bound(OPEN, JobState::Bound), KeysRefused, Row::Silent, Action::Scrap),
        (Known::Bound { binding: OPEN, job: JobState::Bound, here: false }, Blank, Row::JobElsewhere, Action::Scrap),
        (bound(BindingState::ScrapPending, JobState::Held), Committed { ours: true }, Row::ToTerminate, Action::Terminate),
        (bound(BindingState::ScrapPending, JobState::Held), Mute, Row::ToDestroy, Action::Destroy),
        (bound(BindingState::Scrapped, JobState::Prepared), Terminated, Row::Counted, Action::Refuse),
        (bound(BindingState::Scrapped, JobState::Prepared), Committed { ours: true }, Row::Revenant, Action::Quarantine),
        (bound(BindingState::Good, JobState::Issued), Committed { ours: true }, Row::Issued, Action::Refuse),
        (bound(OPEN, JobState::Held), Blank, Row::Contradiction, Action::Quarantine),
    ];
    for (known, seen, row, action) in cases {
        assert_eq!((decide(known, seen), row.action()), (row, action), "{known:?}, {seen:?}");
    }
    let tested: BTreeSet<_> = cases.iter().map(|(_, _, row, _)| *row).collect();
    assert_eq!(tested, Row::ALL.iter().copied().collect(), "every row has its case");
}

/// All combinations: what may never follow from them.
#[test]
fn no_combination_makes_a_blank_of_a_card_that_may_be_a_document() {
    let mut known = vec![Known::Nothing];
    known.extend(CardState::ALL.iter().map(|state| Known::Unbound(*state)));
    for binding in BindingState::ALL {
        for job in JobState::ALL {
            known.extend([true, false].map(|here| Known::Bound { binding: *binding, job: *job, here }));
        }
    }
    let mut rows = BTreeSet::new();
    for known in known {
        for seen in Seen::ALL {
            let row = decide(known, seen);
            rows.insert(row);
            let open_here = matches!(known, Known::Bound { binding: BindingState::Open, here: true, .. });
            match row.action() {
                Action::Use => assert_eq!((known, seen), (Known::Unbound(CardState::AtLine), Seen::Blank)),
                Action::Resume => assert!(open_here && matches!(seen, Seen::Blank | Seen::Open { ours: true }), "{known:?}, {seen:?}"),
                Action::Confirm | Action::Inspect => assert!(open_here && seen == Seen::Committed { ours: true }, "{known:?}, {seen:?}"),
                Action::Scrap | Action::ScrapAndStop => {
                    assert!(matches!(known, Known::Bound { binding: BindingState::Open, .. }), "{known:?}, {seen:?}");
                }
                Action::Terminate | Action::Destroy => {
                    assert!(matches!(known, Known::Bound { binding: BindingState::ScrapPending, .. }), "{known:?}, {seen:?}");
                }
                Action::Refuse | Action::Quarantine => {}
            }
        }
    }
    assert_eq!(rows.len(), Row::ALL.len(), "every row can be reached");
}

#[test]
fn a_job_without_its_card_waits_for_what_the_table_says() {
    use crate::line::store::{BatchId, JobId, NewJob, Pseudonym};
    let order = NewJob {
        sequence: 1,
        person: Pseudonym([1; 32]),
        document_type: "ID".to_owned(),
        number: Pseudonym([2; 32]),
        image_digest: [3; 32],
        image_file: "1.sealed".to_owned(),
        sealed_digest: [4; 32],
        replaces: None,
    };
    let job = |state, lease_until| Job {
        id: JobId(1),
        batch: BatchId(1),
        order: order.clone(),
        state,
        epoch: 1,
        serial: None,
        station: None,
        lease_until,
    };
    assert_eq!(waiting(&job(JobState::Reserved, Some(101)), 100), Waiting::Claimed);
    assert_eq!(waiting(&job(JobState::Reserved, Some(100)), 100), Waiting::LeaseOver);
    for state in [JobState::Bound, JobState::Written, JobState::Verified] {
        assert_eq!(waiting(&job(state, Some(0)), 100), Waiting::FindTheCard, "{state}");
    }
    assert_eq!(waiting(&job(JobState::Held, None), 100), Waiting::CountTheCard);
    for state in [JobState::Prepared, JobState::Issued, JobState::Cancelled, JobState::Replaced] {
        assert_eq!(waiting(&job(state, None), 100), Waiting::No, "{state}");
    }
}
