//! `line user`: who may take part in what.

use std::collections::BTreeSet;

use cardwright::line::users::{Action, Role, User as Stored};
use clap::{Args, Subcommand};
use serde_json::json;

use super::persons::{self, TwoArgs};
use super::{SiteArgs, note, store_failure, user_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::named::Named;
use crate::cli::{Context, output, random, secret};

/// Show, add, and close out the people of the line
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright line user list\n  cardwright line user add cho --role operator --by ana --by ben\n  cardwright line user close cho --by ana --by ben"
)]
pub(super) struct User {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// List the people and their roles
    List,
    /// Add a person, or give one other roles and a new pass phrase; takes two supervisors
    Add {
        /// Who: NAME, or NAME=FILE with the pass phrase in its first line; else from CARDWRIGHT_USER_<NAME>, else the person chooses one
        person: Named,
        /// What the person may take part in: operator, supervisor, key-custodian, auditor; may be given again
        #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
        roles: Vec<Role>,
        #[command(flatten)]
        by: TwoArgs,
    },
    /// Let a person log in no more; takes two supervisors
    Close {
        /// Who
        name: String,
        #[command(flatten)]
        by: TwoArgs,
    },
}

fn role(text: &str) -> Result<Role, String> {
    let known = || Role::ALL.map(Role::name).join(", ");
    Role::from_name(text).ok_or_else(|| format!("expected one of {}, found {text:?}", known()))
}

fn names(roles: &BTreeSet<Role>) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}

impl User {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        match self.step {
            Step::List => {
                let users = store.users().map_err(|error| store_failure(&error))?;
                if context.json {
                    let rows: Vec<_> =
                        users.iter().map(|user| json!({ "name": user.name, "roles": names(&user.roles), "active": user.active })).collect();
                    output::json(&json!({ "version": 1, "users": rows }))?;
                    return Ok(Exit::Success);
                }
                for user in &users {
                    let closed = if user.active { "" } else { ", closed out" };
                    output::text(&format!("{:<32}  {}{closed}", user.name, names(&user.roles).join(", ")))?;
                }
            }
            Step::Add { person, roles, by } => {
                let two = by.come(&site, store.as_mut(), Action::ChangeUsers)?;
                let variable = person.variable(persons::VARIABLE);
                let pass_phrase = secret::fresh(person.file.as_deref(), &variable, &format!("{}=", person.name), &person.name)?;
                let user = Stored::new(&person.name, &roles, &pass_phrase, &mut random::system()).map_err(|error| user_failure(&error))?;
                store
                    .put_user(&user, Some(&two), &note(Vec::new(), "user-added", format!("user {}", user.name), String::new()))
                    .map_err(|error| store_failure(&error))?;
                output::text(&format!("{}: {}", user.name, names(&user.roles).join(", ")))?;
            }
            Step::Close { name, by } => {
                let two = by.come(&site, store.as_mut(), Action::ChangeUsers)?;
                let users = store.users().map_err(|error| store_failure(&error))?;
                let found = users.into_iter().find(|user| user.name == name);
                let user = found.ok_or_else(|| Failure::usage(format_args!("user: expected one of `line user list`, found {name:?}")))?;
                let user = Stored { active: false, ..user };
                store
                    .put_user(&user, Some(&two), &note(Vec::new(), "user-closed", format!("user {name}"), String::new()))
                    .map_err(|error| store_failure(&error))?;
                output::text(&format!("{name}: closed out"))?;
            }
        }
        Ok(Exit::Success)
    }
}
