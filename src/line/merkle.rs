//! The Merkle root over the jobs of a batch (hashing as in RFC 6962 §2.1, SHA-256): one value that a release, a signature, and a protocol
//! can name, and that changes with every bit of every job.

use sha2::{Digest as _, Sha256};

use super::store::NewJob;

/// Hash of a job: `SHA-256(00 || fields)`, where each field of variable length is preceded by its length in four bytes.
#[must_use]
pub fn leaf(job: &NewJob) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix([0]);
    hash.update(job.sequence.to_be_bytes());
    hash.update(job.person.0);
    hash.update(job.number.0);
    for text in [&job.document_type, &job.image_file] {
        hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(job.image_digest);
    hash.update(job.sealed_digest);
    // zero is no job's number
    hash.update(job.replaces.map_or(0, |replaced| replaced.0).to_be_bytes());
    hash.finalize().into()
}

/// The root over leaves in their order, which are given one after another: at most 64 hashes are held.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// Roots of full subtrees, the widest first, with the number of their leaves.
    subtrees: Vec<(u64, [u8; 32])>,
}

impl Root {
    /// The next leaf.
    pub fn push(&mut self, leaf: [u8; 32]) {
        let mut next = (1, leaf);
        while let Some((width, left)) = self.subtrees.pop_if(|(width, _)| *width == next.0) {
            next = (width * 2, node(&left, &next.1));
        }
        self.subtrees.push(next);
    }

    /// The root over all leaves so far; that of nothing is `SHA-256()`.
    #[must_use]
    pub fn finish(&self) -> [u8; 32] {
        let mut subtrees = self.subtrees.iter().rev().map(|(_, root)| *root);
        match subtrees.next() {
            None => Sha256::digest([]).into(),
            Some(last) => subtrees.fold(last, |right, left| node(&left, &right)),
        }
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::store::Pseudonym;
    use super::*;

    /// Inputs and roots of the reference tests of Certificate Transparency, which RFC 9162 §2.1.5 and its implementations share.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut root = Root::default();
        assert_eq!(hex::encode(root.finish()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (input, expected) in inputs.iter().zip(roots) {
            let input = hex::decode(input).expect("hex");
            root.push(Sha256::new_with_prefix([0]).chain_update(input).finalize().into());
            assert_eq!(hex::encode(root.finish()), expected);
        }
    }

    #[test]
    fn every_field_of_a_job_is_in_its_leaf() {
        let job = NewJob {
            sequence: 1,
            person: Pseudonym([1; 32]),
            document_type: "ID".to_owned(),
            number: Pseudonym([2; 32]),
            image_digest: [3; 32],
            image_file: "a".to_owned(),
            sealed_digest: [4; 32],
            replaces: None,
        };
        let others = [
            NewJob { sequence: 2, ..job.clone() },
            NewJob { person: Pseudonym([9; 32]), ..job.clone() },
            NewJob { document_type: "I".to_owned(), image_file: "Da".to_owned(), ..job.clone() },
            NewJob { number: Pseudonym([9; 32]), ..job.clone() },
            NewJob { image_digest: [9; 32], ..job.clone() },
            NewJob { image_file: "b".to_owned(), ..job.clone() },
            NewJob { sealed_digest: [9; 32], ..job.clone() },
            NewJob { replaces: Some(super::super::store::JobId(7)), ..job.clone() },
        ];
        let mut leaves: Vec<_> = others.iter().chain([&job]).map(leaf).collect();
        leaves.sort_unstable();
        leaves.dedup();
        assert_eq!(leaves.len(), others.len() + 1);
    }
}
