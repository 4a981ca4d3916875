use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    catalogue::{BUILT_IN, EventType, built_in},
    docs,
    trigger::ActionInput,
    url_policy::UrlPolicy,
};

/// The default body of a webhook for `data`.
fn event(event_type: &str, data: &Value) -> Value {
    json!({
        "id": "evt_1",
        "type": event_type,
        "timestamp": "2026-11-23T15:04:05.000Z",
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
        "evt_1 message.sent 2026-11-23T15:04:05.000Z acme Front desk act_1 dlv_1 5",
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
        (
            "{{ data.map == data.people[0] }} {{ data.map != data.tags }} {{ data.people[:1] == data.people[:-1] }}",
            "false true true",
        ),
        (
            "{{ 'vip' in data.tags }} {{ 'a' not in data.map }} {{ 'Lee' in data.name }}",
            "true false true",
        ),
        ("{{ 1 < 2 <= 2 }} {{ 1 < 3 < 2 }}", "true false"),
        (
            "{{ data.tags[:1] }} {{ data.tags[-1:] }} {{ data.tags[5:] }} {{ data.name[-2:] }} {{ data.name[-99:3] }}",
            r#"["new"] ["vip"] [] Co zoë"#,
        ),
        (
            "{{ data.name[2] }}{{ data.name[-1] }} {{ data.name[99] is defined }}",
            "ëo false",
        ),
        (
            "{{ -7 // 2 }} {{ -7 % 2 }} {{ 7 % -2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}",
            "-4 1 -1 3.0 0.5",
        ),
        (
            "{{ data.tags ~ data.map ~ data.nothing }}",
            r#"["new","vip"]{"a":1,"b":[2,null]}null"#,
        ),
        (
            "{{ ('a' if data.no) ~ 'b' }}{{ ('a' if data.no)|default('c') }}",
            "bc",
        ),
        (
            "{% for a in data.tags %}{% for b in data.tags %}{{ loop.index }}{% endfor %}{{ loop.revindex0 }} {% endfor %}",
            "121 120 ",
        ),
        (
            "{% set x = 1 %}{% for a in data.tags %}{{ x }}{% set x = a %}{{ x }}{% endfor %}{{ x }}",
            "1new1vip1",
        ),
        ("{% for c in 'zoë' %}{{ c }}.{% endfor %}", "z.o.ë."),
        (
            "{% if data.tags %}a{% endif %}{% if not data.none %}b{% endif %}",
            "ab",
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
        ("{{ data.none|first }}", "line 1: the value is undefined"),
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
            "line 1: a list is needed, not a text",
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
        ("{{ (9 / 1e-38)|int }}", "line 1: the number is too large"),
        (
            "{{ 1e300 / 1e-300 }}",
            "line 1: unable to calculate 1e+300 / 1e-300",
        ),
        (
            "{{ 'a'|replace('', 'b') }}",
            "line 1: the text to replace is empty",
        ),
        (
            "{{ data.map[:1] }}",
            "line 1: a text or list is needed, not an object",
        ),
        (
            "{{ data.name['a':] }}",
            "line 1: a number is needed, not a text",
        ),
        (
            "{{ data.name[:1.5] }}",
            "line 1: a whole number is needed, not 1.5",
        ),
        ("{{ 1 / 0 }}", "line 1: unable to calculate 1 / 0"),
        ("{{ -7 // 0 }}", "line 1: unable to calculate -7 // 0"),
        (
            "{{ data.tags - 1 }}",
            "line 1: a number is needed, not a list",
        ),
        ("{{ -data.name }}", "line 1: a number is needed, not a text"),
        (
            "{{ data.count > '4' }}",
            "line 1: a number cannot be compared with a text",
        ),
        (
            "{% set a, b = data.none %}",
            "line 1: a list of 2 elements is needed, not a list",
        ),
        (
            "{% for x in data.count %}{% endfor %}",
            "line 1: a list, object or text is needed, not a number",
        ),
        (
            "{{ data.people|map }}",
            "line 1: `map` needs a field: `map(attribute=\"name\")`",
        ),
        ("{{ loop }}", "line 1: `loop` is undefined"),
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
        "{% set x = data, data %}",
        "{% set x = [data] %}",
        "{% set x|default((data, data), true) %}{% endset %}",
        "{% for x in [1] %}{% endfor %}",
        "{{ data.a is in [data] }}",
        "{{ data.missing|default([data]) }}",
        "{{ 1 if [data] else 2 }}",
    ] {
        let error = BodyTemplate::parse(source).expect_err(source).to_string();
        assert_eq!(error, no_literals, "{source}");
    }
    let no_functions = "line 1: there are no functions, only filters: `value|filter`";
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
            "{{ data.name[::2] }}",
            "line 1: a part has no step: `[from:to]`",
        ),
        (
            "{% set data.name = 1 %}",
            "line 1: a value is given to a name: `name = value`",
        ),
        (
            "{{ data|truncate }}",
            "line 1: `truncate` takes 1 values, not 0",
        ),
        (
            "{{ data|default(1, 2, 3) }}",
            "line 1: `default` takes 0 to 2 values, not 3",
        ),
        (
            "{{ data|default(a=data.map) }}",
            "line 1: `default` takes no `a`",
        ),
        ("{{ and }}", "line 1: `and` is not a name"),
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
        ("{% raw %}{{ [1] }}{% endraw %}", "{{ [1] }}"),
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
    for name in vocabulary::FILTERS
        .iter()
        .map(|filter| filter.signature.name)
    {
        let source = format!("{{{{ data|{name}(1, 2, 3, 4, 5, 6) }}}}");
        let error = render(&source).expect_err(name);
        assert!(!error.detail.contains("unknown"), "{name}: {error}");
    }
    for name in vocabulary::TESTS.iter().map(|test| test.signature.name) {
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
        Err(TemplateError::new(
            None,
            "a template has at most 65536 bytes"
        ))
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

fn too_much(error: &TemplateError) {
    assert_eq!(error.kind, TemplateErrorKind::TooExpensive, "{error}");
    assert_eq!(error.line, Some(1));
    assert!(error.detail.starts_with("the template does too much work"));
}

#[test]
fn work_is_bounded() {
    let numbers = |count: usize| event("message.sent", &json!(vec![1; count]));
    let template = |source: &str| BodyTemplate::parse(source).expect("a template");
    let listed =
        template("{% for n in data %}{{ n|tojson }}{% if not loop.last %},{% endif %}{% endfor %}");
    assert!(listed.render(&numbers(5_000)).is_ok());
    too_much(&listed.render(&numbers(10_000)).expect_err("too many"));
    too_much(
        &template("{% for a in data %}{% for b in data %}{% for c in data %}{% endfor %}{% endfor %}{% endfor %}")
            .render(&numbers(1_000))
            .expect_err("cubic"),
    );
    let doubling = template(&format!(
        "{{% set x = 'ab' %}}{}{{{{ x }}}}",
        "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(60)
    ));
    let error = doubling.render(&numbers(1)).expect_err("doubling");
    assert_eq!(error.detail, "a text is longer than 262144 bytes");
}

/// The expressions with which a template can look at a long text, list, name or number. `s` and `t`
/// are equal long texts, `n` is a list, `o` an object, `i` a number of many digits.
const LOOKS: [&str; 40] = [
    "data.s == data.t",
    "data.s != data.t",
    "data.s < data.t",
    "data.s[-1]",
    "data.s[99999]",
    "data.s[7:9]",
    "data.s[-9:]",
    "data.s|upper|length",
    "data.s|lower",
    "data.s|capitalize",
    "data.s|length",
    "data.s|e",
    "data.s|urlencode",
    "data.s|trim",
    "data.s|string",
    "data.s|tojson",
    "data.s|truncate(100000)",
    "data.s|replace('x', 'y')",
    "data.s|replace(data.t, '')",
    "data.s|default(data.t)|int",
    "data.s is startingwith(data.t)",
    "data.s is endingwith(data.t)",
    "'y' is in(data.s)",
    "'y' in data.s",
    "data.t in data.s",
    "data.s is in(data.t, data.t)",
    "data.o[data.s] is defined",
    "data.o|map(attribute=data.s)",
    "data.s ~ ''",
    "data.s in data.o",
    "2 in data.n",
    "data.n == data.m",
    "data.n|tojson",
    "data.n|join(',')",
    "data.n[1:]",
    "data.o|items",
    "data.i - 1",
    "data.i == data.j",
    "data.i|int",
    "1 if data.i else 2",
];

#[test]
fn what_looks_at_a_long_text_or_list_is_charged_by_its_length() {
    let text = "é".repeat(100_000) + "x";
    let digits: Value = serde_json::from_str(&"1".repeat(100_000)).expect("a number");
    let names: serde_json::Map<String, Value> =
        (0..5_000).map(|n| (format!("name{n}"), json!(n))).collect();
    let large = event(
        "message.sent",
        &json!({
            "r": vec![1; 50_000], "s": text, "t": text, "n": vec![1; 10_000], "m": vec![1; 10_000],
            "o": names, "i": digits, "j": digits, "q": "\"".repeat(10_000),
        }),
    );
    let looks = LOOKS.map(|look| format!("{{% set y = {look} %}}"));
    let others = [
        "{% for c in data.s %}{% if loop.last %}{{ c }}{% endif %}{% endfor %}",
        "{% for b in data.r %}{% set x = loop %}{% endfor %}",
        "{% for b in data.r if data.s[-1] == 'y' %}{% endfor %}",
        "{% for k, v in data.o|items %}{% endfor %}",
        "{% set x %}{{ data.q[:99] }}{% endset %}{% set x = x|tojson|upper %}",
        "{% set x = data.o.name77 %}{% set x = data.missing is defined %}",
        "{% set x = 7.5 / 3 %}{% set x = 1 - 2.5 %}{% set x = 2.345|round(2) %}",
        "{% set x = data.q|tojson|replace('\\\\', 'ab') %}",
    ]
    .map(str::to_owned);
    // As many names as can be, which are all looked through for one of the event's.
    let names: String = (0..600).map(|n| format!("{{% set n{n} = 1 %}}")).collect();
    // As deep as statements go.
    let nested = "{% for b in data.r %}".repeat(120) + "{{ id }}" + &"{% endfor %}".repeat(120);
    let sources = looks.into_iter().chain(others).chain([nested]);
    let sources = sources.map(|body| format!("{{% for a in data.r %}}{body}{{% endfor %}}"));
    let many = format!("{names}{{% for a in data.r %}}{{% set x = type %}}{{% endfor %}}");

    let mut slowest = (std::time::Duration::ZERO, String::new());
    for source in sources.chain([many]) {
        let template = BodyTemplate::parse(&source).expect(&source);
        let started = processor_time();
        let rendered = template.render(&large);
        let took = processor_time().saturating_sub(started);
        match rendered.map_err(|error| (error.kind, error.to_string())) {
            Err((TemplateErrorKind::TooExpensive, _)) => {}
            // An error ends the render at its first look.
            Err((_, error)) => {
                let ends = ["needed", "number", "longer", "calculate"];
                let is_end = ends.iter().any(|end| error.contains(end));
                assert!(is_end, "{source}: {error}");
            }
            Ok(_) => panic!("not charged: {source}"),
        }
        slowest = slowest.max((took, source));
    }
    println!("slowest: {slowest:?}");
    // Without optimisation it takes about ten times as long.
    let most = if cfg!(debug_assertions) { 1_000 } else { 50 };
    assert!(slowest.0.as_millis() < most, "{slowest:?}");
}

/// The time for which this thread has had a processor.
fn processor_time() -> std::time::Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = statistics
        .split(' ')
        .next()
        .and_then(|nanos| nanos.parse().ok());
    std::time::Duration::from_nanos(nanos.unwrap_or_default())
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

// Exactness.

/// Renders for an event as it was posted.
fn render_posted(source: &str, data: &str) -> String {
    #[derive(serde::Serialize)]
    struct Payload<'a> {
        data: &'a serde_json::value::RawValue,
    }
    let data: Box<serde_json::value::RawValue> = serde_json::from_str(data).expect("JSON");
    let template = BodyTemplate::parse(source).expect(source);
    template.render(&Payload { data: &data }).expect(source)
}

#[test]
fn numbers_are_printed_as_they_were_posted() {
    for number in [
        "123456789012345678901234567890",
        "-0",
        "-0.0",
        "1.0",
        "1e5",
        "1E5",
        "1E+05",
        "0.10",
        "1e400",
        "9007199254740993",
    ] {
        let data = format!("{{\"n\": {number}, \"list\": [{number}]}}");
        let printed = render_posted(
            "{{ data.n }} {{ data.n|tojson }} {{ data.list }} {{ data.n ~ '' }} {{ data.list|join }} {{ data.n|string }}",
            &data,
        );
        let expected = format!("{number} {number} [{number}] {number} {number} {number}");
        assert_eq!(printed, expected);
    }
}

#[test]
fn numbers_are_compared_by_their_exact_value() {
    let data = r#"{"a": 100000000000000000001, "b": 100000000000000000002, "one": 1.0, "z": -0.0,
                   "list": [100000000000000000001]}"#;
    for (source, expected) in [
        ("{{ data.a == data.b }} {{ data.a < data.b }}", "false true"),
        (
            "{{ data.one == 1 }} {{ data.one >= 1 }} {{ data.z == 0 }}",
            "true true true",
        ),
        (
            "{{ data.b in data.list }} {{ data.a in data.list }}",
            "false true",
        ),
        ("{{ data.a == 100000000000000000001 }}", "true"),
        ("{{ 'yes' if data.z else 'no' }}", "no"),
        (
            "{{ data.b - data.a }} {{ data.a - 1 }}",
            "1 100000000000000000000",
        ),
        (
            "{{ data.a|int }} {{ data.one|int }} {{ data.a|round }}",
            "100000000000000000001 1 100000000000000000001",
        ),
    ] {
        assert_eq!(render_posted(source, data), expected, "{source}");
    }
}

#[test]
fn members_keep_the_order_in_which_they_were_posted() {
    let data = r#"{"map": {"z": 1, "a": {"y": 2, "b": 3}, "10": 4, "9": 5}}"#;
    for (source, expected) in [
        (
            "{% for name, value in data.map|items %}{{ name }}={{ value }};{% endfor %}",
            r#"z=1;a={"y":2,"b":3};10=4;9=5;"#,
        ),
        (
            "{% for name in data.map %}{{ name }};{% endfor %}",
            "z;a;10;9;",
        ),
        (
            "{{ data.map }}",
            r#"{"z":1,"a":{"y":2,"b":3},"10":4,"9":5}"#,
        ),
    ] {
        assert_eq!(render_posted(source, data), expected, "{source}");
    }
}

#[test]
fn texts_are_read_as_json_has_them() {
    let data = r#"{"a\"b": "\u00e9\ud83d\ude00\\\n", "plain": "é😀", "empty": "", "": 1, "$serde_json::private::Number": "7"}"#;
    assert_eq!(render_posted("{{ data['a\"b'] }}", data), "é😀\\\n");
    assert_eq!(
        render_posted("{{ data.plain }}{{ data.empty }}{{ data[''] }}", data),
        "é😀1"
    );
    let name = "$serde_json::private::Number";
    let source = format!("{{{{ data['{name}']|tojson }}}}");
    assert_eq!(render_posted(&source, data), "\"7\"");
}

// JSON.

#[test]
fn a_body_that_is_to_be_json_and_is_not_names_the_expression() {
    let render = |source: &str, data: &Value| {
        let template = BodyTemplate::parse(source).expect(source);
        template.render_for("application/json", &event("message.sent", data))
    };
    let quoted = "{\"n\": {{ data.n|tojson }},\n\"text\": \"{{ data.note }}\"}";
    for (note, said) in [
        ("a\nb", "control character"),
        ("say \"hi\"", "expected `,` or `}`"),
        ("C:\\dir", "invalid escape"),
        ("\"", "expected `,` or `}`"),
    ] {
        let error = render(quoted, &json!({"note": note, "n": 1})).expect_err(note);
        assert_eq!(error.kind, TemplateErrorKind::NotJson);
        assert_eq!(error.line, Some(2), "{error}");
        assert!(
            error
                .detail
                .starts_with("`{{ data.note }}` makes a body that is not JSON: "),
            "{error}"
        );
        assert!(error.detail.contains(said), "{error}");
        assert!(
            error
                .detail
                .ends_with("of the body; write `{{ data.note|tojson }}` without quotes around it"),
            "{error}"
        );
    }
    assert!(render(quoted, &json!({"note": "plain", "n": 1})).is_ok());
    for (source, line, said) in [
        ("{{ data.n }}\n, 1", 2, "write each value as"),
        ("[\n{{ data.n|tojson }},\n]", 3, "write each value as"),
        (
            "[{{ 'a' ~ data.n }}]",
            1,
            "write `{{ ('a' ~ data.n)|tojson }}`",
        ),
        (
            "[{{ data.n if data.no else data.note }}]",
            1,
            "write `{{ (data.n if data.no else data.note)|tojson }}`",
        ),
        ("{% if data.no %}1{% endif %}", 1, "write each value as"),
    ] {
        let error = render(source, &json!({"n": 1, "no": false, "note": "x"})).expect_err(source);
        assert_eq!(error.line, Some(line), "{source}: {error}");
        assert!(error.detail.contains(said), "{source}: {error}");
    }
}

#[test]
fn content_types_of_json_are_known() {
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
        "application/vnd.api+json;v=1",
    ] {
        assert!(is_json(content_type), "{content_type}");
    }
    for content_type in [
        "text/plain",
        "application/jsonl",
        "application/json-seq",
        "text/json5",
    ] {
        assert!(!is_json(content_type), "{content_type}");
    }
}

