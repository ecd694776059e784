//! Who asks: it goes into the register of the authority and into the log of the line.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ByArgs {
    /// Who asks, for the register; the user of this system if not given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl ByArgs {
    pub(crate) fn name(&self) -> String {
        self.by.clone().unwrap_or_else(user)
    }
}

/// The user of this system; `unknown` where it does not say.
pub(crate) fn user() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    user.unwrap_or_else(|| "unknown".to_owned())
}
