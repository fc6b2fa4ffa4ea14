//! The two files, and the roles that they name.

use super::*;

/// The keys and the STS of an emulator.
fn sts(emulator: &Emulator) -> [(&'static str, String); 1] {
    [("ALIYUN_MQTT_STS_ENDPOINT", emulator.api_endpoint())]
}

fn find(home: &Home, emulator: &Emulator, more: &[(&str, &str)]) -> Result<ChainKey> {
    let sts = sts(emulator);
    let api = emulator.api_endpoint();
    let mut variables = vec![(sts[0].0, sts[0].1.as_str()), ("ALIYUN_MQTT_METADATA_ENDPOINT", api.as_str())];
    variables.extend_from_slice(more);
    home.chain(&variables).find()
}

#[test]
fn every_mode_of_the_aliyun_command_that_needs_no_browser() {
    let (home, emulator) = (Home::new(), emulator());
    let (id, secret) = (emulator.access_key_id(), emulator.access_key_secret());
    let token = home.write("oidc-token", "geheim-oidc");
    let own = format!(r#""access_key_id":"{id}","access_key_secret":"{secret}""#);
    let role =
        format!(r#""ram_role_arn":"{ARN}","ram_session_name":"session","sts_region":"cn-test","expired_seconds":900"#);
    let config = format!(
        r#"{{"current":"ak","meta_path":"","profiles":[
            {{"name":"ak","mode":"AK",{own}}},
            {{"name":"sts","mode":"StsToken",{own},"sts_token":"geheim-token"}},
            {{"name":"role","mode":"RamRoleArn",{own},{role},"external_id":"external"}},
            {{"name":"chained","mode":"ChainableRamRoleArn","source_profile":"role",{role}}},
            {{"name":"ecs","mode":"EcsRamRole","ram_role_name":"{ROLE}"}},
            {{"name":"ecs2","mode":"EcsRamRole"}},
            {{"name":"oidc","mode":"OIDC",{role},"oidc_provider_arn":"{PROVIDER_ARN}","oidc_token_file":{token:?}}},
            {{"name":"circle","mode":"ChainableRamRoleArn","source_profile":"circle",{role}}},
            {{"name":"short","mode":"RamRoleArn",{own},"ram_role_arn":"{ARN}","expired_seconds":60}},
            {{"name":"odd","mode":"RamRoleArn",{own},{role},"policy":{{"Statement":[]}}}},
            {{"name":"odd2","mode":"RamRoleArn",{own},"ram_role_arn":"{ARN}","expired_seconds":"900"}},
            {{"name":"foreign","mode":"RamRoleArn",{own},"ram_role_arn":"acs:ram::1:role/other"}}
        ]}}"#
    );
    home.write(".aliyun/config.json", &config);
    assert_eq!(find(&home, &emulator, &[]).expect("a key").provider(), "cli_profile/static_ak");
    for (profile, provider, temporary) in [
        ("ak", "static_ak", false),
        ("sts", "static_sts", true),
        ("role", "ram_role_arn/static_ak", true),
        ("chained", "ram_role_arn/ram_role_arn/static_ak", true),
        ("ecs", "ecs_ram_role", true),
        ("ecs2", "ecs_ram_role", true),
        ("oidc", "oidc_role_arn", true),
    ] {
        let key = find(&home, &emulator, &[("ALIBABA_CLOUD_PROFILE", profile)]).expect("a key");
        assert_eq!((key.provider(), key.is_temporary()), (format!("cli_profile/{provider}").as_str(), temporary));
        assert!(key.place().starts_with(&format!("the profile {profile} of ")), "{}", key.place());
        if let Some(end) = key.expires().filter(|_| profile == "role") {
            assert!(end <= SystemTime::now() + Duration::from_secs(900));
        }
    }
    // The metadata service is next.
    for (profile, part) in [
        ("circle", "there is no profile circle"),
        ("short", "at least 900 s"),
        ("odd", "its policy is not a text"),
        ("odd2", "its expired_seconds is not a number of seconds"),
        ("foreign", "AssumeRole of acs:ram::1:role/other failed: HTTP 404, code EntityNotExist.Role"),
        ("none", "there is no profile none"),
    ] {
        let key = find(&home, &emulator, &[("ALIBABA_CLOUD_PROFILE", profile)]).expect("a key");
        assert_eq!(key.provider(), "ecs_ram_role");
        assert!(key.passed_over()[0].contains(part), "{:?}", key.passed_over());
    }
}

