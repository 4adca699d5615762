//! Tensors of a class → the shape an estimate works on: the layers of the language model, and all else as numbers.

use super::configuration::{Configuration, KeyError};
use super::evaluate::{Node, parameters};
use super::roles::{Facts, Read, layer};
use crate::architecture::infer::{EMBEDDINGS, NamedShape, POSITIONS, is_norm, product};
use crate::architecture::tensors::is_head;
use crate::architecture::{Architecture, Embedding, Head, LayerGroup, NativeDtype, NormKind};
use std::rc::Rc;

/// Names of lists of the layers of a language model.
const LAYER_LISTS: [&str; 6] = ["layers", "layer", "h", "block", "blocks", "layer_groups"];

/// A shape and what it leaves out.
pub struct Shaped {
    pub architecture: Architecture,
    /// Models within beside the language model, with their values; `None`: their class is not known.
    pub towers: Vec<(String, Option<u64>)>,
    /// Matrices of layers that play none of the parts an estimate knows.
    pub unexplained: Vec<String>,
    /// Values of layers (of encoders, of other lists) that are counted but not gone through.
    pub other_layers: u64,
}

/// Tensors of the language model outside its layers, its lists of layers, and the rest.
#[derive(Default)]
struct Found<'n> {
    tensors: Vec<(String, &'n [u64])>,
    lists: Vec<List<'n>>,
    towers: Vec<(String, Option<u64>)>,
}

/// A list of layers.
struct List<'n> {
    name: &'static str,
    kinds: &'n [Vec<Node>],
    places: &'n [usize],
    values: u64,
}

impl<'n> Found<'n> {
    /// `text`: the keys that lead to the language model's configuration.
    fn collect(&mut self, nodes: &'n [Node], prefix: &str, text: &[String]) {
        for node in nodes {
            match node {
                Node::Tensor { name, shape } => self.tensors.push((format!("{prefix}{name}"), shape)),
                Node::Layers { name, kinds, places } => {
                    self.lists.push(List { name, kinds, places, values: node.parameters() });
                }
                Node::Part { name, path, nodes: Some(nodes) } if text.starts_with(path) => {
                    self.collect(nodes, &format!("{prefix}{name}."), text);
                }
                Node::Part { name, nodes, .. } => {
                    self.towers.push((format!("{prefix}{name}"), nodes.as_deref().map(parameters)));
                }
            }
        }
    }
}

/// The shape of the model made of `nodes`, whose language model has the configuration at `text`.
pub fn shape_of(configuration: &Rc<Configuration<'_>>, text: &[String], nodes: &[Node]) -> Result<Shaped, KeyError> {
    let mut found = Found::default();
    found.collect(nodes, "", text);
    let language = configuration.at(text);
    let facts = Facts { configuration: &language };
    let is_layers = |name: &str| name.rsplit('.').next().is_some_and(|last| LAYER_LISTS.contains(&last));
    let most = |all: bool| {
        let lists = found.lists.iter().enumerate().filter(|(_, list)| all || is_layers(list.name));
        lists.max_by_key(|(at, list)| (list.values, usize::MAX - at)).map(|(at, _)| at)
    };
    let chosen = most(false).or_else(|| most(true));
    let embedding = embedding(&found.tensors);
    let (vocab_size, width) = embedding.map_or((0, 0), |(_, shape)| (shape[0], shape[1]));
    let hidden_size = facts.number("hidden_size", &["hidden_size"], 0)?.unwrap_or(width);

    let (mut layers, mut unexplained) = (Vec::new(), Vec::new());
    let mut other_layers = 0_u64;
    for (at, list) in found.lists.iter().enumerate() {
        if Some(at) == chosen {
            layers = read_layers(list, hidden_size, &facts, &mut unexplained)?;
        } else {
            other_layers = other_layers.saturating_add(list.values);
        }
    }
    let mut architecture = Architecture {
        model_code: String::new(),
        hidden_size,
        vocab_size,
        max_positions: None,
        native_dtype: NativeDtype::Unknown,
        embedding: Embedding { width, position_rows: 0, extra_params: 0, scaled: facts.flag("scaled", 0)? },
        layers,
        final_norm: NormKind::LayerNoParams,
        head: Head { tied: true, bias: false, softcap: facts.flag("softcap", 0)? },
        other_params: 0,
        flags: Vec::new(),
    };
    outside(&mut architecture, &found.tensors, embedding.map(|(name, _)| name));
    let total = parameters(nodes);
    if architecture.parameters().total > total {
        // Something outside the layers is not what its name says: only the sum is sure.
        architecture.head = Head { tied: true, bias: false, softcap: architecture.head.softcap };
        architecture.final_norm = NormKind::LayerNoParams;
        architecture.embedding = Embedding { position_rows: 0, extra_params: 0, ..architecture.embedding };
    }
    architecture.other_params = total.saturating_sub(architecture.parameters().total);
    Ok(Shaped { architecture, towers: found.towers, unexplained, other_layers })
}

