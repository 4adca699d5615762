//! A class and a configuration → the tensors of the model, equal layers together.

use super::configuration::{Configuration, KeyError, Variables};
use super::description::Item;
use std::rc::Rc;

/// Most repetitions of a list of modules.
const MAX_COUNT: u64 = 10_000;
/// Deepest models within models.
const MAX_PARTS: u32 = 6;

/// A piece of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A parameter.
    Tensor {
        /// Name within the piece around it.
        name: &'static str,
        /// Sizes.
        shape: Vec<u64>,
    },
    /// Modules of a list.
    Layers {
        /// Name of the list.
        name: &'static str,
        /// What they have, by first appearance.
        kinds: Vec<Vec<Self>>,
        /// Which kind each is.
        places: Vec<usize>,
    },
    /// A model within.
    Part {
        /// Name.
        name: &'static str,
        /// The configuration it is made from, by the keys that lead to it.
        path: Vec<String>,
        /// What it has; `None`: its class is not known.
        nodes: Option<Vec<Self>>,
    },
}

/// Values of all tensors.
pub fn parameters(nodes: &[Node]) -> u64 {
    nodes.iter().map(Node::parameters).fold(0, u64::saturating_add)
}

impl Node {
    /// Values of all its tensors.
    pub fn parameters(&self) -> u64 {
        match self {
            Self::Tensor { shape, .. } => shape.iter().copied().fold(1, u64::saturating_mul),
            Self::Layers { kinds, places, .. } => {
                let sizes: Vec<u64> = kinds.iter().map(|nodes| parameters(nodes)).collect();
                places.iter().filter_map(|kind| sizes.get(*kind)).fold(0, |sum, size| sum.saturating_add(*size))
            }
            Self::Part { nodes, .. } => nodes.as_deref().map_or(0, parameters),
        }
    }
}

/// What the class `model` (without its prefix) makes of the configuration; `None`: there is no such class.
pub fn evaluate(configuration: &Rc<Configuration<'_>>, model: &str) -> Result<Option<Vec<Node>>, KeyError> {
    model_of(configuration, &[], model, MAX_PARTS)
}

fn model_of(
    root: &Rc<Configuration<'_>>,
    path: &[String],
    model: &str,
    more: u32,
) -> Result<Option<Vec<Node>>, KeyError> {
    let configuration = root.at(path);
    let Some(class) = configuration.class().filter(|_| more > 0) else { return Ok(None) };
    let model = match model.strip_prefix("AutoModel") {
        Some("") => class.base.as_str(),
        Some(head) => head,
        None => model,
    };
    let Some(items) = class.models.get(model) else { return Ok(None) };
    let mut found = Vec::new();
    let scope = Scope { root, path, configuration: &configuration, more };
    scope.collect(items, Variables::default(), 0, &mut found)?;
    Ok(Some(found))
}

struct Scope<'a, 'b> {
    root: &'a Rc<Configuration<'b>>,
    path: &'a [String],
    configuration: &'a Rc<Configuration<'b>>,
    more: u32,
}

impl Scope<'_, '_> {
    fn collect(
        &self,
        items: &'static [Item],
        variables: Variables,
        depth: usize,
        found: &mut Vec<Node>,
    ) -> Result<(), KeyError> {
        for item in items {
            match item {
                Item::Tensor(name, shape) => {
                    let shape = shape.iter().map(|size| self.configuration.size(size, &variables));
                    found.push(Node::Tensor { name, shape: shape.collect::<Result<_, _>>()? });
                }
                Item::When(condition, items) => {
                    if self.configuration.evaluate(condition, &variables)?.is_true() {
                        self.collect(items, variables, depth, found)?;
                    }
                }
                Item::Loop(name, count, items) => {
                    let number = self.configuration.evaluate(count, &variables)?;
                    let many = number.whole().and_then(|number| u64::try_from(number).ok());
                    let key = count.first_key().unwrap_or(name);
                    let many = many.ok_or_else(|| KeyError(wanted(key, &number)))?;
                    if many > MAX_COUNT {
                        return Err(KeyError(format!("`{key}` is {many}, more than any model has")));
                    }
                    let (kinds, places) = self.layers(items, many, variables, depth)?;
                    found.push(Node::Layers { name, kinds, places });
                }
                Item::Part(name, model, path) => {
                    let path: Vec<String> = self.path.iter().chain(path).cloned().collect();
                    let nodes = model_of(self.root, &path, model, self.more - 1)?;
                    found.push(Node::Part { name, path, nodes });
                }
                Item::Without(name) => without(found, name),
            }
        }
        Ok(())
    }

    fn layers(
        &self,
        items: &'static [Item],
        count: u64,
        mut variables: Variables,
        depth: usize,
    ) -> Result<(Vec<Vec<Node>>, Vec<usize>), KeyError> {
        let (mut kinds, mut places): (Vec<Vec<Node>>, Vec<usize>) = Default::default();
        let varies = items.iter().any(|item| item.varies(depth));
        for number in 0..if varies { count } else { count.min(1) } {
            if let Some(variable) = variables.get_mut(depth) {
                *variable = i64::try_from(number).unwrap_or_default();
            }
            let mut nodes = Vec::new();
            self.collect(items, variables, depth + 1, &mut nodes)?;
            let kind = kinds.iter().position(|known| *known == nodes).unwrap_or(kinds.len());
            if kind == kinds.len() {
                kinds.push(nodes);
            }
            places.push(kind);
        }
        if !varies {
            places = vec![0; usize::try_from(count).unwrap_or_default()];
        }
        Ok((kinds, places))
    }
}

fn wanted(key: &str, value: &super::Value) -> String {
    match value {
        super::Value::Null => format!("`{key}` is missing"),
        value => format!("`{key}` is {}; a whole number was expected", value.brief()),
    }
}

/// Takes the tensor called `name` out.
fn without(nodes: &mut Vec<Node>, name: &str) {
    nodes.retain(|node| !matches!(node, Node::Tensor { name: found, .. } if *found == name));
    for node in nodes {
        if let Node::Part { name: part, nodes: Some(inner), .. } = node
            && let Some(rest) = name.strip_prefix(*part).and_then(|rest| rest.strip_prefix('.'))
        {
            without(inner, rest);
        }
    }
}
