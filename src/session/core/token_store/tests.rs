//! Every test has its own clock: seconds since an arbitrary moment.

use std::time::UNIX_EPOCH;

use super::*;

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs_f64(1_000_000.0 + seconds)
}

fn token(kind: TokenKind, text: &str, end: f64) -> Token {
    Token::new(kind, text).expires_at(at(end))
}

fn store(tokens: Vec<Token>) -> TokenStore {
    let mut store = TokenStore::new("key", 0.8, true);
    assert!(store.replace("key", tokens, at(0.0), 0.0));
    store
}

/// Creates a store after a login with these tokens.
fn logged_in(tokens: Vec<Token>) -> TokenStore {
    let mut store = store(tokens);
    store.password();
    store.login_accepted();
    store
}

const RW: TokenKind = TokenKind::ReadWrite;

#[test]
fn sixty_lifetimes_are_each_renewed_once_before_their_end() {
    let mut store = logged_in(vec![token(RW, "0", 3.0)]);
    let (mut now, mut end) = (0.0, 3.0);
    for number in 1..=60 {
        let due = store.next_renewal().expect("a token with an end").duration_since(at(0.0)).unwrap().as_secs_f64();
        assert!(due > now && due < end, "{number}: {now} < {due} < {end}");
        assert!(!store.wants_new(at(due - 0.01)) && store.wants_new(at(due)));
        (now, end) = (due, due + 3.0);
        let chance = f64::from(number % 7) / 6.0;
        assert!(store.replace("key", vec![token(RW, &number.to_string(), end)], at(now), chance));
        assert_eq!(store.next_renewal(), None, "not before it is acknowledged");
        let pending = store.not_accepted();
        assert_eq!(pending.len(), 1);
        assert!(store.uploaded(RW, pending[0].1, at(now)).is_some());
        assert_eq!(*store.password(), format!("RW|{number}"));
    }
}

#[test]
fn chance_makes_it_earlier_never_later() {
    for (chance, expected) in [(0.0, 80.0), (0.5, 75.0), (1.0, 70.0), (7.0, 70.0)] {
        let mut store = TokenStore::new("key", 0.8, true);
        store.replace("key", vec![token(RW, "a", 100.0)], at(0.0), chance);
        store.login_accepted();
        store.uploaded(RW, 1, at(0.0));
        let due = store.next_renewal().unwrap().duration_since(at(0.0)).unwrap().as_secs_f64();
        assert!((due - expected).abs() < 0.01, "{chance}: {due}");
    }
}

#[test]
fn the_password_joins_one_of_each_kind() {
    let mut store =
        store(vec![token(TokenKind::Write, "w", 9.0), token(RW, "rw", 9.0), token(TokenKind::Read, "r", 9.0)]);
    assert_eq!(*store.password(), "R|r|W|w|RW|rw");
    store.put(token(TokenKind::Write, "w2", 9.0), at(0.0), 0.0);
    assert_eq!(*store.password(), "R|r|W|w2|RW|rw");
    store.replace("other", vec![token(TokenKind::Read, "r", 9.0)], at(0.0), 0.0);
    assert_eq!((store.password().as_str(), store.key_id()), ("R|r", "other"), "kinds no longer given are dropped");
}

#[test]
fn without_an_end_or_somebody_to_ask_there_is_nothing_to_renew() {
    let endless = logged_in(vec![Token::new(RW, "a")]);
    assert_eq!(endless.next_renewal(), None);
    assert!(!endless.wants_new(at(1e9)) && endless.usable(at(1e9)));
    let mut alone = TokenStore::new("key", 0.8, false);
    alone.replace("key", vec![token(RW, "a", 10.0)], at(0.0), 0.0);
    alone.login_accepted();
    assert_eq!(alone.next_renewal(), None);
    assert!(!alone.wants_new(at(9.0)) && alone.usable(at(9.9)) && !alone.usable(at(10.0)));
}

