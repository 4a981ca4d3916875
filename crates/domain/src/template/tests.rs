use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    catalogue::{BUILT_IN, built_in},
    docs,
    trigger::ActionInput,
    url_policy::UrlPolicy,
};

/// The default body of a webhook for `data`.
fn event(event_type: &str, data: &Value) -> Value {
    json!({
        "id": "evt_1",
        "type": event_type,
        "timestamp": "2026-11-23T15:04:05Z",
        "account": "acme",
        "trigger": {"id": "trg_1", "name": "Front desk", "type": event_type},
        "action": {"id": "act_1", "name": "Tell us"},
        "delivery": {"id": "dlv_1"},
        "data": data,
    })
}

fn sample(key: &str) -> Value {
    let event_type = built_in(key).expect("a key of the catalogue");
    let data = serde_json::from_str(event_type.sample()).expect("a sample is JSON");
    event(key, &data)
}

fn data() -> Value {
    json!({
        "name": "zoë \"Z\" <Lee> & Co",
        "count": 5,
        "price": 12.5,
        "big": u64::MAX,
        "yes": true,
        "no": false,
        "nothing": null,
        "empty": "",
        "tags": ["new", "vip"],
        "none": [],
        "people": [{"name": "Ada", "home": {"city": "Bern"}}, {"name": "Bob", "home": {"city": "Rom"}}],
        "map": {"a": 1, "b": [2, null]},
        "first name": "Zoë",
    })
}

fn render(source: &str) -> Result<String, TemplateError> {
    BodyTemplate::parse(source)?.render(&event("message.sent", &data()))
}

fn renders(rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        assert_eq!(render(source).as_deref(), Ok(*expected), "{source}");
    }
}

/// Each row: a template that is refused or fails, and the error in full.
fn fails(rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        let error = render(source).expect_err(source).to_string();
        assert_eq!(error, *expected, "{source}");
    }
}

#[test]
fn the_whole_event_is_the_context() {
    renders(&[(
        "{{ id }} {{ type }} {{ timestamp }} {{ account }} {{ trigger.name }} {{ action.id }} \
         {{ delivery.id }} {{ data.count }}",
        "evt_1 message.sent 2026-11-23T15:04:05Z acme Front desk act_1 dlv_1 5",
    )]);
}

#[test]
fn raw_json_in_the_event_is_read() {
    #[derive(serde::Serialize)]
    struct Payload<'a> {
        data: &'a serde_json::value::RawValue,
    }
    let data: Box<serde_json::value::RawValue> =
        serde_json::from_str(r#"{"a": [1, {"b": "c"}]}"#).expect("JSON");
    let template = BodyTemplate::parse("{{ data.a[1].b }}").expect("a template");
    assert_eq!(
        template.render(&Payload { data: &data }).as_deref(),
        Ok("c")
    );
}