#[test]
fn every_type_of_the_ini_file_that_needs_no_rsa_key() {
    let (home, emulator) = (Home::new(), emulator());
    let (id, secret) = (emulator.access_key_id(), emulator.access_key_secret());
    let token = home.write("oidc-token", "geheim-oidc");
    let ini = format!(
        "[default]\nenable = true\ntype = access_key\naccess_key_id = {id}\naccess_key_secret = {secret} # comment\n\
         [role]\ntype = ram_role_arn\naccess_key_id = {id}\naccess_key_secret = {secret}\nrole_arn = {ARN}\n\
         role_session_name = session\n[ecs]\ntype = ecs_ram_role\nrole_name = {ROLE}\n\
         [oidc]\ntype = oidc_role_arn\nrole_arn = {ARN}\noidc_provider_arn = {PROVIDER_ARN}\n\
         oidc_token_file_path = {token}\n"
    );
    home.write(".alibabacloud/credentials", &ini);
    for (profile, provider) in
        [("", "static_ak"), ("role", "ram_role_arn/static_ak"), ("ecs", "ecs_ram_role"), ("oidc", "oidc_role_arn")]
    {
        let key = find(&home, &emulator, &[("ALIBABA_CLOUD_PROFILE", profile)]).expect("a key");
        assert_eq!(key.provider(), format!("profile/{provider}"));
    }
    // The file of the Python and Java SDKs goes first, and a named one before both.
    let simple = |id: &str| format!("[default]\ntype=access_key\naccess_key_id={id}\naccess_key_secret=geheim\n");
    home.write(".alibabacloud/credentials.ini", &simple("id-ini"));
    assert_eq!(find(&home, &emulator, &[]).expect("a key").access_key_id(), "id-ini");
    let named = home.write("elsewhere", &simple("id-elsewhere"));
    let key = find(&home, &emulator, &[("ALIBABA_CLOUD_CREDENTIALS_FILE", &named)]).expect("a key");
    assert_eq!(key.access_key_id(), "id-elsewhere");
    assert!(key.place().contains("elsewhere"));
}

#[test]
fn a_file_that_has_changed_is_read_again() {
    let home = Home::new();
    let simple = |id: &str| format!("[default]\ntype=access_key\naccess_key_id={id}\naccess_key_secret=geheim\n");
    home.write(".alibabacloud/credentials", &simple("one"));
    let (chain, now) = (home.chain(&[]), SystemTime::now());
    let id = |seconds| at(&chain, now + Duration::from_secs(seconds)).expect("a key").access_key_id().to_string();
    assert_eq!(id(0), "one");
    home.write(".alibabacloud/credentials", &simple("two"));
    assert_eq!((id(299), id(300)), ("one".to_string(), "two".to_string()));
    home.remove(".alibabacloud/credentials");
    assert_eq!(id(600), "two", "it is still valid, as far as is known");
    home.write(".alibabacloud/credentials", &simple("three"));
    assert_eq!((id(629), id(630)), ("two".to_string(), "three".to_string()));
}

#[test]
fn a_clock_that_is_set_back_keeps_no_file_from_being_read() {
    let home = Home::new();
    let simple = |id: &str| format!("[default]\ntype=access_key\naccess_key_id={id}\naccess_key_secret=geheim\n");
    home.write(".alibabacloud/credentials", &simple("one"));
    let (chain, now) = (home.chain(&[]), Now::of_system());
    let id = |passed, behind| {
        let (time, instant) = (now.time - Duration::from_secs(behind), now.instant + Duration::from_secs(passed));
        *lock(&chain.0.clock.set) = Some(Now { time, instant });
        chain.find().expect("a key").access_key_id().to_string()
    };
    assert_eq!(id(0, 0), "one");
    home.write(".alibabacloud/credentials", &simple("two"));
    assert_eq!((id(299, 86_400), id(300, 86_400)), ("one".to_string(), "two".to_string()));
    home.remove(".alibabacloud/credentials");
    assert_eq!(id(600, 86_400), "two", "the next attempt is put off");
    home.write(".alibabacloud/credentials", &simple("three"));
    assert_eq!((id(629, 172_800), id(630, 172_800)), ("two".to_string(), "three".to_string()));
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_and_an_endless_file_end_the_search_of_nobody() {
    let home = Home::new();
    let pipe = home.0.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let pipe = pipe.to_str().expect("UTF-8");
    let why = |timeout| {
        crate::whole_file::read(std::path::Path::new(pipe), 10, timeout).expect_err("nobody writes").to_string()
    };
    assert!(why(Duration::from_millis(10)).contains("not to its end within 0.01 s"));
    // No second thread is left behind.
    assert!(why(Duration::from_secs(600)).contains("an earlier attempt"));
    let chain = home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_FILE", pipe)]);
    let error = refusal(&chain);
    assert!(error.to_string().contains("pipe cannot be read"), "{error}");
    let chain = home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_FILE", "/dev/zero")]);
    let error = refusal(&chain);
    assert!(error.to_string().contains("/dev/zero cannot be read: it is longer than 1048576 bytes"), "{error}");
    // The reader ends with its writer.
    drop(std::fs::OpenOptions::new().write(true).open(pipe).expect("a reader"));
    let chain = home.chain(&[
        ("ALIBABA_CLOUD_ROLE_ARN", ARN),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER_ARN),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/dev/zero"),
    ]);
    assert!(refusal(&chain).to_string().contains("longer than 1048576 bytes"));
}