#[test]
fn a_notice_makes_a_token_due_at_once_but_not_its_successor() {
    let mut store = logged_in(vec![Token::new(RW, "a"), Token::new(TokenKind::Read, "b")]);
    assert!(store.ends_soon(Some(RW), Some(at(3000.0)), at(0.0)));
    assert_eq!(store.next_renewal(), Some(at(0.0)));
    assert!(!store.has_ended(at(2999.0)) && store.has_ended(at(3000.0)), "its end is known now");
    store.replace("key", vec![token(RW, "c", 9000.0), Token::new(TokenKind::Read, "b")], at(1.0), 0.0);
    store.uploaded(RW, 3, at(1.0)).expect("the third token put in");
    assert!(!store.ends_soon(Some(RW), Some(at(3000.0)), at(2.0)), "a late notice about the one before");
    assert!(store.clone().ends_soon(Some(RW), Some(at(3000.0)), at(12.0)), "nothing is on its way for so long");
    assert!(!store.ends_soon(Some(TokenKind::Write), Some(at(3000.0)), at(2.0)), "none of this kind is held");
    assert!(store.ends_soon(None, None, at(2.0)), "a notice that says nothing may be about any");
    assert!(store.ends_soon(Some(RW), Some(at(6000.0)), at(2.0)), "the provider was wrong about its end");
    assert!(store.usable(at(5999.0)) && !store.usable(at(6000.0)));
}

