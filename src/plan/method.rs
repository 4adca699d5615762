//! What the methods have in common: names, shared settings, and how one becomes another.

use super::field::words::Word as _;
use super::{Lora, LoraInit, LoraScaling, Method, TargetPart, Targets};

impl Method {
    /// The most specific name people use for it.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Lora(lora) => lora_name(lora, "lora"),
            Self::Qlora(lora) => lora_name(lora, "qlora"),
            Self::Ia3 { .. } => "ia3",
            Self::Adapters { .. } => "adapters",
            Self::PromptTuning { .. } => "prompt",
            Self::PrefixTuning { .. } => "prefix",
            Self::PTuning { .. } => "p-tuning",
            Self::Vera { .. } => "vera",
            Self::Oft { .. } => "oft",
            Self::BitFit => "bitfit",
            Self::LastLayers { .. } => "last-layers",
            Self::Galore { .. } => "galore",
            Self::Blockwise { .. } => "blockwise",
        }
    }

    /// LoRA settings, with or without a quantized base.
    pub const fn lora(&self) -> Option<&Lora> {
        match self {
            Self::Lora(lora) | Self::Qlora(lora) => Some(lora),
            _ => None,
        }
    }

    pub(super) const fn lora_mut(&mut self) -> Option<&mut Lora> {
        match self {
            Self::Lora(lora) | Self::Qlora(lora) => Some(lora),
            _ => None,
        }
    }

    /// Adapted modules, where the method has them.
    pub const fn targets(&self) -> Option<&Targets> {
        match self {
            Self::Lora(lora) | Self::Qlora(lora) => Some(&lora.targets),
            Self::Ia3 { targets } | Self::Vera { targets, .. } | Self::Oft { targets, .. } => Some(targets),
            _ => None,
        }
    }

    pub(super) const fn targets_mut(&mut self) -> Option<&mut Targets> {
        match self {
            Self::Lora(lora) | Self::Qlora(lora) => Some(&mut lora.targets),
            Self::Ia3 { targets } | Self::Vera { targets, .. } | Self::Oft { targets, .. } => Some(targets),
            _ => None,
        }
    }

    pub(super) const fn rank(&self) -> Option<u64> {
        match self {
            Self::Lora(lora) | Self::Qlora(lora) => Some(lora.rank),
            Self::Vera { rank, .. } | Self::Galore { rank } => Some(*rank),
            _ => None,
        }
    }

    pub(super) const fn rank_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::Lora(lora) | Self::Qlora(lora) => Some(&mut lora.rank),
            Self::Vera { rank, .. } | Self::Galore { rank } => Some(rank),
            _ => None,
        }
    }

    pub(super) const fn virtual_tokens_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::PromptTuning { virtual_tokens }
            | Self::PrefixTuning { virtual_tokens }
            | Self::PTuning { virtual_tokens, .. } => Some(virtual_tokens),
            _ => None,
        }
    }

    /// Trained vectors before the input, where the method has them.
    pub const fn virtual_tokens(&self) -> Option<u64> {
        match self {
            Self::PromptTuning { virtual_tokens }
            | Self::PrefixTuning { virtual_tokens }
            | Self::PTuning { virtual_tokens, .. } => Some(*virtual_tokens),
            _ => None,
        }
    }

    /// The method called `id`, keeping what the present one shares with it (rank, targets, adapter format, …).
    #[must_use]
    pub fn named(id: &str, before: &Self) -> Option<Self> {
        let lora = before.lora().cloned().unwrap_or_else(|| Lora {
            rank: before.rank().unwrap_or(16),
            targets: before.targets().cloned().unwrap_or(Targets::AllLinear),
            ..Lora::default()
        });
        let plain =
            Lora { scaling: LoraScaling::Standard, weight_decomposed: false, init: LoraInit::Zero, ..lora.clone() };
        let targets = lora.targets.clone();
        let virtual_tokens = before.virtual_tokens().unwrap_or(20);
        // A variant of LoRA keeps the quantized base it stands on.
        let on_base = |lora| if matches!(before, Self::Qlora(_)) { Self::Qlora(lora) } else { Self::Lora(lora) };
        Some(match id {
            "full" => Self::Full,
            "lora" => Self::Lora(plain),
            "qlora" => Self::Qlora(plain),
            "dora" => on_base(Lora { weight_decomposed: true, ..plain }),
            "rslora" => on_base(Lora { scaling: LoraScaling::RankStabilized, ..plain }),
            "pissa" => on_base(Lora { init: LoraInit::Pissa, ..plain }),
            "loftq" => Self::Qlora(Lora { init: LoraInit::Loftq, ..plain }),
            "ia3" => Self::Ia3 { targets: Targets::Parts(vec![TargetPart::K, TargetPart::V, TargetPart::Down]) },
            "adapters" => Self::Adapters { bottleneck: 64, dtype: lora.dtype },
            "prompt" => Self::PromptTuning { virtual_tokens },
            "prefix" => Self::PrefixTuning { virtual_tokens },
            "p-tuning" => Self::PTuning { virtual_tokens, encoder_hidden: 128 },
            "vera" => Self::Vera { rank: before.rank().unwrap_or(256), targets },
            "oft" => Self::Oft { block_size: 32, targets },
            "bitfit" => Self::BitFit,
            "last-layers" => Self::LastLayers { layers: 2 },
            "galore" => Self::Galore { rank: before.rank().unwrap_or(128) },
            "blockwise" => Self::Blockwise { active_layers: 2 },
            _ => return None,
        })
    }
}

