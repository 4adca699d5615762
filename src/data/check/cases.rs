//! One small file for each fault, made by hand, with the place that is to be told; and clean files of every format.

use super::{Options, Report, check_bytes};
use crate::checks::{Severity, all};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

fn report(name: &str, bytes: &[u8]) -> Report {
    check_bytes(Path::new(name), bytes.to_vec(), Options::default())
}

const ONE: &str =
    r#"{"messages":[{"role":"user","content":"Which valve?"},{"role":"assistant","content":"The third."}]}"#;
const TWO: &str =
    r#"{"messages":[{"role":"user","content":"Which pump?"},{"role":"assistant","content":"The first."}]}"#;

/// A row between two good ones.
fn between(row: &str) -> String {
    format!("{ONE}\n{row}\n{TWO}\n")
}

/// A conversation of these turns.
fn chat(turns: &str) -> String {
    between(&format!(r#"{{"messages":[{turns}]}}"#))
}

/// What is expected: the id, the line, and what stands in the file at the byte that is told.
type Case = (&'static str, String, u64, &'static str);

fn cases() -> Vec<Case> {
    let user = r#"{"role":"user","content":"Which meter?"}"#;
    let said = |text: &str| format!(r#"{user},{{"role":"assistant","content":{text}}}"#);
    let call = |call: &str| {
        let weather = r#""tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"id":{"type":"integer"},"how":{"enum":["near","far"]}},"required":["id"]}}}]"#;
        format!(
            "{ONE}\n{{\"messages\":[{user},{{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{call}]}},{{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"12\"}},{{\"role\":\"assistant\",\"content\":\"12\"}}],{weather}}}\n"
        )
    };
    let function = |arguments: &str, name: &str| {
        format!(r#"{{"id":"c1","type":"function","function":{{"name":"{name}","arguments":{arguments}}}}}"#)
    };
    let pairs = |row: &str| {
        format!("{{\"prompt\":\"Open it?\",\"chosen\":\"Yes, now.\",\"rejected\":\"No, never.\"}}\n{row}\n")
    };
    let texts = |row: &str| format!("{{\"text\":\"A valve is open.\"}}\n{row}\n");
    vec![
        ("file.empty", String::new(), 0, ""),
        ("file.bom", format!("\u{feff}{ONE}\n"), 1, "\u{feff}"),
        ("file.crlf", format!("{ONE}\r\n{TWO}\r\n"), 1, "{"),
        ("file.blank-lines", between(""), 2, "\n"),
        ("file.no-final-newline", ONE.to_owned(), 0, ""),
        ("file.truncated", format!("{ONE}\n{}", &TWO[..60]), 2, ""),
        ("file.truncated", format!("[{ONE},\n"), 2, ""),
        ("file.not-json-lines", format!("[{ONE},\n{TWO}]\n"), 1, "["),
        ("file.mixed-formats", between(r#"{"text":"a b c"}"#), 2, "{\"text"),
        ("row.unknown-format", between(r#"{"mesages":[]}"#), 2, "{\"mes"),
        ("json.syntax", between(r#"{"id":2 "x":1}"#), 2, "\"x\""),
        ("json.nan", between(&ONE.replace("{\"mess", "{\"score\":NaN,\"mess")), 2, "NaN"),
        ("json.nan", between(&ONE.replace("{\"mess", "{\"score\":-Infinity,\"mess")), 2, "-Inf"),
        ("json.trailing-comma", between(&ONE.replace("]}", "],}")), 2, ",}"),
        ("json.python-repr", between("{'messages': []}"), 2, "'mess"),
        ("json.two-values", between(&format!("{ONE} {TWO}")), 2, "{\"messages\":[{\"role\":\"user\",\"content\":\"Which pump"),
        ("json.not-an-object", between("42"), 2, "42"),
        ("json.raw-control-character", between(&ONE.replace("Which v", "Which\tv")), 2, "\tvalve"),
        ("json.lone-surrogate", between(&ONE.replace("third", "\\ud83dthird")), 2, "\\ud83d"),
        ("json.nul", between(&ONE.replace("third", "th\\u0000ird")), 2, "\\u0000"),
        ("json.duplicate-key", between(&ONE.replace("{\"mess", "{\"id\":1,\"id\":7,\"mess")), 2, "7,"),
        ("json.big-integer", between(&ONE.replace("{\"mess", "{\"id\":123456789012345678901234567890,\"mess")), 2, "1234"),
        ("json.number-out-of-range", between(&ONE.replace("{\"mess", "{\"id\":1e999,\"mess")), 2, ""),
        ("json.deep", between(&ONE.replace("{\"mess", &format!("{{\"z\":{}{},\"mess", "[".repeat(80), "]".repeat(80)))), 2, "["),
        ("json.too-deep", between(&ONE.replace("{\"mess", &format!("{{\"z\":{}{},\"mess", "[".repeat(300), "]".repeat(300)))), 2, ""),
        ("column.type-changes", ["1", "\"two\"", "3"].map(|id| ONE.replace("{\"mess", &format!("{{\"id\":{id},\"mess"))).join("\n"), 2, "\"two\""),
        ("column.content-list-and-text", between(&ONE.replace("\"Which valve?\"", "[{\"type\":\"text\",\"text\":\"x\"}]")), 2, "[{\"type"),
        ("column.not-in-every-row", between(&ONE.replace("{\"mess", "{\"extra\":1,\"mess")), 2, "1,"),
        ("csv.cells", "prompt,completion\na,b\nc,d,e\n".to_owned(), 3, "c,d"),
        ("chat.not-a-list", between(r#"{"messages":"hello"}"#), 2, "\"hello"),
        ("chat.no-messages", between(r#"{"messages":[]}"#), 2, "[]"),
        ("chat.message-keys", chat(r#"{"content":"a"},{"role":"assistant","content":"b"}"#), 2, "{\"content"),
        ("chat.message-keys", chat(&format!("{user},{{\"role\":\"assistant\"}}")), 2, "{\"role\":\"assistant\"}"),
        ("chat.unknown-role", chat(r#"{"role":"robot","content":"a"},{"role":"assistant","content":"b"}"#), 2, "\"robot"),
        ("chat.no-assistant", chat(user), 2, "\"user"),
        ("chat.system-not-first", chat(&format!("{user},{{\"role\":\"system\",\"content\":\"s\"}},{{\"role\":\"assistant\",\"content\":\"b\"}}")), 2, "\"system"),
        ("chat.roles-repeat", chat(&format!("{user},{}", said("\"b\""))), 2, "\"user"),
        ("chat.first-not-user", chat(&format!("{{\"role\":\"assistant\",\"content\":\"b\"}},{}", said("\"c\""))), 2, "\"assistant"),
        ("chat.last-not-assistant", chat(&format!("{},{user}", said("\"b\""))), 2, "\"user"),
        ("chat.empty-answer", chat(&said("\"  \"")), 2, "\"  \""),
        ("chat.empty-turn", chat(r#"{"role":"user","content":""},{"role":"assistant","content":"b"}"#), 2, "\"\""),
        ("chat.null-content", chat(&said("null")), 2, "null"),
        ("chat.content-type", chat(&said("7")), 2, "7"),
        ("chat.nothing-trained", chat(&said("\"b\",\"weight\":0")), 2, "["),
        ("chat.thought-not-closed", chat(&said("\"<think>so it is\"")), 2, "\"<think>"),
        ("chat.thought-empty", chat(&said("\"<think>\\n</think>b\"")), 2, "\"<think>"),
        ("chat.thought-in-history", chat(&format!("{},{}", said("\"<think>x</think>b\""), said("\"<think>y</think>c\""))), 2, "\"<think>x"),
        ("chat.thoughts-in-some-rows", chat(&said("\"<think>x</think>b\"")), 2, "\"<think>"),
        ("chat.unfinished-answer", chat(&said("\"The meter counts all of the\"")), 2, "\"The meter"),
        ("chat.unfinished-answer", chat(&said("\"So:\\n```\\nlet x = 1;\"")), 2, "\"So"),
        ("chat.refusal", chat(&said("\"I\u{2019}m sorry, but I can\u{2019}t do that.\"")), 2, "\"I"),
        ("sharegpt.role-names", "{\"conversations\":[{\"from\":\"user\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\"}]}\n".to_owned(), 1, "\"user"),
        ("sharegpt.openai-keys", "{\"conversations\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n".to_owned(), 1, "{\"role"),
        ("sharegpt.values-not-renamed", "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\"}]}\n".to_owned(), 1, "\"human"),
        ("tools.arguments-not-json", call(&function("\"{id: 1}\"", "look")), 2, "\"{id"),
        ("tools.arguments-encoded-twice", call(&function(r#""\"{}\"""#, "look")), 2, r#""\"{}"#),
        ("tools.arguments-mixed", format!("{}{}", call(&function("{\"id\":1}", "look")), call(&function("\"{\\\"id\\\":1}\"", "look"))), 4, "\"{"),
        ("tools.arguments-text", call(&function("\"{\\\"id\\\":1}\"", "look")), 2, "\"{"),
        ("tools.arguments-keys-differ", format!("{}{}", call(&function("{\"id\":1}", "look")), call(&function("{\"id\":1,\"how\":\"far\"}", "look"))), 4, "{\"id\":1,\"how"),
        ("tools.call-shape", call(r#"{"id":"c1","type":"function","function":{"arguments":{}}}"#), 2, "{\"id"),
        ("tools.result-without-call", call(&function("{\"id\":1}", "look").replace("c1", "c2")), 2, "{\"role\":\"tool"),
        ("tools.call-without-result", call(&format!("{},{}", function("{\"id\":1}", "look"), function("{\"id\":2}", "look").replace("c1", "c2"))), 2, "[{\"id"),
        ("tools.unknown-name", call(&function("{\"id\":1}", "seek")), 2, "\"seek"),
        ("tools.arguments-schema", call(&function("{\"id\":\"one\"}", "look")), 2, "{\"id\":\"one"),
        ("tools.arguments-schema", call(&function("{\"id\":1,\"how\":\"up\"}", "look")), 2, "{\"id\":1"),
        ("tools.not-json", between(&ONE.replace("]}", "],\"tools\":\"look\"}")), 2, "\"look"),
        ("text.special-tokens", chat(&said("\"It is <|im_end|> here.\"")), 2, "<|im_end|>"),
        ("text.template-applied", chat(&said("\"[INST] a [/INST] b\"")), 2, "[INST]"),
        ("text.begins-with-bos", texts(r#"{"text":"<s>A pump."}"#), 2, "<s>"),
        ("text.templates-mixed", "{\"text\":\"<|im_start|>user\\na<|im_end|>\"}\n{\"text\":\"<|im_start|>user\\nb<|im_end|>\"}\n{\"text\":\"[INST] a [/INST] b</s>\"}\n".to_owned(), 3, "\"[INST]"),
        ("text.no-end-mark", "{\"text\":\"<|im_start|>user\\na<|im_end|>\"}\n{\"text\":\"<|im_start|>user\\nb\"}\n".to_owned(), 2, "\"<|im"),
        ("text.control-characters", chat(&said("\"a\\u0008b\"")), 2, "\"a\\u0008"),
        ("text.replacement-character", chat(&said("\"caf\u{fffd}\"")), 2, "\u{fffd}"),
        ("text.mojibake", chat(&said("\"cafÃ© open\"")), 2, "\"caf"),
        ("text.invisible-characters", chat(&said("\"a\u{200b}b\"")), 2, "\"a"),
        ("text.line-separator", chat(&said("\"a\u{2028}b\"")), 2, "\"a"),
        ("text.boilerplate", (0..12).map(|at| format!("{{\"text\":\"Page {at} of the manual.\\nAll rights are reserved by us.\"}}\n")).collect(), 0, ""),
        ("preference.side-missing", pairs(r#"{"prompt":"a","chosen":"b"}"#), 2, "{\"prompt"),
        ("preference.side-empty", pairs(r#"{"prompt":"a","chosen":" ","rejected":"b"}"#), 2, "\" \""),
        ("preference.equal", pairs(r#"{"prompt":"a","chosen":"b","rejected":"b"}"#), 2, "\"b\"}"),
        ("preference.equal-but-for-form", pairs(r#"{"prompt":"a","chosen":"Yes, so.","rejected":"yes so"}"#), 2, "\"yes so"),
        ("preference.prompts-differ", pairs(r#"{"chosen":"Is it? Yes.","rejected":"Was it? No."}"#), 2, "{\"chosen"),
        ("preference.prompt-repeated", pairs(r#"{"prompt":"Shut it?","chosen":"Shut it? Yes.","rejected":"Shut it? No."}"#), 2, "\"Shut it? Yes"),
        ("preference.reversed-elsewhere", pairs(r#"{"prompt":"Open it?","chosen":"No, never.","rejected":"Yes, now."}"#), 2, "{"),
        ("preference.length-bias", (0..12).map(|at| format!("{{\"prompt\":\"Q{at}?\",\"chosen\":\"{}\",\"rejected\":\"No, {at}.\"}}\n", "long words ".repeat(9 + at % 3))).collect(), 0, ""),
        ("preference.length-bias-uncertain", [1, 90, 2, 70].iter().map(|n| format!("{{\"prompt\":\"Q{n}?\",\"chosen\":\"{}\",\"rejected\":\"No, {n}.\"}}\n", "word ".repeat(*n))).collect(), 0, ""),
        ("kto.label-not-bool", "{\"prompt\":\"a\",\"completion\":\"b\",\"label\":\"true\"}\n".to_owned(), 1, "\"true"),
        ("kto.one-class", "{\"prompt\":\"a\",\"completion\":\"b\",\"label\":true}\n{\"prompt\":\"c\",\"completion\":\"d\",\"label\":true}\n".to_owned(), 0, ""),
        ("kto.ratio", ["true", "true", "true", "false"].map(|label| format!("{{\"prompt\":\"a\",\"completion\":\"b\",\"label\":{label}}}\n")).concat(), 0, ""),
        ("reward.score-type", "{\"prompt\":\"a\",\"response\":\"b\",\"score\":\"high\"}\n".to_owned(), 1, "\"high"),
        ("reward.score-scale", (0..20).map(|at| format!("{{\"prompt\":\"a{at}\",\"response\":\"b\",\"score\":{}}}\n", if at == 9 { "85" } else { "0.5" })).collect(), 10, "85"),
        ("stepwise.lengths", "{\"prompt\":\"a\",\"completions\":[\"b\",\"c\"],\"labels\":[true]}\n".to_owned(), 1, "[true]"),
        ("infill.empty-middle", "{\"prefix\":\"a\",\"suffix\":\"b\",\"middle\":\"\"}\n".to_owned(), 1, "\"\""),
        ("infill.nothing-around", "{\"prefix\":\"\",\"suffix\":\"\",\"middle\":\"m\"}\n".to_owned(), 1, "{"),
        ("tokens.lengths", "{\"input_ids\":[1,2],\"labels\":[1]}\n".to_owned(), 1, "[1]"),
        ("tokens.nothing-trained", "{\"input_ids\":[1,2],\"labels\":[-100,-100]}\n".to_owned(), 1, "[-100"),
        ("row.empty-text", texts(r#"{"text":" "}"#), 2, "\" \""),
        ("row.empty-completion", "{\"prompt\":\"a\",\"completion\":\"\"}\n".to_owned(), 1, "\"\""),
        ("row.field-type", "{\"instruction\":\"a\",\"input\":\"\",\"output\":{\"x\":1}}\n".to_owned(), 1, "{\"x"),
        ("media.placeholders", between(&ONE.replace("]}", "],\"images\":[\"https://a/b.png\"]}").replace("Which valve", "<image><image>Which valve")), 2, "[\"https"),
        ("media.file-missing", between(&ONE.replace("]}", "],\"images\":[\"none/at-all.png\"]}")), 2, "\"none"),
        ("set.duplicate-rows", between(ONE), 2, "{"),
        ("set.two-answers", between(&ONE.replace("The third.", "The fourth.").replace("Which valve?", "which  valve ?")), 2, "{"),
        ("set.length-spread", between(&[ONE; 9].join("\n").replace("third", "3rd")) + &ONE.replace("third", &"long ".repeat(2000)), 12, "{"),
    ]
}

#[test]
fn every_fault_is_told_with_its_place() {
    for (id, text, line, stands) in cases() {
        let report = report("rows.jsonl", text.as_bytes());
        let found: Vec<&str> = report.findings.iter().map(|finding| finding.check.id).collect();
        let Some(finding) = report.findings.iter().find(|finding| finding.check.id == id) else {
            panic!("{id} is not told, but {found:?}: {text:.300}");
        };
        assert!(finding.count > 0 && finding.message().contains("Why: "), "{id}");
        let Some(place) = finding.places.first() else {
            assert_eq!(line, 0, "{id} has no place");
            continue;
        };
        assert_eq!(place.line, line, "{id}: {place:?}");
        let byte = usize::try_from(place.byte).unwrap_or(usize::MAX);
        let rest = text.as_bytes().get(byte..).unwrap_or_default();
        let near: String = String::from_utf8_lossy(rest).chars().take(30).collect();
        assert!(rest.starts_with(stands.as_bytes()), "{id}: byte {byte} is at {near:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let mut broken = between(ONE).into_bytes();
    let place = ONE.len() + 1 + 50;
    broken[place] = 0xe9;
    let found = report("a.jsonl", &broken);
    let finding = &found.findings[0];
    assert_eq!((finding.check.id, finding.places[0].line), ("file.invalid-utf8", 2));
    assert_eq!(finding.places[0].byte, place as u64);
    assert_eq!(finding.places[0].path, "messages[0].content");
    let wide: Vec<u8> = format!("\u{feff}{ONE}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(report("a.jsonl", &wide).findings[0].check.id, "file.utf16");
    let long = between(&ONE.replace("third", &"x".repeat(12_000_000)));
    let found = report("a.jsonl", long.as_bytes());
    let finding = found.findings.iter().find(|finding| finding.check.id == "file.long-line");
    assert_eq!(finding.map(|finding| (finding.count, finding.places[0].line)), Some((1, 2)));
    let parquet = report("a.jsonl", b"PAR1\0\0\0\0PAR1");
    assert!(parquet.is_unusable && parquet.findings[0].message().contains("Parquet"));
}

#[test]
fn packed_files_are_read_and_damaged_ones_told() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let text = format!("{ONE}\n{TWO}\n");
    assert!(encoder.write_all(text.as_bytes()).is_ok());
    let packed = encoder.finish().unwrap_or_default();
    let whole = report("a.jsonl", &packed);
    assert_eq!((whole.rows, whole.findings.len(), whole.packing.id()), (2, 0, "gzip"));
    let cut = report("a.jsonl.gz", &packed[..packed.len() - 12]);
    assert!(cut.is_unusable && cut.findings.iter().any(|finding| finding.check.id == "file.compression-damaged"));
}

/// Every check that a file can show is shown by a case.
#[test]
fn no_check_is_without_a_case() {
    let shown: BTreeSet<&str> = cases().iter().map(|(id, ..)| *id).collect();
    let elsewhere = [
        "file.unreadable",
        "file.utf16",
        "file.invalid-utf8",
        "file.compression-damaged",
        "file.long-line",
        // 64 MiB: the reader of rows has a test of it.
        "file.row-too-long",
        // 1,000,000 values: the parser has a test of it.
        "json.too-many-values",
        // A file beside others: tests of the command line.
        "info.file-missing",
        "info.unknown-column",
    ];
    let missing: Vec<&str> =
        all().map(|check| check.id).filter(|id| !shown.contains(id) && !elsewhere.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Clean files of every format: nothing that is more than a note.
#[test]
fn clean_files_give_no_alarm() {
    let lines = |rows: &[&str]| rows.join("\n") + "\n";
    let tool = r#"{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}}}"#;
    let clean: Vec<(&str, String)> = vec![
        ("messages", lines(&[ONE, TWO])),
        ("messages", format!("[\n  {ONE},\n  {TWO}\n]\n")),
        ("messages", format!("[{ONE}, {TWO}]")),
        ("messages", "{\n  \"messages\": [\n    {\"role\": \"user\", \"content\": \"a b\"},\n    {\"role\": \"assistant\", \"content\": \"c d.\"}\n  ]\n}\n".to_owned()),
        ("messages", lines(&[r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Où est la vanne n° 3 ?"},{"role":"assistant","content":"Là-bas — près de l’entrée. 温度は12℃です。 밸브는 열려 있습니다. 👩‍🔧"}]}"#, TWO])),
        ("messages", lines(&[r#"{"messages":[{"role":"user","content":"Show a loop."},{"role":"assistant","content":"```rust\nfor x in 0..3 { a[x] = b < c; }\n```"}]}"#, r####"{"messages":[{"role":"user","content":"List:"},{"role":"assistant","content":"### First\n\n- a\n- b\n\n<b>bold</b> and x < y > z, it's 50%"}]}"####])),
        ("messages", lines(&[&format!(r#"{{"messages":[{{"role":"user","content":"Meter 3?"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"c1","type":"function","function":{{"name":"look","arguments":"{{\"id\": 3}}"}}}},{{"id":"c2","type":"function","function":{{"name":"look","arguments":"{{\"id\": 4}}"}}}}]}},{{"role":"tool","tool_call_id":"c2","content":"13"}},{{"role":"tool","tool_call_id":"c1","content":"12"}},{{"role":"assistant","content":"12 and 13."}}],"tools":[{tool}]}}"#), &format!(r#"{{"messages":[{{"role":"user","content":"Meter 9?"}},{{"role":"assistant","tool_calls":[{{"id":"c1","type":"function","function":{{"name":"look","arguments":"{{\"id\": 9}}"}}}}]}}],"tools":[{tool}]}}"#)])),
        ("messages", lines(&[&format!(r#"{{"messages":[{{"role":"user","content":"Meter 3?"}},{{"role":"assistant","tool_calls":[{{"type":"function","function":{{"name":"look","arguments":{{"id":3}}}}}}]}},{{"role":"tool","name":"look","content":"12"}},{{"role":"assistant","content":"12."}}],"tools":[{tool}]}}"#)])),
        ("messages", lines(&[r#"{"messages":[{"role":"user","content":"2+2?"},{"role":"assistant","content":"<think>\ntwo and two\n</think>\n\n4"}]}"#, r#"{"messages":[{"role":"user","content":"3+3?"},{"role":"assistant","content":"<think>\nthree\n</think>\n\n6"}]}"#])),
        ("messages", lines(&[r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}},{"type":"text","text":"What is it?"}]},{"role":"assistant","content":"A pump."}]}"#, r#"{"messages":[{"role":"user","content":[{"type":"text","text":"And this?"}]},{"role":"assistant","content":"A valve."}]}"#])),
        ("messages", lines(&[r#"{"messages":[{"role":"user","content":"a?","weight":0},{"role":"assistant","content":"b.","weight":0},{"role":"user","content":"c?"},{"role":"assistant","content":"d.","weight":1}]}"#])),
        ("sharegpt", lines(&[r#"{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#, r#"{"conversations":[{"from":"human","value":"a2"},{"from":"function_call","value":"{\"name\": \"look\", \"arguments\": {}}"},{"from":"observation","value":"12"},{"from":"gpt","value":"b"}]}"#])),
        ("alpaca", lines(&[r#"{"instruction":"Sort it.","input":"","output":"a b c"}"#, r#"{"instruction":"Add.","input":"1 2","output":"3"}"#])),
        ("alpaca", "instruction,input,output\nSort it.,\"b, a\",\"a, b\"\nAdd.,1 2,3\n".to_owned()),
        ("prompt-completion", lines(&[r#"{"prompt":"a","completion":" b"}"#, r#"{"prompt":"c","completion":" d"}"#])),
        ("prompt-completion", lines(&[r#"{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}"#])),
        ("prompt-completion", "prompt\tcompletion\na b\tc d\ne\tf\n".to_owned()),
        ("preference", lines(&[r#"{"prompt":"Open?","chosen":"Yes, it is.","rejected":"No, it is not."}"#, r#"{"prompt":"Shut?","chosen":"No, it is not.","rejected":"Yes."}"#])),
        ("preference", lines(&[r#"{"chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"rejected":[{"role":"user","content":"a"},{"role":"assistant","content":"c"}]}"#])),
        ("openai-preference", lines(&[r#"{"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[{"role":"assistant","content":"b"}],"non_preferred_output":[{"role":"assistant","content":"c"}]}"#])),
        ("kto", lines(&[r#"{"prompt":"a","completion":"b","label":true}"#, r#"{"prompt":"a","completion":"c","label":false}"#])),
        ("stepwise", lines(&[r#"{"prompt":"a","completions":["b","c"],"labels":[true,false]}"#])),
        ("prompt-only", lines(&[r#"{"prompt":[{"role":"user","content":"a"}]}"#])),
        ("reward", lines(&[r#"{"prompt":"a","response":"b","score":0.5}"#, r#"{"prompt":"c","response":"d","score":0.7}"#])),
        ("infilling", lines(&[r#"{"prefix":"let x","suffix":";","middle":" = 1"}"#])),
        ("tokenized", lines(&[r#"{"input_ids":[1,2,3],"attention_mask":[1,1,1],"labels":[-100,2,3]}"#])),
        ("text", lines(&[r#"{"text":"A valve is open."}"#, r#"{"text":"A pump is not."}"#])),
        ("text", "A valve is open, or so it seems.\nA pump is not.\nThe roster, again, is long.\n".to_owned()),
        ("text", lines(&[r#"{"text":"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"}"#, r#"{"text":"<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\nd<|im_end|>\n"}"#])),
    ];
    assert!(clean.len() >= 20);
    for (format, text) in clean {
        let report = report("rows.json", text.as_bytes());
        assert_eq!(report.shape.map(super::Shape::id), Some(format), "{text}");
        let alarms: Vec<_> = report
            .findings
            .iter()
            .filter(|found| found.check.severity > Severity::Note)
            .map(|found| (found.check.id, &found.places, &found.detail))
            .collect();
        assert!(alarms.is_empty() && !report.is_unusable && report.unreadable == 0, "{alarms:?}: {text}");
    }
}