#[test]
fn failures_are_retried_ever_slower_and_fast_enough_for_the_life_left() {
    let mut store = logged_in(vec![token(RW, "a", 10_000.0)]);
    let pauses: Vec<_> = (0..9).map(|_| store.renewal_failed(at(0.0), 1.0).as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    assert_eq!(store.renewal_failed(at(0.0), 0.0).as_secs(), 60, "half of it is left to chance");
    let mut short = logged_in(vec![token(RW, "a", 3.0)]);
    let pause = short.renewal_failed(at(2.4), 1.0);
    assert!(pause <= Duration::from_millis(151) && pause >= Duration::from_millis(50), "{pause:?}");
    assert_eq!(short.next_renewal(), Some(at(2.4) + pause));
    assert!(short.replace("key", vec![token(RW, "b", 9.0)], at(2.5), 0.0));
    short.uploaded(RW, 2, at(2.5)).expect("the second token put in");
    assert_eq!((short.failures, short.retry_at), (0, None));
}

#[test]
fn a_refused_upload_brings_the_one_before_back() {
    let mut store = logged_in(vec![token(RW, "old", 100.0)]);
    let serial = store.put(token(RW, "new", 200.0), at(80.0), 0.0).unwrap();
    assert_eq!(store.verdict(RW, serial), None);
    store.upload_refused(RW, serial, at(81.0), 1.0);
    assert_eq!(store.verdict(RW, serial), Some(false));
    assert_eq!(*store.password(), "RW|old");
    assert!(store.usable(at(81.0)) && !store.wants_new(at(81.0)), "it is good, and its successor was refused just now");
    assert!(store.next_renewal().is_some_and(|next| next > at(81.0)), "not asked for in a loop");
    assert!(store.wants_new(at(99.0)), "but later");
    let serial = store.put(token(RW, "new", 200.0), at(101.0), 0.0).unwrap();
    store.upload_refused(RW, serial, at(101.0), 1.0);
    assert!(!store.usable(at(101.0)), "the one before has ended");
}

#[test]
fn a_refused_login_brings_back_what_was_good_or_asks_for_new_ones() {
    let mut store = logged_in(vec![token(RW, "old", 100.0)]);
    store.put(token(RW, "new", 200.0), at(80.0), 0.0);
    store.password();
    store.login_refused(at(81.0), 1.0);
    assert_eq!(*store.password(), "RW|old");
    store.login_refused(at(82.0), 1.0);
    assert!(store.wants_new(at(82.0)) && !store.usable(at(82.0)));
    assert_eq!(*store.password(), "RW|old", "there is no other");
    let serial = store.put(token(RW, "third", 200.0), at(83.0), 0.0).unwrap();
    assert!(store.usable(at(83.0)) && store.not_accepted().len() == 1);
    store.password();
    store.login_accepted();
    assert_eq!(store.verdict(RW, serial), Some(true));
    assert!(store.not_accepted().is_empty());
}

#[test]
fn what_comes_while_a_login_is_under_way_is_uploaded_after_it() {
    let mut store = store(vec![token(RW, "a", 100.0)]);
    store.password();
    let serial = store.put(token(RW, "b", 100.0), at(0.0), 0.0).unwrap();
    store.login_accepted();
    let pending = store.not_accepted();
    assert_eq!((pending.len(), pending[0].1), (1, serial));
    store.login_refused(at(0.0), 1.0);
    assert!(store.usable(at(0.0)), "the login was made with another");
}

#[test]
fn an_invalid_token_is_not_used_again_while_there_is_a_choice() {
    let mut store = logged_in(vec![token(TokenKind::Read, "r", 100.0), token(TokenKind::Write, "w", 100.0)]);
    store.invalid(Some(TokenKind::Write));
    assert!(store.wants_new(at(1.0)) && !store.usable(at(1.0)));
    store.put(token(TokenKind::Write, "w2", 100.0), at(1.0), 0.0);
    assert!(store.usable(at(1.0)));
    store.invalid(Some(RW));
    assert!(store.usable(at(1.0)), "a late word about a kind that is not held any more");
    store.invalid(None);
    assert!(store.slots.values().all(|slot| slot.bad), "a word that names no kind may be about any");
}

#[test]
fn the_same_token_again_is_nothing_new() {
    let mut store = logged_in(vec![token(RW, "a", 100.0)]);
    assert!(!store.replace("key", vec![token(RW, "a", 100.0)], at(80.0), 0.0));
    assert!(store.not_accepted().is_empty() && store.next_renewal() == Some(at(80.0)));
    let mut endless = logged_in(vec![Token::new(RW, "a")]);
    assert_eq!(endless.put(token(RW, "a", 50.0), at(0.0), 0.0), None);
    assert_eq!(endless.next_renewal(), Some(at(40.0)), "its end has become known");
}

#[test]
fn a_life_of_nothing_does_not_spin() {
    let store = logged_in(vec![token(RW, "a", -5.0)]);
    assert_eq!(store.next_renewal(), None, "the service will tell");
    let store = logged_in(vec![token(RW, "a", 0.001)]);
    assert!(store.next_renewal().is_some_and(|next| next >= at(0.5)));
}

#[test]
fn one_kind_that_stays_the_same_is_not_asked_for_in_a_loop() {
    let mut store = logged_in(vec![token(TokenKind::Read, "r", 1000.0), token(TokenKind::Write, "w", 100.0)]);
    // W is due; the provider returns a new R each time and the W it still has.
    let mut asked = 0;
    let mut now = 80.0;
    while now < 90.0 && asked < 1_000 {
        let Some(next) = store.next_renewal() else { break };
        if next > at(now) {
            now = next.duration_since(at(0.0)).unwrap().as_secs_f64() + 0.001;
            continue;
        }
        asked += 1;
        let read = token(TokenKind::Read, &format!("r{asked}"), now + 1000.0);
        if !store.replace("key", vec![read, token(TokenKind::Write, "w", 100.0)], at(now), 1.0) {
            store.renewal_failed(at(now), 1.0);
        }
        for (token, serial) in store.not_accepted() {
            store.uploaded(token.kind(), serial, at(now));
        }
        now += 0.001; // the round trip
    }
    assert!(asked < 30, "asked {asked} times until second {now:.3} of 10");
}

#[test]
fn refused_renewals_slow_down() {
    let mut store = logged_in(vec![token(RW, "old", 100_000.0)]);
    let mut pauses = Vec::new();
    for number in 0..8 {
        let now = at(80_000.0 + f64::from(number) * 200.0);
        store.replace("key", vec![token(RW, &format!("bad{number}"), 200_000.0)], now, 1.0);
        let (_, serial) = store.not_accepted()[0].clone();
        store.upload_refused(RW, serial, now, 1.0);
        pauses.push(store.next_renewal().unwrap().duration_since(now).unwrap().as_secs());
    }
    assert!(pauses.last().is_some_and(|last| *last >= 60), "{pauses:?}");
}

#[test]
fn the_accepted_token_is_remembered_behind_two_new_ones() {
    let mut store = logged_in(vec![token(RW, "old", 100.0)]);
    store.put(token(RW, "new1", 200.0), at(50.0), 0.0).unwrap();
    let serial = store.put(token(RW, "new2", 200.0), at(50.1), 0.0).unwrap();
    store.upload_refused(RW, serial, at(51.0), 1.0);
    assert_eq!(*store.password(), "RW|old", "the one the service has accepted");
    assert!(store.usable(at(51.0)));
}

#[test]
fn a_refused_login_with_one_new_token_does_not_spoil_the_accepted_other() {
    let mut store = logged_in(vec![token(TokenKind::Read, "r", 100.0), token(TokenKind::Write, "w", 100.0)]);
    store.put(token(TokenKind::Write, "w-bad", 200.0), at(10.0), 0.0).unwrap();
    store.password();
    store.login_refused(at(11.0), 1.0);
    assert_eq!(*store.password(), "R|r|W|w");
    assert!(store.usable(at(11.0)), "both were accepted before, and only the new one can be to blame");
}

#[test]
fn the_services_word_outlives_the_same_token_again() {
    let mut store = logged_in(vec![token(RW, "a", 100_000.0)]);
    assert!(store.ends_soon(Some(RW), Some(at(300.0)), at(0.0)));
    store.replace("key", vec![token(RW, "a", 100_000.0)], at(1.0), 0.0);
    assert!(!store.usable(at(301.0)), "the service said that it ends at 300");
}

#[test]
fn a_clock_that_is_ahead_does_not_make_two_applications_a_second() {
    // Each token has expired a while ago by its own account, as an application server's absolute time appears on a fast
    // clock.
    let mut store = logged_in(vec![token(RW, "0", -60.0)]);
    assert!(store.usable(at(0.0)), "the service has taken it");
    let (mut now, mut asked) = (0.0, 0_u32);
    while let Some(next) = store.next_renewal().filter(|next| *next < at(600.0)) {
        now = next.duration_since(at(0.0)).unwrap().as_secs_f64().max(now);
        asked += 1;
        store.replace("key", vec![token(RW, &format!("n{asked}"), now - 60.0)], at(now), 1.0);
        for (token, serial) in store.not_accepted() {
            store.uploaded(token.kind(), serial, at(now));
        }
    }
    assert!(asked < 100, "{asked} applications and uploads in ten minutes");
}

#[test]
fn a_clock_that_is_set_back_puts_nothing_off() {
    let mut store = logged_in(vec![token(RW, "a", 100.0)]);
    // After 40 s the clock says -860 s: it was 900 s ahead.
    store.clock_set_back(Duration::from_secs(900));
    assert_eq!(store.next_renewal(), Some(at(-820.0)), "40 s from then on, as before");
    assert!(store.usable(at(-801.0)) && !store.usable(at(-800.0)));
}

#[test]
fn a_short_token_that_is_announced_at_once_is_renewed_at_half_its_life() {
    let mut store = logged_in(vec![token(RW, "a", 240.0)]);
    assert!(store.ends_soon(Some(RW), Some(at(240.0)), at(0.1)));
    assert_eq!(store.next_renewal(), Some(at(120.0)));
    assert!(store.ends_soon(Some(RW), Some(at(240.0)), at(130.0)));
    assert_eq!(store.next_renewal(), Some(at(120.0)), "never put off");
    let mut long = logged_in(vec![token(RW, "a", 3600.0)]);
    assert!(long.ends_soon(Some(RW), Some(at(3600.0)), at(60.0)));
    assert_eq!(long.next_renewal(), Some(at(60.0)), "at once");
}