// Saving.

fn tried(source: &str, content_type: &str, sample: &Value) -> Result<String, String> {
    let template = BodyTemplate::parse(source).expect(source);
    let event_type = json!({
        "key": "message.sent", "label": "L", "group": "G", "description": "D",
        "member_of": null, "revision": 0, "sample": sample,
    });
    let event_type: EventType = serde_json::from_str(&event_type.to_string()).expect("a type");
    Tries::default().try_out(&template, &event_type, content_type)
}

#[test]
fn saving_tries_texts_that_need_to_be_quoted() {
    let sample = json!({"note": "Hello", "at": "2026-11-23T15:04:05Z", "list": [{"n": "x"}]});
    let refused = |source: &str| tried(source, "application/json", &sample).expect_err(source);
    let note = refused("{\n\"text\": \"{{ data.note }}\"}");
    assert!(
        note.starts_with("line 2: `{{ data.note }}` makes a body that is not JSON: "),
        "{note}"
    );
    assert!(
        note.ends_with(
            "(on the sample of message.sent with quotes, backslashes and line breaks in its texts)"
        ),
        "{note}"
    );
    refused("{\"text\": \"{{ data.note|replace('\\\"', '') }}\"}");
    refused("[{% for x in data.list %}\"{{ x.n }}\"{% endfor %}]");
    refused("{\"text\": \"{{ trigger.name }}\"}");
    for accepted in [
        "{\"text\": {{ data.note|tojson }}, \"day\": \"{{ data.at[:10] }}\", \"id\": \"{{ id }}\"}",
        "[{{ data.note|tojson }}, {{ data.list }}]",
    ] {
        tried(accepted, "application/json", &sample).expect(accepted);
    }
    tried("\"{{ data.note }}\"", "text/plain", &sample).expect("no JSON");
}

