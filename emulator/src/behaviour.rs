#![doc = include_str!("behaviour.md")]
