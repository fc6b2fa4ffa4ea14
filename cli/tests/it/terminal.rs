//! Texts and keys of a terminal only.
#![cfg(target_os = "linux")]

use crate::support::terminal::on_terminal;
use crate::support::{emulator, topic, with};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";

#[test]
fn ctrl_c_ends_sub_and_input_ends_at_ctrl_d() {
    let emulator = emulator();
    let topic = topic(&emulator, "typed");
    let mut sub = on_terminal(&with(&emulator), &format!("exec $PROGRAM sub -t {topic}"));
    sub.wait_for("subscribed to");
    let mut publish = on_terminal(&with(&emulator), &format!("exec $PROGRAM pub -t {topic} -s"));
    publish.wait_for("Ctrl-D");
    publish.type_in("Hello\n");
    publish.type_in(CTRL_D);
    publish.wait().expect(0);
    sub.wait_for("Hello");
    sub.type_in(CTRL_C);
    sub.wait().expect(130);
}

#[cfg(feature = "emulator")]
mod emulators {
    use super::{CTRL_C, on_terminal};
    use crate::support::program;

    #[test]
    fn one_in_the_foreground_tells_the_next_steps() {
        let mut emulator = on_terminal(&program(), "exec $PROGRAM emulator");
        emulator.wait_for("another terminal gets the variables with --env-file FILE here and `. ./FILE` there");
        emulator.type_in(CTRL_C);
        let output = emulator.wait().expect(0);
        assert!(output.text().contains("export ALIYUN_MQTT_ENDPOINT="), "{}", output.text());
    }

    #[test]
    fn one_in_the_background_tells_where_it_is_and_of_the_one_before() {
        let twice = "eval \"$($PROGRAM emulator --env --parent-topic demo)\"; first=$ALIYUN_MQTT_EMULATOR_PID; \
                     eval \"$($PROGRAM emulator --env)\"; kill $first $ALIYUN_MQTT_EMULATOR_PID; echo killed $first";
        let output = on_terminal(&program(), twice).wait().expect(0);
        let text = output.text();
        let first = text.lines().find_map(|line| line.trim_end().strip_prefix("killed ")).expect("the first one");
        let told = [
            "an emulator runs at mqtt://127.0.0.1:",
            &format!(", parent topic demo; `kill {first}` ends it"),
            &format!("the emulator that this shell had before goes on: `kill {first}` ends it"),
        ];
        for words in told {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