#[test]
fn saving_tries_an_event_of_200_kb() {
    let sample = json!({"note": "Hello", "list": [{"n": "x"}, {"n": "y"}], "at": "2026-11-23"});
    let tried = |source: &str| tried(source, "text/plain", &sample);
    for refused in [
        "{% for a in data.list %}{% for b in data.list %}{{ a.n }}{% endfor %}{% endfor %}",
        "{% for c in data.note %}{{ c }}{% if c == data.note[-1] %}!{% endif %}{% endfor %}",
    ] {
        let error = tried(refused).expect_err(refused);
        assert!(
            error.starts_with("line 1: the template does too much work: "),
            "{error}"
        );
        let on_large = [
            "with texts of 200 KB in all)",
            "with lists of up to 2,000 elements)",
        ];
        assert!(on_large.iter().any(|end| error.ends_with(end)), "{error}");
    }
    for accepted in [
        "{% for a in data.list %}{{ a.n }}{% if not loop.last %}, {% endif %}{% endfor %}",
        "{{ data.note|truncate(100)|upper }}{{ data.note[:10] }}",
        // Wrong on the large event, which is no reason.
        "{{ data.note|tojson }}{{ data.note|tojson }}{{ data.at[8:]|int }}",
    ] {
        tried(accepted).expect(accepted);
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
    let filters = vocabulary::FILTERS
        .iter()
        .map(|filter| filter.signature.name);
    let tests = vocabulary::TESTS.iter().map(|test| test.signature.name);
    for name in filters.chain(tests) {
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
        MAX_STEPS.to_string(),
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
  "text": "Front desk\nbooking_page.viewed, 2026-11-23T15:04:05.000Z",
  "blocks": [
    {"type": "header", "text": {"type": "plain_text", "text": "Front desk"}},
    {"type": "section", "text": {"type": "plain_text", "text": "booking_page.viewed, 2026-11-23T15:04:05.000Z"}}
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
