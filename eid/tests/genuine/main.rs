//! Documents, certificates and lists that others made: states, BSI, ETSI. The files are not ours; without them the tests say so and pass.

mod certificates;
mod chips;
mod corpus;
mod documents;
mod hostile;
mod lists;
mod terminals;
mod walk;
