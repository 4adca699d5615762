//! What an out-of-memory message says: which program asked, for how much, and what was in use.

use crate::units::Bytes;

/// A size as it was printed, with the sizes that would be printed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// As printed.
    pub printed: Bytes,
    /// Least that is printed so.
    pub least: u64,
    /// Most that is printed so.
    pub most: u64,
}

/// Who ran out of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One allocation on the device (PyTorch, JAX).
    Allocation,
    /// The whole of a compiled program (XLA).
    WholeProgram,
    /// Memory on the chip, of one kernel.
    OnChip,
    /// A library beside PyTorch.
    Outside,
    /// Memory that host and device share, of bitsandbytes.
    HostPaged,
    /// The host's memory.
    Host,
    /// The Metal backend's limit.
    Watermark,
    /// A buffer of ggml's own.
    GraphBuffer,
    /// vLLM: nothing is left for the cache.
    NoBlocks,
    /// vLLM: the cache of one request is too large.
    CacheTokens {
        /// Tokens of the longest request.
        tokens: u64,
    },
    /// None of these.
    Unknown,
}

impl Size {
    /// Whether the print is too coarse to tell one product from another: `3 GiB` fits many.
    pub const fn is_coarse(self) -> bool {
        self.most.saturating_sub(self.least).saturating_mul(100) > self.printed.0.saturating_mul(8)
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who ran out of what.
    pub source: Source,
    /// What was asked for.
    pub size: Option<Size>,
    /// Held by PyTorch's tensors.
    pub allocated: Option<Bytes>,
    /// Capacity of the device.
    pub capacity: Option<Bytes>,
    /// Held by other processes, where the message lists them.
    pub others: Bytes,
}

impl Message {
    /// Reads a message; what is not in it stays unknown.
    pub fn read(text: &str) -> Self {
        let lower = text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let tried = || after(&lower, "tried to allocate").or_else(|| after(&lower, "trying to allocate"));
        let (source, size) = if has(&["shared memory", "memory space vmem", "memory space smem", "ptxas"]) {
            (Source::OnChip, after(&lower, "required:").or_else(|| after(&lower, "used ")))
        } else if has(&["memory space hbm"]) {
            (Source::WholeProgram, after(&lower, "used "))
        } else if has(&["nccl", "cublas_status_alloc_failed", "cudnn_status_alloc_failed", "cuda calloc"]) {
            (Source::Outside, after(&lower, "calloc"))
        } else if has(&["pythoninterface"]) {
            (Source::HostPaged, None)
        } else if has(&["mps backend out of memory"]) {
            (Source::Watermark, tried())
        } else if has(&["not enough space in the buffer", "not enough space in the context"]) {
            (Source::GraphBuffer, after(&lower, "needed "))
        } else if has(&["no available memory for the cache blocks"]) {
            (Source::NoBlocks, None)
        } else if has(&["kv cache"]) {
            let tokens = number_after(&lower, "max seq len (").or_else(|| number_after(&lower, "max_model_len"));
            (Source::CacheTokens { tokens: tokens.unwrap_or(0) }, before(&lower, "kv cache is needed"))
        } else if has(&["defaultcpuallocator", "cannot allocate memory", "std::bad_alloc", "memoryerror: unable"]) {
            (Source::Host, after(&lower, "tried to allocate").or_else(|| after(&lower, "allocate")))
        } else if has(&["out of memory", "resource_exhausted", "outofmemory"]) {
            (Source::Allocation, tried())
        } else {
            (Source::Unknown, None)
        };
        let allocated = before(&lower, "already allocated").or_else(|| before(&lower, "is allocated by pytorch"));
        // Without PyTorch's own figure the whole process is the nearest to it.
        let allocated = allocated.or_else(|| after(&lower, "this process has")).filter(|size| size.printed.0 > 0);
        let capacity = before(&lower, "total capac")
            .or_else(|| after(&lower, "total capacity of").or_else(|| after(&lower, "total capacty of")));
        Self {
            source,
            size,
            allocated: allocated.map(|size| size.printed).filter(|bytes| is_possible(*bytes)),
            capacity: capacity.map(|size| size.printed),
            others: others(&lower),
        }
    }