#[test]
fn texts_are_printed_as_they_are_and_all_else_as_json() {
    renders(&[
        ("{{ data.name }}", "zoë \"Z\" <Lee> & Co"),
        (
            "{{ data.count }} {{ data.price }} {{ data.big }}",
            "5 12.5 18446744073709551615",
        ),
        (
            "{{ data.yes }} {{ data.no }} {{ data.nothing }}",
            "true false null",
        ),
        ("{{ data.tags }}", r#"["new","vip"]"#),
        ("{{ data.map }}", r#"{"a":1,"b":[2,null]}"#),
        ("{{ 'kept' if data.yes }}{{ 'dropped' if data.no }}", "kept"),
        (
            "{{ 1 < 2 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 2 }} {{ -7 - 1 }}",
            "true 3.5 3 1 -8",
        ),
        ("a\n{{ 1 }}\n", "a\n1"),
        ("{ \"a\": {{ 1 }}} #} %} }}", "{ \"a\": 1} #} %} }}"),
    ]);
}

#[test]
fn statements_and_expressions_do_what_they_say() {
    renders(&[
        (
            "{% if data.count > 4 and not data.no %}a{% else %}b{% endif %}",
            "a",
        ),
        (
            "{% if data.no %}a{% elif data.count == 5.0 %}b{% endif %}",
            "b",
        ),
        (
            "{% for tag in data.tags %}{{ loop.index }}{{ tag }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1new, 2vip",
        ),
        (
            "{% for x in data.none %}{{ x }}{% else %}nobody{% endfor %}",
            "nobody",
        ),
        (
            "{% for p in data.people if p.name != 'Ada' %}{{ p.name }}{% endfor %}",
            "Bob",
        ),
        ("{% for name in data.map %}{{ name }}{% endfor %}", "ab"),
        (
            "{% for name, value in data.map|items %}{{ name }}={{ value }};{% endfor %}",
            "a=1;b=[2,null];",
        ),
        ("{% set n = data.people|length %}{{ n - 1 }}", "1"),
        ("{% set a, b = data.tags %}{{ b }}{{ a }}", "vipnew"),
        (
            "{% set who %}<{{ data.people[0].name }}>{% endset %}{{ who|e }}",
            "&lt;Ada&gt;",
        ),
        (
            "{% set who | upper %}{{ data.people[0].name }}{% endset %}{{ who }}",
            "ADA",
        ),
        (
            "{{ data['first name'] }} {{ data.tags[-1] }} {{ data.people[1].name }}",
            "Zoë vip Bob",
        ),
        (
            "{{ timestamp[:10] }} {{ timestamp[11:16] }}",
            "2026-11-23 15:04",
        ),
        ("{{ data.tags[0] ~ '-' ~ data.count }}", "new-5"),
        ("{{ 'a' if data.no else 'b' }}", "b"),
        ("a {#- {{ }} '-#} b", "ab"),
        ("{{ '}}' }}{{ \"{% if %}\" }}{{ '\\'' }}", "}}{% if %}'"),
        ("a  {{- 1 -}}  b {%- if true -%} c {%- endif %} d", "a1bc d"),
        (
            "{{ data.tags == data.tags }} {{ data.tags == data.none }}",
            "true false",
        ),
    ]);
}

#[test]
fn filters_do_what_they_say() {
    renders(&[
        ("{{ data.name|capitalize }}", "Zoë \"z\" <lee> & co"),
        (
            "{{ ''|capitalize }}{{ 'ÉA'|lower }}{{ 'éa'|upper }}{{ true|upper }}",
            "éaÉATRUE",
        ),
        (
            "{{ data.missing|default('x') }}{{ data.missing|d }}{{ data.nothing|default('y') }}",
            "xnull",
        ),
        (
            "{{ data.empty|default('x') }}{{ data.empty|default('y', true) }}",
            "y",
        ),
        ("{{ data.missing|default(data.tags)|join('+') }}", "new+vip"),
        (
            "{{ data.name|e }}",
            "zoë &quot;Z&quot; &lt;Lee&gt; &amp; Co",
        ),
        ("{{ \"it's\"|escape }}", "it&#39;s"),
        ("{{ data.tags|first }}{{ data.tags|last }}", "newvip"),
        (
            "{{ '42'|int - 1 }} {{ -1.9|int }} {{ data.count|int }}",
            "41 -1 5",
        ),
        (
            "{{ data.tags|join }} {{ data.tags|join(', ') }} {{ data.none|join(',') }}",
            "newvip new, vip ",
        ),
        (
            "{{ data.people|join('/', attribute='home.city') }}",
            "Bern/Rom",
        ),
        (
            "{{ data.people|map(attribute='name') }}",
            r#"["Ada","Bob"]"#,
        ),
        (
            "{{ data.name|length }} {{ data.tags|count }} {{ data.map|length }}",
            "18 2 2",
        ),
        (
            "{{ data.name|replace('o', '0')|replace('Z', '') }}",
            "z0ë \"\" <Lee> & C0",
        ),
        (
            "{{ 2.5|round }} {{ -2.5|round }} {{ 3.14159|round(2) }} {{ 7|round(2) }}",
            "3 -3 3.14 7",
        ),
        ("{{ 100000000000000000000.5|round(2) }}", "1e+20"),
        ("{{ (data.count|string)[0] }}{{ ' x '|trim }}", "5x"),
        (
            "{{ 'abcdef'|truncate(4) }} {{ 'abcd'|truncate(4) }} {{ 'ab'|truncate(0) }}",
            "abc… abcd ",
        ),
        (
            "{{ data.name|urlencode }} {{ data.count|urlencode }}",
            "zo%C3%AB+%22Z%22+%3CLee%3E+%26+Co 5",
        ),
        ("{{ data.name|tojson }}", r#""zoë \"Z\" <Lee> & Co""#),
        (
            "{{ data.map|tojson }}{{ data.nothing|tojson }}{{ data.price|tojson }}",
            r#"{"a":1,"b":[2,null]}null12.5"#,
        ),
    ]);
}

#[test]
fn tests_do_what_they_say() {
    renders(&[
        (
            "{{ data.count is defined }} {{ data.missing is defined }} {{ data.missing is undefined }}",
            "true false true",
        ),
        (
            "{{ data.nothing is none }} {{ data.empty is none }} {{ data.nothing is not none }}",
            "true false false",
        ),
        (
            "{{ data.yes is boolean }} {{ data.count is boolean }} {{ data.count is number }} {{ data.name is string }}",
            "true false true true",
        ),
        (
            "{{ data.map is mapping }} {{ data.tags is mapping }} {{ data.tags is sequence }} {{ data.name is sequence }}",
            "true false true false",
        ),
        (
            "{{ data.name is startingwith('zo') }} {{ data.name is endingwith('zo') }} {{ data.name is endingwith('Co') }}",
            "true false true",
        ),
        (
            "{{ 'vip' is in(data.tags) }} {{ 'v' is in(data.tags) }} {{ 'v' is not in(data.tags) }}",
            "true false true",
        ),
        (
            "{{ data.count is in(4, 5) }} {{ 'a' is in('b', 'c') }} {{ 5 is in(5) }} {{ 2 is in(data.map.b) }}",
            "true false true true",
        ),
        (
            "{{ 'Lee' is in(data.name) }} {{ 'lee' is in(data.name) }} {{ 5 is in(data.name) }}",
            "true false false",
        ),
        (
            "{{ 'a' is in(data.map) }} {{ 1 is in(data.map) }}",
            "true false",
        ),
    ]);
}

#[test]
fn what_the_event_lacks_is_an_error_with_its_line_and_name() {
    fails(&[
        (
            "a\n{{ data.missing }}",
            "line 2: `data.missing` is undefined",
        ),
        ("{{ missing }}", "line 1: `missing` is undefined"),
        (
            "{{ data.missing.deeper }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ data.people[5].name }}",
            "line 1: `data.people[5]` is undefined",
        ),
        ("{{ data.none|first }}", "line 1: undefined value"),
        (
            "\n\n{{ data.missing|tojson }}",
            "line 3: `data.missing` is undefined",
        ),
        (
            "{{ data.missing|urlencode }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ data.missing|join }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ data.tags|join(data.missing) }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ 'x' ~ data.missing }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{% if data.missing %}{% endif %}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{% for x in data.missing %}{% endfor %}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ 'x' is in(data.missing) }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ data.missing is in('x') }}",
            "line 1: `data.missing` is undefined",
        ),
        (
            "{{ data.people|join(',', attribute='age') }}",
            "line 1: an element has no `age`",
        ),
    ]);
}

#[test]
fn what_cannot_be_done_with_a_value_is_an_error_with_its_line() {
    fails(&[
        (
            "\n{{ data.tags|upper }}",
            "line 2: a text is needed, not a list",
        ),
        (
            "{{ data.nothing|urlencode }}",
            "line 1: a text is needed, not null",
        ),
        (
            "{{ data.people|join }}",
            "line 1: a text is needed, not an object",
        ),
        (
            "{{ data.map|first }}",
            "line 1: a list is needed, not an object",
        ),
        (
            "{{ data.name|join }}",
            "line 1: a list or object is needed, not a text",
        ),
        (
            "{{ data.tags|items }}",
            "line 1: an object is needed, not a list",
        ),
        (
            "{{ data.name|int }}",
            "line 1: the text is not a whole number",
        ),
        (
            "{{ data.tags|round }}",
            "line 1: a number is needed, not a list",
        ),
        ("{{ data.big|int }}", "line 1: the number is too large"),
        (
            "{{ 'a'|replace('', 'b') }}",
            "line 1: the text to replace is empty",
        ),
        (
            "{{ data.tags[:1] }}",
            "line 1: value of type map cannot be sliced",
        ),
        ("{{ 1 / 0 }}", "line 1: unable to calculate 1 / 0"),
        (
            "{{ data.missing|default(a=data.map) }}",
            "line 1: too many arguments: unknown keyword argument 'a'",
        ),
        ("{{ loop }}", "line 1: `loop` is undefined"),
        (
            "{% for x in data.tags %}{{ loop }}{% endfor %}",
            "line 1: cannot write map as JSON",
        ),
    ]);
}

#[test]
fn a_broken_template_is_refused_with_its_line() {
    fails(&[
        (
            "a\n{{ data.",
            "line 2: syntax error: unexpected end of input, expected identifier or integer",
        ),
        (
            "{% if true %}",
            "line 1: syntax error: unexpected end of input, expected end of block",
        ),
        ("{{ 'a }}", "line 1: syntax error: unexpected end of string"),
        (
            "{{ a b }}",
            "line 1: syntax error: unexpected identifier, expected end of variable block",
        ),
        ("\n{# ", "line 2: syntax error: unexpected end of comment"),
    ]);
}

#[test]
fn what_is_not_in_the_language_is_refused_with_its_line() {
    let statements = "there are if, elif, else, endif, for, endfor, set, endset";
    for name in [
        "raw",
        "include",
        "extends",
        "import",
        "block",
        "macro",
        "call",
        "filter",
        "with",
        "do",
        "autoescape",
        "break",
    ] {
        let error = BodyTemplate::parse(&format!("\n{{% {name} x %}}")).expect_err(name);
        assert_eq!(error.line, Some(2));
        assert_eq!(
            error.detail,
            format!("`{name}` is not a statement; {statements}")
        );
    }
    let no_literals = "line 1: a template cannot make lists or objects";
    for source in [
        "{{ [] }}",
        "{{ [data, data] }}",
        "{{ {} }}",
        "{{ {'a': data} }}",
        "{{ () }}",
        "{{ (1, 2) }}",
        "{{ data, data }}",
        "{% set x = data, data %}",
        "{% set x = [data] %}",
        "{% set x|default((data, data), true) %}{% endset %}",
        "{% for x in [1] %}{% endfor %}",
        "{{ data.a is in [data] }}",
        "{{ data.a[0, 1] }}",
        "{{ data.missing|default([data]) }}",
        "{{ 1 if [data] else 2 }}",
    ] {
        let error = BodyTemplate::parse(source).expect_err(source).to_string();
        assert_eq!(error, no_literals, "{source}");
    }
    let no_functions = "line 1: there are no functions, only filters: `value|filter`";
    let digits_only = "line 1: a number has digits only: `1`, `1.5`";
    fails(&[
        (
            "{{ 1 + 1 }}",
            "line 1: there is no `+`; texts are joined with `~`",
        ),
        ("{{ 'a' * 9 }}", "line 1: there is no `*`"),
        ("{{ 2 ** 9 }}", "line 1: there is no `*`"),
        ("{{ range(9) }}", no_functions),
        ("{{ data.name.upper() }}", no_functions),
        ("{{ (data)(1) }}", no_functions),
        (
            "{% for x in data.tags %}{{ loop.cycle(1) }}{% endfor %}",
            no_functions,
        ),
        (
            "{% for x in data.tags recursive %}{% endfor %}",
            "line 1: there are no recursive loops",
        ),
        (
            "{{ 'a' in data.tags }}",
            "line 1: `in` is written as a test: `a is in(b)`",
        ),
        (
            "{% for x in 'a' in 'b' %}{% endfor %}",
            "line 1: `in` is written as a test: `a is in(b)`",
        ),
        ("{{ and }}", "line 1: `and` is not a name"),
        ("{{ 0x1f }}", digits_only),
        ("{{ 1e5 }}", digits_only),
        ("{{ 1. if data else 2 }}", digits_only),
        ("{{ data ) }}", "line 1: `)` without an opening one"),
        ("{{ data } }}", "line 1: `}` without an opening one"),
        (
            "{{ data|sort }}",
            "line 1: unknown filter `sort`; there are capitalize, count, d, default, e, escape, \
             first, int, items, join, last, length, lower, map, replace, round, string, tojson, \
             trim, truncate, upper, urlencode",
        ),
        (
            "{{ 1 is even }}",
            "line 1: unknown test `even`; there are boolean, defined, endingwith, in, mapping, \
             none, number, sequence, startingwith, string, undefined",
        ),
    ]);
}

#[test]
fn what_looks_like_it_outside_of_the_language_is_left_alone() {
    renders(&[
        (
            "[1 + 2] (a, b) {\"c\": 1} * raw()",
            "[1 + 2] (a, b) {\"c\": 1} * raw()",
        ),
        ("{# {{ [1] + [2] }} #}", ""),
        ("{{ '[1] + (a, b) * {}' }}", "[1] + (a, b) * {}"),
        ("{{ data['map']['a'] }}", "1"),
        ("{{ data.map['b'][(1 - 1)] }}", "2"),
    ]);
    // A field's name is never a keyword.
    let template = BodyTemplate::parse("{{ in.if.not[0] }}");
    assert_eq!(
        template.expect_err("a keyword").detail,
        "`in` is not a name"
    );
    let template = BodyTemplate::parse("{{ data.in.if.recursive[0] }}").expect("a template");
    let event = json!({"data": {"in": {"if": {"recursive": ["x"]}}}});
    assert_eq!(template.render(&event).as_deref(), Ok("x"));
}

#[test]
fn every_filter_and_test_that_is_known_exists() {
    for name in vocabulary::FILTERS {
        let source = format!("{{{{ data|{name}(1, 2, 3, 4, 5, 6) }}}}");
        let error = render(&source).expect_err(name);
        assert!(!error.detail.contains("unknown"), "{name}: {error}");
    }
    for name in vocabulary::TESTS {
        let outcome = render(&format!("{{{{ data is {name}(1) }}}}"));
        let unknown = outcome.is_err_and(|error| error.detail.contains("unknown"));
        assert!(!unknown, "{name}");
    }
}

#[test]
fn source_and_tags_are_bounded() {
    let text = |bytes: usize| "x".repeat(bytes);
    assert!(BodyTemplate::parse(&text(MAX_SOURCE_BYTES)).is_ok());
    assert_eq!(
        BodyTemplate::parse(&text(MAX_SOURCE_BYTES + 1)),
        Err(TemplateError {
            line: None,
            detail: "a template has at most 65536 bytes".to_owned()
        })
    );
    // A name, and a sign and a name for each further one.
    let tag = |tokens: usize| format!("{{{{ id{} }}}}", "~id".repeat((tokens - 1) / 2));
    assert!(BodyTemplate::parse(&tag(MAX_TAG_TOKENS - 1)).is_ok());
    let error = BodyTemplate::parse(&tag(MAX_TAG_TOKENS + 1)).expect_err("too many");
    assert!(
        error.detail.starts_with("a tag has at most 500 "),
        "{error}"
    );
    assert!(BodyTemplate::parse(&"{{ id }}".repeat(MAX_TOKENS)).is_ok());
    let error = BodyTemplate::parse(&"{{ id }}".repeat(MAX_TOKENS + 1)).expect_err("too many");
    assert!(
        error
            .detail
            .starts_with("the tags of a template have at most 3000 "),
        "{error}"
    );
}

#[test]
fn what_the_engine_recurses_on_stays_shallow_within_the_bounds() {
    // The frames of a debug build are many times those of the optimised wasm.
    let large_stack = std::thread::Builder::new().stack_size(16 << 20);
    let tried = large_stack
        .spawn(try_what_the_engine_recurses_on)
        .expect("a thread");
    assert!(tried.join().is_ok());
}

fn try_what_the_engine_recurses_on() {
    let many = MAX_TAG_TOKENS - 5;
    let chains = [
        format!("{{{{ {}1 }}}}", "-".repeat(many)),
        format!("{{{{ {}1 }}}}", "not ".repeat(many)),
        format!("{{{{ 1{} }}}}", "-1".repeat(many / 2)),
        format!("{{{{ 1{} }}}}", "~1".repeat(many / 2)),
        format!("{{{{ 1{} }}}}", " and 1".repeat(many / 2)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(many / 4)),
        format!("{{{{ 'x'{} }}}}", "|e".repeat(many / 2)),
        format!("{{{{ 1{} }}}}", " is string".repeat(many / 2)),
        format!(
            "{{% if 0 %}}{}{{% endif %}}",
            "{% elif 0 %}".repeat(MAX_ELIFS)
        ),
    ];
    for source in chains {
        assert!(render(&source).is_ok(), "{source:.40}");
    }
    let brackets = |opening: &str, closing: &str, levels: usize| {
        format!(
            "{{{{ {}0{} }}}}",
            opening.repeat(levels),
            closing.repeat(levels)
        )
    };
    for (opening, closing) in [("(", ")"), ("-(not ", ")"), ("id[", "]"), ("1|d(", ")")] {
        let at_most = brackets(opening, closing, MAX_BRACKETS);
        assert!(BodyTemplate::parse(&at_most).is_ok(), "{at_most}");
        let error = BodyTemplate::parse(&brackets(opening, closing, MAX_BRACKETS + 1));
        let error = error.expect_err("too deep").to_string();
        assert_eq!(error, "line 1: brackets nest at most 32 deep");
    }
    let elifs = "{% elif 0 %}".repeat(MAX_ELIFS + 1);
    let error = BodyTemplate::parse(&format!("{{% if 0 %}}{elifs}{{% endif %}}"));
    let error = error.expect_err("too many").to_string();
    assert_eq!(error, "line 1: a template has at most 200 `elif`");
    let blocks = "{% if 1 %}".repeat(700) + &"{% endif %}".repeat(700);
    let error = BodyTemplate::parse(&blocks).expect_err("too deep");
    assert!(error.detail.contains("recursion"), "{error}");
    // As deep as JSON may nest.
    let mut deep = json!(1);
    for _ in 0..125 {
        deep = json!([deep]);
    }
    let template = BodyTemplate::parse("{{ data|tojson }}").expect("a template");
    let rendered = template.render(&json!({ "data": deep })).expect("rendered");
    assert_eq!(rendered.len(), 2 * 125 + 1);
}

#[test]
fn work_is_bounded() {
    let numbers = |count: usize| event("message.sent", &json!(vec![1; count]));
    let template = |source: &str| BodyTemplate::parse(source).expect("a template");
    let listed =
        template("{% for n in data %}{{ n|tojson }}{% if not loop.last %},{% endif %}{% endfor %}");
    assert!(listed.render(&numbers(1_000)).is_ok());
    let too_much = |error: TemplateError| {
        assert_eq!(error.line, Some(1));
        assert_eq!(error.detail, "the template does too much work");
    };
    too_much(listed.render(&numbers(10_000)).expect_err("too many"));
    too_much(
        template("{% for a in data %}{% for b in data %}{% for c in data %}{% endfor %}{% endfor %}{% endfor %}")
            .render(&numbers(1_000))
            .expect_err("cubic"),
    );
    too_much(
        template(&format!(
            "{{% set x = 'ab' %}}{}{{{{ x }}}}",
            "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(60)
        ))
        .render(&numbers(1))
        .expect_err("doubling"),
    );
    // Each of these costs its whole text or list; a few are paid for, thousands are not.
    let large = event(
        "message.sent",
        &json!({"n": vec![1; 10_000], "s": "x".repeat(20_000), "o": data()}),
    );
    for expensive in [
        "data.s == data.s",
        "data.s[-1]",
        "data.s[7:9]",
        "data.s|upper|length",
        "data.s|length",
        "data.s is startingwith(data.s)",
        "'y' is in(data.s)",
        "2 is in(data.n)",
        "data.n|tojson",
        "data.n|join(',')",
        "data.s|truncate(5)",
        "data.s ~ data.s",
    ] {
        let source = format!("{{% for n in data.n %}}{{% set x = {expensive} %}}{{% endfor %}}");
        too_much(template(&source).render(&large).expect_err(expensive));
    }
}

#[test]
fn less_work_is_allowed_where_a_text_of_the_event_is_very_long() {
    let template = BodyTemplate::parse("{% for n in data.n %}{{ n }}{% endfor %}");
    let template = template.expect("a template");
    let event = |bytes: usize| {
        event(
            "message.sent",
            &json!({"n": vec![1; 1_000], "s": "x".repeat(bytes)}),
        )
    };
    assert!(template.render(&event(200_000)).is_ok());
    let error = template.render(&event(2_000_000)).expect_err("too much");
    assert_eq!(error.detail, "the template does too much work");
}

#[test]
fn the_body_and_the_texts_on_the_way_to_it_are_bounded() {
    let large = |bytes: usize| {
        event(
            "message.sent",
            &json!({"s": "x".repeat(bytes), "n": vec!["y"; 100]}),
        )
    };
    let render = |source: &str, bytes: usize| {
        let template = BodyTemplate::parse(source).expect("a template");
        template.render(&large(bytes)).map_err(|error| error.detail)
    };
    assert_eq!(
        render("{{ data.s }}", MAX_OUTPUT_BYTES).map(|body| body.len()),
        Ok(MAX_OUTPUT_BYTES)
    );
    let body = Err("the body is longer than 262144 bytes".to_owned());
    assert_eq!(render("{{ data.s }}", MAX_OUTPUT_BYTES + 1), body);
    assert_eq!(render("{{ data.s }}x", MAX_OUTPUT_BYTES), body);
    let text = Err("a text is longer than 262144 bytes".to_owned());
    assert_eq!(render("{{ data.s|tojson }}", MAX_OUTPUT_BYTES), text);
    assert_eq!(render("{{ data.n|join(data.s) }}", 10_000), text);
    assert_eq!(render("{{ data.s|replace('x', data.s) }}", 10_000), text);
}

#[test]
fn lists_and_objects_cost_nothing_where_the_engine_handles_them() {
    renders(&[
        ("{{ data.tags ~ data.map }}", "[list][object]"),
        (
            "{{ data.map == data.map }} {{ data.map != data.tags }}",
            "true true",
        ),
        (
            "{% if data.tags %}a{% endif %}{% if not data.none %}b{% endif %}",
            "ab",
        ),
    ]);
    for source in [
        "{{ data.tags - 1 }}",
        "{{ -data.tags }}",
        "{{ data.tags / 2 }}",
    ] {
        assert!(render(source).is_err(), "{source}");
    }
}

#[test]
fn an_error_is_short_whatever_it_quotes() {
    let long = "x".repeat(10_000);
    for source in [
        format!("{{% {long} %}}"),
        format!("{{{{ a|{long} }}}}"),
        format!("{{{{ {long} }}}}"),
        format!("{{{{ data.people|join('', attribute='{long}') }}}}"),
    ] {
        let error = render(&source).expect_err("an error");
        assert!(error.detail.len() < 410, "{error}");
        assert!(error.detail.ends_with('…'), "{error}");
    }
}

#[test]
fn a_template_is_stored_as_its_source_and_fails_late_when_it_is_refused_now() {
    let template = BodyTemplate::parse("{{ id }}").expect("a template");
    assert_eq!(template.source(), "{{ id }}");
    let stored = serde_json::to_string(&template).expect("JSON");
    assert_eq!(stored, r#""{{ id }}""#);
    let read: BodyTemplate = serde_json::from_str(&stored).expect("a template");
    assert_eq!(read, template);
    let broken: BodyTemplate = serde_json::from_str(r#""{{ [1] }}""#).expect("a text");
    let error = broken.render(&json!({})).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "line 1: a template cannot make lists or objects"
    );
}

// The user documentation.

const GUIDE: &str = include_str!("../../../../docs/templates.md");

#[test]
fn the_guides_examples_make_what_it_says() {
    let blocks = docs::blocks(GUIDE, "json");
    let [_, event] = blocks.as_slice() else {
        panic!("{blocks:?}")
    };
    let event: Value = serde_json::from_str(event).expect("an event");
    let examples = docs::examples(GUIDE);
    for (source, expected) in &examples {
        let made = BodyTemplate::parse(source).and_then(|template| template.render(&event));
        let made = made.unwrap_or_else(|error| error.to_string());
        assert_eq!(made, *expected, "{source}");
    }
    // Whatever there is is told, and shown.
    let called = |name: &str, source: &str| {
        let words = source.split(|c: char| !c.is_ascii_alphanumeric());
        words.into_iter().any(|word| word == name)
    };
    for name in vocabulary::FILTERS.into_iter().chain(vocabulary::TESTS) {
        assert!(GUIDE.contains(&format!("`{name}`")), "{name} is not told");
        // Short for another each.
        let shown = examples.iter().any(|(source, _)| called(name, source));
        assert!(
            shown || ["escape", "length", "d"].contains(&name),
            "{name} is not shown"
        );
    }
}

#[test]
fn the_guides_action_is_in_order() {
    let action = docs::blocks(GUIDE, "json")[0];
    let input: ActionInput = serde_json::from_str(action).expect("an action");
    input
        .check(built_in("participant.confirmed"), &UrlPolicy::default())
        .expect("an action that is in order");
}

#[test]
fn the_guides_limits_are_those_of_the_service() {
    let rows = docs::rows(GUIDE, ["of a template", "at most"]);
    let limits = rows.iter().map(|[_, limit]| limit.as_str());
    let expected = [
        format!("{MAX_SOURCE_BYTES} bytes"),
        format!("{MAX_OUTPUT_BYTES} bytes"),
        MAX_TAG_TOKENS.to_string(),
        MAX_TOKENS.to_string(),
        MAX_BRACKETS.to_string(),
        MAX_ELIFS.to_string(),
        MAX_FUEL.to_string(),
    ];
    assert_eq!(limits.collect::<Vec<_>>(), expected);
}

// The recipes.

const RECIPES: &str = include_str!("../../../../docs/recipes.md");
const SLACK: &str = "## Slack";
const TEAMS: &str = "## Microsoft Teams";
const TWILIO: &str = "## Twilio SMS";
const SENDGRID: &str = "## SendGrid";

/// The action of a recipe, as it is to be posted, with its template.
fn recipe(heading: &str) -> Value {
    let section = docs::section(RECIPES, heading);
    let mut action: Value =
        serde_json::from_str(docs::blocks(section, "json")[0]).expect("an action");
    let templates = docs::blocks(section, "jinja");
    let [template] = templates.as_slice() else {
        panic!("{heading} has {} templates", templates.len())
    };
    action["body_template"] = json!(template);
    action
}

fn render_recipe(heading: &str, event: &Value) -> String {
    let recipe = recipe(heading);
    BodyTemplate::parse(recipe["body_template"].as_str().expect("a text"))
        .expect("a recipe is a template")
        .render(event)
        .expect("a recipe fits the event")
}

fn form(body: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

/// The sample of `key` with `text` in place of every text that people write.
fn hostile_sample(key: &str, text: &str) -> Value {
    let mut event = sample(key);
    for place in [
        "/trigger/name",
        "/data/participant/name",
        "/data/participant/email",
        "/data/participant/phone",
        "/data/participants/0/name",
        "/data/appointment/title",
        "/data/appointment/location",
        "/data/message/body",
    ] {
        if let Some(value) = event.pointer_mut(place) {
            *value = json!(text);
        }
    }
    event
}

const HOSTILE: [&str; 8] = [
    "\"",
    "\\",
    "\\\"}, {\"text\": \"",
    "line one\nline two\r\n\ttabbed",
    "a&From=+1&Body=b%26c+d=e;f",
    "<!channel> <script>alert('x')</script> & [link](https://example.com)",
    "{{ data }} {% raw %} {# \u{0}\u{1f}\u{7f}",
    "\u{2028}\u{202e}🎉 عربي",
];

#[test]
fn each_recipe_makes_what_it_says() {
    for (heading, key, language) in [
        (SLACK, "participant.confirmed", "json"),
        (TEAMS, "appointment.created", "json"),
        (TWILIO, "participant.confirmed", "text"),
        (SENDGRID, "participant.booking_accepted", "json"),
    ] {
        let section = docs::section(RECIPES, heading);
        assert!(section.contains(&format!("`{key}` makes:")), "{heading}");
        let made = docs::blocks(section, language).pop();
        assert_eq!(
            Some(&*render_recipe(heading, &sample(key))),
            made,
            "{heading}"
        );

        let input: ActionInput = serde_json::from_value(recipe(heading)).expect("an action");
        input
            .check(built_in(key), &UrlPolicy::default())
            .expect("an action that is in order");
    }
    assert_eq!(RECIPES.matches("\n## ").count(), 4);
}

#[test]
fn what_a_type_lacks_a_recipe_leaves_out() {
    assert_eq!(
        render_recipe(SLACK, &sample("booking_page.viewed")),
        r#"{
  "text": "Front desk\nbooking_page.viewed, 2026-11-23T15:04:05Z",
  "blocks": [
    {"type": "header", "text": {"type": "plain_text", "text": "Front desk"}},
    {"type": "section", "text": {"type": "plain_text", "text": "booking_page.viewed, 2026-11-23T15:04:05Z"}}
  ]
}"#
    );
}

#[test]
fn a_form_says_what_it_is_to_say() {
    let body = render_recipe(TWILIO, &sample("participant.confirmed"));
    assert_eq!(
        form(&body)[2].1,
        "Hello Amélie Hartwell, about your appointment \"Initial consultation\" on 2026-11-26 at \
         10:00 UTC: thank you for your answer."
    );
}

#[test]
fn the_chat_recipes_fit_every_type_and_the_others_every_one_with_an_appointment() {
    for event_type in &BUILT_IN {
        let key = &*event_type.key;
        let event = sample(key);
        for recipe in [SLACK, TEAMS] {
            let body = render_recipe(recipe, &event);
            let body: Value = serde_json::from_str(&body).expect(key);
            assert!(body.to_string().contains(key));
        }
        if event["data"]["participant"].is_object() && event["data"]["appointment"].is_object() {
            assert_eq!(form(&render_recipe(TWILIO, &event)).len(), 3);
            let body = render_recipe(SENDGRID, &event);
            let body: Value = serde_json::from_str(&body).expect(key);
            assert_eq!(body["content"][1]["type"], "text/html");
        }
    }
}

#[test]
fn recipes_carry_hostile_texts_unharmed() {
    for text in HOSTILE {
        let confirmed = hostile_sample("participant.confirmed", text);
        let slack: Value = serde_json::from_str(&render_recipe(SLACK, &confirmed)).expect("JSON");
        assert_eq!(slack["blocks"][0]["text"]["text"], text);
        let details = slack["blocks"][1]["text"]["text"].as_str().expect("a text");
        assert!(
            details.starts_with(&format!("{text}\n{text}, 2026")),
            "{details}"
        );
        // What Slack would read as a mention is escaped.
        assert!(!slack["text"].as_str().expect("a text").contains('<'));

        let teams: Value = serde_json::from_str(&render_recipe(TEAMS, &confirmed)).expect("JSON");
        let body = &teams["attachments"][0]["content"]["body"];
        assert_eq!(body.as_array().map(Vec::len), Some(5));
        assert_eq!(body[1]["inlines"][0]["text"], text);
        assert_eq!(body[3]["inlines"][0]["text"], text);

        let twilio = form(&render_recipe(TWILIO, &confirmed));
        let names: Vec<&str> = twilio.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["To", "From", "Body"]);
        assert_eq!(twilio[0].1, text);
        assert!(twilio[2].1.contains(&format!("Hello {text}, ")));

        let sendgrid: Value =
            serde_json::from_str(&render_recipe(SENDGRID, &confirmed)).expect("JSON");
        assert_eq!(sendgrid["personalizations"][0]["to"][0]["email"], text);
        let plain = sendgrid["content"][0]["value"].as_str().expect("a text");
        assert!(plain.starts_with(&format!("Hello {text},")), "{plain}");
        let html = sendgrid["content"][1]["value"].as_str().expect("a text");
        assert!(!html.contains("<script") && !html.contains("<!"), "{html}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Templates, and what is nearly one, out of pieces of the language.
fn template_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{#",
        "#}",
        "{{ data.a }}",
        "{% if data %}",
        "{% endif %}",
        "{% for x in data %}",
        "{% endfor %}",
        "{% set x = ",
        "{% set x %}",
        "{% endset %}",
        "data",
        ".a",
        "[0]",
        "[:2]",
        "|tojson",
        "|length",
        "|items",
        "|join(',')",
        "|map(attribute='a')",
        "|default(1)",
        "|round(2)",
        "|int",
        "|truncate(3)",
        "|urlencode",
        " is defined",
        " is in(data)",
        " is not none",
        "x",
        "loop.index",
        "'",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "-",
        "~",
        "/",
        "//",
        "%",
        "<",
        "==",
        " and ",
        " not ",
        " if ",
        " else ",
        " in ",
        " is ",
        "1",
        ".5",
        "99999999999999999999",
        "text",
        "\n",
        " ",
        "é",
        ",",
        ":",
        "=",
        "|",
        "+",
        "*",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_template_panics_and_each_answers_always_the_same(
        source in template_like(),
        data in any_json(),
    ) {
        if let Ok(template) = BodyTemplate::parse(&source) {
            let event = json!({"data": data});
            let body = template.render(&event);
            prop_assert_eq!(&body, &template.render(&event));
            prop_assert!(body.is_err() || body.is_ok_and(|body| body.len() <= MAX_OUTPUT_BYTES));
        }
    }

    #[test]
    fn no_text_at_all_panics_as_a_template(source in any::<String>()) {
        if let Err(error) = BodyTemplate::parse(&source) {
            prop_assert!(!error.detail.is_empty());
        }
    }

    #[test]
    fn tojson_writes_any_value_as_the_json_it_is(data in any_json()) {
        let template = BodyTemplate::parse("{{ data|tojson }}").expect("a template");
        let body = template.render(&json!({"data": data})).expect("rendered");
        let read: Value = serde_json::from_str(&body).expect("JSON");
        // Reading a float may lose its last digit, so that both are read.
        let expected: Value = serde_json::from_str(&data.to_string()).expect("JSON");
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn urlencode_is_undone_by_a_form_parser(text in any::<String>()) {
        let template = BodyTemplate::parse("a={{ data|urlencode }}&b=2").expect("a template");
        let body = template.render(&json!({"data": text})).expect("rendered");
        let expected = vec![("a".to_owned(), text), ("b".to_owned(), "2".to_owned())];
        prop_assert_eq!(form(&body), expected);
    }
}