/// The token table: by its name, else the first matrix with the most rows.
fn embedding<'f>(tensors: &'f [(String, &[u64])]) -> Option<(&'f str, &'f [u64])> {
    let matrices = || tensors.iter().filter(|(_, shape)| shape.len() == 2);
    let of_tokens = |name: &str| {
        EMBEDDINGS
            .iter()
            .chain(&["shared.weight", "word_embedding.weight", "tokens_embed.weight", "tok_embeddings.weight"])
            .any(|ending| name.ends_with(ending))
            && !POSITIONS.iter().any(|ending| name.ends_with(ending))
            && !name.contains("position")
            && !name.contains("token_type")
    };
    let found = matrices().find(|(name, _)| of_tokens(name));
    let found = found.or_else(|| matrices().filter(|(name, _)| name.contains("emb")).max_by_key(|(_, shape)| shape[0]));
    found.map(|(name, shape)| (name.as_str(), *shape))
}

/// Position table, final norm, head and what belongs to the input.
fn outside(architecture: &mut Architecture, tensors: &[(String, &[u64])], embedding: Option<&str>) {
    let hidden = architecture.hidden_size;
    let first = architecture.layers.first().map(|group| group.layer.norm);
    let table = [architecture.vocab_size, architecture.embedding.width];
    for (name, shape) in tensors {
        let at_input = ["embed", "project_in", "project_out", "per_layer"].iter().any(|part| name.contains(part));
        match **shape {
            [vocab, width] if is_head(name) && [vocab, width] == table => architecture.head.tied = false,
            [vocab] if name.ends_with("lm_head.bias") && vocab == table[0] => architecture.head.bias = true,
            _ if Some(name.as_str()) == embedding => {}
            [rows, width] if width == hidden && POSITIONS.iter().any(|ending| name.ends_with(ending)) => {
                architecture.embedding.position_rows = rows;
            }
            _ if at_input => {
                architecture.embedding.extra_params =
                    architecture.embedding.extra_params.saturating_add(product(shape));
            }
            [width] if width == hidden && is_norm(name) => {
                let has_bias = tensors.iter().any(|(other, _)| {
                    Some(other.as_str()) == name.strip_suffix("weight").map(|stem| format!("{stem}bias")).as_deref()
                });
                architecture.final_norm = match first {
                    Some(NormKind::RmsGemma) => NormKind::RmsGemma,
                    _ if has_bias || name.ends_with("bias") => NormKind::Layer,
                    Some(NormKind::LayerNoBias) => NormKind::LayerNoBias,
                    _ => NormKind::Rms,
                };
            }
            _ => {}
        }
    }
}

/// Layers in groups of equals, by first appearance.
fn read_layers(
    list: &List<'_>,
    hidden: u64,
    facts: &Facts<'_, '_>,
    unexplained: &mut Vec<String>,
) -> Result<Vec<LayerGroup>, KeyError> {
    let kinds: Vec<Vec<(String, Vec<u64>)>> = list.kinds.iter().map(|nodes| flat(nodes)).collect();
    let parts: Vec<Vec<NamedShape<'_>>> =
        kinds.iter().map(|kind| kind.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect()).collect();
    let mut groups: Vec<LayerGroup> = Vec::new();
    for (i, kind) in list.places.iter().enumerate() {
        let Some(parts) = parts.get(*kind) else { continue };
        let Read { layer, unexplained: names } = layer(parts, hidden, facts, i as u64)?;
        match groups.iter_mut().find(|group| group.layer == layer) {
            Some(group) => group.count += 1,
            None => groups.push(LayerGroup { count: 1, layer }),
        }
        for name in names {
            if !unexplained.contains(&name) {
                unexplained.push(name);
            }
        }
    }
    Ok(groups)
}

/// All tensors of one layer; those of a list within it stacked, as one of more dimensions.
fn flat(nodes: &[Node]) -> Vec<(String, Vec<u64>)> {
    let mut found = Vec::new();
    for node in nodes {
        match node {
            Node::Tensor { name, shape } => found.push(((*name).to_owned(), shape.clone())),
            Node::Layers { name, kinds, places } => {
                for (at, kind) in kinds.iter().enumerate() {
                    let count = places.iter().filter(|place| **place == at).count() as u64;
                    for (inner, shape) in flat(kind) {
                        let stacked = std::iter::once(count).chain(shape).collect();
                        found.push((format!("{name}.{}", inner.trim_end_matches(".weight")), stacked));
                    }
                }
            }
            Node::Part { name, nodes, .. } => {
                let inner = nodes.as_deref().map(flat).unwrap_or_default();
                found.extend(inner.into_iter().map(|(inner, shape)| (format!("{name}.{inner}"), shape)));
            }
        }
    }
    found
}