/// A LoRA with exactly one thing changed has a name of its own; with several it is plain LoRA with settings.
const fn lora_name(lora: &Lora, plain: &'static str) -> &'static str {
    match (lora.weight_decomposed, lora.scaling, lora.init) {
        (true, LoraScaling::Standard, LoraInit::Zero) => "dora",
        (false, LoraScaling::RankStabilized, LoraInit::Zero) => "rslora",
        (false, LoraScaling::Standard, LoraInit::Pissa) => "pissa",
        (false, LoraScaling::Standard, LoraInit::Loftq) => "loftq",
        _ => plain,
    }
}

impl Targets {
    /// Words of a list: `all-linear`, part names, or module names.
    pub fn ids(&self) -> Vec<String> {
        match self {
            Self::AllLinear => vec!["all-linear".to_owned()],
            Self::Parts(parts) => parts.iter().map(|part| part.id().to_owned()).collect(),
            Self::Custom(names) => names.clone(),
        }
    }

    /// The targets a list of words means: parts if every word is one, else module names.
    pub fn from_ids(ids: &[String]) -> Self {
        if ids.iter().any(|id| id == "all-linear") {
            return Self::AllLinear;
        }
        // `q_proj` is how most codes call what `q` means in all of them.
        let part = |id: &String| TargetPart::from_id(id.strip_suffix("_proj").unwrap_or(id));
        match ids.iter().map(part).collect::<Option<Vec<_>>>() {
            Some(mut parts) => {
                parts.sort_unstable();
                parts.dedup();
                Self::Parts(parts)
            }
            None => Self::Custom(ids.to_vec()),
        }
    }
}

impl Method {
    /// LoRA's variants have no word of their own for a quantized base: what they stand on follows from the load format.
    pub(super) fn settle_base(&mut self, load_format: &str) {
        let quantized = super::check::is_quantized(load_format);
        let settled = match (&*self, quantized) {
            (Self::Lora(lora), true) if lora.is_variant() => Self::Qlora(lora.clone()),
            (Self::Qlora(lora), false) if lora.is_variant() => Self::Lora(lora.clone()),
            _ => return,
        };
        *self = settled;
    }
}

impl Lora {
    /// Whether anything beyond the published method is switched on.
    const fn is_variant(&self) -> bool {
        self.weight_decomposed || !matches!((self.scaling, self.init), (LoraScaling::Standard, LoraInit::Zero))
    }
}
