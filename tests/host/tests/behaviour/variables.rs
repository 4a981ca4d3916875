//! Application variables and environment.

use crate::support::{Application, get, start};

const PARTS: &str = r#"
    [variables]
    plain = { default = "default" }
    secret_key = { required = true, secret = true }
    [[trigger.http]]
    route = "/..."
    component = "one"
    [component.one]
    source = "PROBE"
    environment = { GREETING = "hello" }
    [component.one.variables]
    both = "{{ plain }}/{{secret_key}}"
    fixed = "fixed"
"#;

#[test]
fn values_come_from_the_environment_then_from_the_env_file_then_from_the_manifest() {
    let application = Application::new(PARTS);
    let command = application
        .command()
        .env("SPIN_VARIABLE_SECRET_KEY", "from-env");
    let dotenv = command.work_dir().join(".env");
    std::fs::write(
        &dotenv,
        "# a comment\nSPIN_VARIABLE_SECRET_KEY=from-file\nSPIN_VARIABLE_PLAIN='from file'\n",
    )
    .expect("a file");
    let service = command.clone().start().expect("the host starts");
    assert_eq!(
        get(&service, "/variable?name=both").ok(),
        "from file/from-env"
    );
    assert_eq!(get(&service, "/variable?name=fixed").ok(), "fixed");

    std::fs::remove_file(dotenv).expect("the file");
    let service = command.start().expect("the host starts");
    assert_eq!(
        get(&service, "/variable?name=both").ok(),
        "default/from-env"
    );
}

#[test]
fn a_value_can_be_given_as_an_argument() {
    let service = Application::new(PARTS)
        .command()
        .env("SPIN_VARIABLE_SECRET_KEY", "from-env")
        .arg("--variable")
        .arg("secret_key=given=so")
        .start()
        .expect("the host starts");
    assert_eq!(
        get(&service, "/variable?name=both").ok(),
        "default/given=so"
    );
}

#[test]
fn a_component_has_the_variables_of_its_own_and_no_others() {
    let service = Application::new(PARTS)
        .command()
        .env("SPIN_VARIABLE_SECRET_KEY", "k")
        .start()
        .expect("the host starts");
    assert_eq!(
        get(&service, "/variable?name=secret_key").refused(),
        "Error::Undefined(\"no variable for \\\"one\\\".\\\"secret_key\\\"\")"
    );
    let refused = get(&service, "/variable?name=Fixed").refused();
    assert!(
        refused.starts_with("Error::InvalidName(\"\\\"Fixed\\\": invalid character 'F'."),
        "{refused}"
    );
}

#[test]
fn a_required_variable_without_a_value_stops_the_start() {
    let error = Application::new(PARTS).command().start().err();
    let error = error.expect("no start").to_string();
    assert!(
        error.contains("no provider resolved required variable(s)") && error.contains("secret_key"),
        "{error}"
    );
}

#[test]
fn a_template_of_an_unknown_variable_stops_the_start() {
    let parts = PARTS.replace("{{ plain }}", "{{ unknown }}");
    let error = Application::new(&parts)
        .command()
        .env("SPIN_VARIABLE_SECRET_KEY", "k")
        .start()
        .err();
    let error = error.expect("no start").to_string();
    assert!(error.contains("unknown variable \"unknown\""), "{error}");
}

#[test]
fn the_environment_of_a_component_is_the_manifests_and_not_the_hosts() {
    let service = start(&PARTS.replace("required = true", "default = \"\""));
    assert_eq!(get(&service, "/environment?name=GREETING").ok(), "hello");
    assert_eq!(get(&service, "/environment?name=PATH").ok(), "");
}
