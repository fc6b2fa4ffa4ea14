//! The options of `doctor`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt doctor                       # with the configured settings
  aliyun-mqtt doctor -v                    # with everything that each step saw
  aliyun-mqtt doctor -t demo/orders --no-publish
  aliyun-mqtt doctor --region-id cn-hangzhou   # asks the API, too
  aliyun-mqtt doctor --json | jq 'select(.result == \"failed\")'

Prints one line for each step, which ends as ok, warn, FAIL or skip, and at the end each probable cause with its cure. \
The exit code is that of the first failure, and 0 if there are only warnings. Publishes a marked message to the topic \
and one to itself, unless --no-publish is given. If a permission seems to be missing and the API is configured, \
applies for a token for the topic and revokes it at once.")]
pub(crate) struct DoctorArgs {
    /// Topic to check the rights of [default: {parent topic}/aliyun-mqtt-doctor]
    #[arg(long, short = 't', value_name = "TOPIC")]
    pub(super) topic: Option<String>,
    /// Publish nothing
    #[arg(long)]
    pub(super) no_publish: bool,
    /// Log in even if a client with this id is online, which closes its connection
    #[arg(long)]
    pub(super) take_over: bool,
    /// Run only the steps that need no network
    #[arg(long)]
    pub(super) offline: bool,
    /// Print everything that each step saw
    #[arg(long, short = 'v')]
    pub(super) verbose: bool,
    /// Print one JSON object for each step, and one as the summary
    #[arg(long, conflicts_with = "verbose")]
    pub(super) json: bool,
    /// Print all causes with their cures as Markdown
    #[arg(long, conflicts_with_all = ["topic", "no_publish", "take_over", "offline", "verbose", "json"])]
    pub(super) list_causes: bool,
}
