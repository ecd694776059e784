//! CV certificates: the rules of issuing, and programs of others that judge what was made.

mod peers;
mod requests;
mod rules;
mod support;
