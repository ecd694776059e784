//! Who asks: it goes into the register.

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct ByArgs {
    /// Who asks, for the register; the user of this system if not given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl ByArgs {
    pub(super) fn name(&self) -> String {
        let user = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
        self.by.clone().or_else(user).unwrap_or_else(|| "unknown".to_owned())
    }
}
