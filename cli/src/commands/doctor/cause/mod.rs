//! The causes that doctor distinguishes: the id of each, what it means, and its cure in the console's terms.

mod answers;
mod api;
mod login;
mod messages;
mod network;
mod row;
mod settings;

use crate::exit::Exit;
use crate::lang::Text;

pub(super) use row::Cause;
use row::{COUNT, Row, row};

/// The head of [`Cause::table`], and so of `docs/doctor.md`, which is generated from it.
const HEAD: Text = Text::of(
    "\
# What `aliyun-mqtt doctor` can find

[中文](doctor.zh-CN.md)

Each step that fails or warns names one of these causes; `--json` gives its id. *Exit* is the exit code of the program
if this is its first failure; if there are only warnings, the exit code is 0. The service does not document which
CONNACK code means which cause, and closes a connection without a reason if a permission is missing. If only that was
observed, the text says \"probably\". With access to the API (`--region-id`, and an AccessKey with its secret), doctor
can distinguish more.

| id | exit | cause | cure |
|---|---|---|---|
",
);

/// The words before the cure for a server on this machine, in [`Cause::table`].
const ON_THIS_MACHINE: Text = Text::of("On this machine: ");

/// The rows by theme, in the order of [`Cause`].
const THEMES: [&[Row]; 7] =
    [settings::ROWS, network::ROWS, answers::ROWS, login::ROWS, messages::ROWS, api::ROWS, REST];

/// The cause for everything else.
const REST: &[Row] = &[row(
    Cause::Unexplained,
    "unexplained",
    Exit::Failure,
    "none of the known causes fits",
    "see the message; --log debug shows more",
)];

/// Checks that each cause has its row, in the same place.
const _: () = {
    let (mut theme, mut count) = (0, 0);
    while theme < THEMES.len() {
        let mut at = 0;
        while at < THEMES[theme].len() {
            assert!(THEMES[theme][at].cause as usize == count, "a row that is not at the place of its cause");
            (at, count) = (at + 1, count + 1);
        }
        theme += 1;
    }
    assert!(count == COUNT, "a cause without a row");
};

/// Which servers are on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Here {
    pub(super) server: bool,
    pub(super) api: bool,
}

impl Cause {
    fn rows() -> impl Iterator<Item = &'static Row> {
        THEMES.into_iter().flatten()
    }

    fn row(self) -> &'static Row {
        Cause::rows().nth(self as usize).expect("each cause has its row")
    }

    /// Returns the stable name of this cause.
    pub(super) fn id(self) -> &'static str {
        self.row().id
    }

    /// Returns the exit code of the program if this is its first failure.
    pub(super) fn exit(self) -> Exit {
        self.row().exit
    }

    /// Describes what is wrong.
    pub(super) fn text(self) -> Text {
        self.row().text
    }

    /// Describes what to do.
    pub(super) fn cure(self, here: Here) -> Text {
        let Row { cure, here: other, .. } = self.row();
        let of_api = api::ROWS.iter().any(|row| row.cause == self);
        other.filter(|_| if of_api { here.api } else { here.server }).unwrap_or(*cure)
    }

    /// Returns all causes as a Markdown page: `docs/doctor.md`, or `docs/doctor.zh-CN.md`.
    pub(super) fn table() -> String {
        let mut page = HEAD.shown().to_string();
        for Row { id, exit, text, cure, here, .. } in Cause::rows() {
            let [text, mut cure] = [text, cure].map(|text| text.shown().replace('|', "\\|"));
            if let Some(here) = here {
                cure.push_str(&["<br>", ON_THIS_MACHINE.shown(), here.shown()].concat());
            }
            page.push_str(&format!("| `{id}` | {} | {text} | {cure} |\n", *exit as u8));
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_name_of_its_own() {
        let causes: Vec<Cause> = Cause::rows().map(|row| row.cause).collect();
        for (index, cause) in causes.iter().enumerate() {
            let id = cause.id();
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{id}");
            assert!(!causes[..index].iter().any(|other| other.id() == id), "{id}");
            assert!(!cause.text().english().is_empty() && !cause.cure(Here::default()).english().is_empty(), "{id}");
            assert!(!matches!(cause.exit(), Exit::Ok | Exit::Interrupted), "{id}");
        }
    }
    /// Advice about the console or the network is of no use for an emulator.
    #[test]
    fn a_server_on_this_machine_needs_no_advice_about_the_cloud() {
        // Nothing of this is found out about a server on this machine.
        let elsewhere = [
            Cause::InstanceNotOfEndpoint,
            Cause::EndpointIsAddress,
            Cause::EndpointMalformed,
            Cause::EndpointOfApi,
            Cause::DnsVpcName,
            Cause::DnsUnavailable,
            Cause::DnsSilent,
            Cause::TcpRefused,
            Cause::TcpUnreachable,
            Cause::ApiUnreachable,
        ];
        let of_cloud = |text: Text| {
            let words = ["console", "firewall", "RAM", "region", "aliyuncs", "ticket", "VPC"];
            words.into_iter().any(|word| text.english().contains(word))
        };
        let here = Here { server: true, api: true };
        let theme = |row: &&Row| !settings::ROWS.iter().any(|other| other.cause == row.cause);
        let rows = Cause::rows().filter(theme).filter(|row| !elsewhere.contains(&row.cause));
        let wrong: Vec<_> = rows.filter(|row| of_cloud(row.cause.cure(here))).map(|row| (row.id, row.cure)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
