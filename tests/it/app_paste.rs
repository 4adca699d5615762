//! What a pasted text means: a config, a plan, a model's name, or a sentence that says it is none of them.

use tuneplan::app::command::FileCommand;
use tuneplan::app::{Command, State, dispatch};
use tuneplan::plan::{ModelSource, Plan, file};

/// SmolLM2-135M's shape, as its `config.json` gives it.
const CONFIG: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 576,
"intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
"vocab_size": 49152, "max_position_embeddings": 8192, "tie_word_embeddings": true, "torch_dtype": "bfloat16"}"#;

fn pasted(text: &str) -> State {
    let mut state = State::default();
    assert_eq!(dispatch(&mut state, Command::Paste(text.to_owned())), []);
    state
}

#[test]
fn a_config_becomes_the_model_as_one_step() {
    let state = pasted(&format!("\n  {CONFIG}\n"));
    let ModelSource::File { architecture, .. } = &state.document.plan.model.source else { panic!() };
    // The published count of HuggingFaceTB/SmolLM2-135M.
    assert_eq!(architecture.parameters().total, 134_515_008);
    assert_eq!(state.document.history.steps().1, 1);
}

#[test]
fn a_plan_opens_unsaved() {
    let mut plan = Plan { name: "From a chat".to_owned(), ..Plan::default() };
    plan.batch.micro_batch = 3;
    let state = pasted(&file::write(&plan, &[]));
    assert_eq!(state.document.plan, plan);
    assert!(state.document.is_dirty() && state.document.path.is_none());
}

#[test]
fn names_and_links_find_the_model_of_the_catalogue() {
    for text in [
        "meta-llama/Llama-3.1-70B",
        "https://huggingface.co/meta-llama/Llama-3.1-70B",
        "https://huggingface.co/meta-llama/Llama-3.1-70B/blob/main/config.json?download=true",
        "https://huggingface.co/meta-llama/Llama-3.1-70B/tree/main",
        "llama-3.1-70b",
    ] {
        let state = pasted(text);
        let found = &state.document.plan.model.source;
        assert_eq!(*found, ModelSource::Catalog("meta-llama/Llama-3.1-70B".to_owned()), "{text}");
    }
}

#[test]
fn paths_are_opened_for_what_they_are() {
    for (text, opened) in [
        ("/plans/a b.plan.ron", Command::File(FileCommand::OpenPlan("/plans/a b.plan.ron".into()))),
        ("~/a.plan.ron", Command::File(FileCommand::OpenPlan("/home/ann/a.plan.ron".into()))),
        (
            "file:///models/My%20Model/config.json",
            Command::File(FileCommand::OpenModel("/models/My Model/config.json".into())),
        ),
        ("\"/models/x.gguf\"", Command::File(FileCommand::OpenModel("/models/x.gguf".into()))),
        ("model.safetensors", Command::File(FileCommand::OpenModel("/plans/model.safetensors".into()))),
        ("../llama", Command::File(FileCommand::OpenModel("/plans/../llama".into()))),
    ] {
        let mut state = State::default();
        state.session.places.home = Some("/home/ann".into());
        state.session.places.start = "/plans".into();
        let wanted = dispatch(&mut state.clone(), opened);
        assert!(!wanted.is_empty());
        assert_eq!(dispatch(&mut state, Command::Paste(text.to_owned())), wanted, "{text}");
    }
}

#[test]
fn anything_else_changes_nothing_and_says_why() {
    let huge = "x".repeat(5 << 20);
    for text in [
        "",
        "   ",
        "not a model",
        "{",
        "{\"a\": [",
        "(schema: 1, batch: (",
        "https://huggingface.co/",
        "\u{0}\u{FFFF}",
        &huge,
    ] {
        let state = pasted(text);
        assert_eq!(state.document.plan, Plan::default(), "{text:.40}");
        let message = state.session.messages.latest().unwrap();
        assert!(message.is_error() && message.text.len() > 20, "{message:?}");
        assert!(message.text.len() < 600, "a message is read, not scrolled");
    }
}