    /// Whether other processes hold a quarter of the device or more.
    pub fn others_hold_much(&self) -> bool {
        let quarter = self.capacity.map_or(u64::MAX, |capacity| capacity.0 / 4);
        self.others.0 > 0 && self.others.0 >= quarter
    }
}

/// 2^64 bytes are what a failed question prints.
const fn is_possible(bytes: Bytes) -> bool {
    bytes.0 < 1 << 50
}

/// A buffer whose last two dimensions are alike: `f32[32,4096,4096]`.
pub fn has_square_buffer(text: &str) -> bool {
    text.split('[').skip(1).filter_map(|rest| rest.split(']').next()).any(|inside| {
        let sizes: Vec<&str> = inside.split(',').map(str::trim).collect();
        matches!(sizes.as_slice(), [.., a, b] if a == b && a.parse::<u64>().is_ok_and(|size| size >= 256))
    })
}

/// Sum over `Process 123 has 1.19 GiB memory in use`.
fn others(lower: &str) -> Bytes {
    let mut sum = 0_u64;
    for rest in lower.split("process ").skip(1) {
        if !rest.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let Some((_, held)) = rest.split_once(" has ") else { continue };
        if let Some(size) = first_size(held).filter(|size| is_possible(size.printed)) {
            sum = sum.saturating_add(size.printed.0);
        }
    }
    Bytes(sum)
}

fn after(lower: &str, mark: &str) -> Option<Size> {
    let (_, rest) = lower.split_once(mark)?;
    first_size(rest)
}

/// The size that stands before `mark`.
fn before(lower: &str, mark: &str) -> Option<Size> {
    let (head, _) = lower.split_once(mark)?;
    let tail: String = head.chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect();
    let start = tail.char_indices().rev().find(|(_, c)| !(c.is_ascii_digit() || matches!(c, '.' | ' ' | 'a'..='z')));
    let words = start.map_or(tail.as_str(), |(at, c)| &tail[at + c.len_utf8()..]);
    let digit = words.rfind(|c: char| c.is_ascii_digit())?;
    let begin = words[..=digit].rfind(|c: char| !(c.is_ascii_digit() || c == '.')).map_or(0, |at| at + 1);
    first_size(&words[begin..])
}

fn number_after(lower: &str, mark: &str) -> Option<u64> {
    let (_, rest) = lower.split_once(mark)?;
    let digits: String = rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The first number of the text with its unit.
fn first_size(text: &str) -> Option<Size> {
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    if begin > 16 {
        return None;
    }
    let rest = &text[begin..];
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches('.');
    let unit: String = rest[end..].trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    // GB of the Metal backend and G of XLA are 2^30 bytes too.
    let scale = match unit.as_str() {
        "gib" | "gb" | "g" => 1_u64 << 30,
        "mib" | "mb" | "m" => 1 << 20,
        "kib" | "kb" | "k" => 1 << 10,
        _ => 1,
    };
    let value: f64 = number.parse().ok()?;
    let printed = (value * scale as f64).round();
    if !(0.0..1e19).contains(&printed) {
        return None;
    }
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = if scale == 1 { 0.0 } else { 0.5 * scale as f64 / 10_f64.powi(decimals as i32) };
    // Above 10 MiB torch rounds up to whole 2 MiB before it prints.
    let mib = f64::from(1 << 20);
    let rounding = if scale > 1 && printed >= 10.0 * mib { 2.0 * mib } else { 0.0 };
    let least = (printed - half - rounding).max(0.0);
    Some(Size { printed: Bytes(printed as u64), least: least as u64, most: (printed + half) as u64 })
}
