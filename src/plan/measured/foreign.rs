//! Measured peaks in the words of other programs: PyTorch's counters and summary, nvidia-smi, CSV.

use super::{MAX_PEAKS, MeasuredPeak, Metric, PEAKS};
use crate::units::Bytes;

/// Longest text that is looked through, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Finds the peaks in pasted text. The error is a sentence for the user.
///
/// Understood are lines such as `max_memory_reserved: 19778240512`, `torch.cuda.max_memory_allocated() = 17.2 GiB`,
/// the keys of `torch.cuda.memory_stats()`, the table of `torch.cuda.memory_summary()`, the memory column of nvidia-smi
/// and its CSV, a CSV with the columns `metric` and `peak_bytes`, `peak_mib` or `peak_gib` (and `note`), and the
/// lines of a plan file. A bare number is bytes.
pub fn read_peaks(text: &str) -> Result<Vec<MeasuredPeak>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("the text is over {} MiB; paste the lines with the peaks only", MAX_TEXT >> 20));
    }
    let peaks = match Csv::of(text) {
        Some(csv) => csv.peaks(text)?,
        None => text.lines().filter_map(of_line).collect(),
    };
    if peaks.is_empty() {
        return Err(
            "no measured peak found; paste a line such as `max_memory_reserved: 19778240512`, the output of nvidia-smi, or `reserved 18.42 GiB`"
                .to_owned(),
        );
    }
    if peaks.len() > MAX_PEAKS {
        return Err(format!("{} peaks found; {MAX_PEAKS} is the most a plan holds", peaks.len()));
    }
    Ok(peaks)
}

fn of_line(line: &str) -> Option<MeasuredPeak> {
    if let Ok(peak) = line.parse::<MeasuredPeak>() {
        return Some(peak);
    }
    let lower = line.to_lowercase();
    let peak = |metric, bytes: Bytes| Some(MeasuredPeak::new(metric, bytes, None, ""));
    if lower.trim_start().starts_with('|') && lower.matches('|').count() >= 4 {
        return of_table_line(&lower);
    }
    if lower.contains("mib /") {
        // nvidia-smi: `18862MiB / 24564MiB`.
        return peak(Metric::Process, last_amount(lower.split("mib /").next()?, "mib")?);
    }
    let metric = metric_of(&lower)?;
    let after = after_name(&lower)?;
    peak(metric, first_amount(after)?)
}

/// A row of `torch.cuda.memory_summary()` (current, peak, …) or of nvidia-smi's table.
fn of_table_line(lower: &str) -> Option<MeasuredPeak> {
    let cells: Vec<&str> = lower.trim().trim_matches('|').split('|').map(str::trim).collect();
    let metric = match *cells.first()? {
        "allocated memory" => Metric::Tensors,
        "gpu reserved memory" => Metric::Reserved,
        _ => {
            let used = cells.iter().find_map(|cell| cell.split_once("mib /"))?.0;
            return Some(MeasuredPeak::new(Metric::Process, last_amount(used, "mib")?, None, ""));
        }
    };
    // The second column is the peak; the current value of an ended step says nothing.
    Some(MeasuredPeak::new(metric, first_amount(cells.get(2)?)?, None, ""))
}

fn metric_of(lower: &str) -> Option<Metric> {
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["max_memory_reserved", "reserved_bytes.all.peak", "max_memory_cached", "peak reserved"]) {
        Some(Metric::Reserved)
    } else if has(&["max_memory_allocated", "allocated_bytes.all.peak", "peak allocated"]) {
        Some(Metric::Tensors)
    } else if has(&["nvidia-smi", "memory.used"]) {
        Some(Metric::Process)
    } else {
        None
    }
}

/// What follows the counter's name, its call and a sign of equality.
fn after_name(lower: &str) -> Option<&str> {
    let names = [
        "max_memory_reserved",
        "max_memory_allocated",
        "max_memory_cached",
        ".all.peak",
        "peak reserved",
        "peak allocated",
        "nvidia-smi",
        "memory.used",
    ];
    let end = names.iter().filter_map(|name| lower.find(name).map(|at| at + name.len())).min()?;
    let rest = &lower[end..];
    // `max_memory_allocated(0)` names a device, `{…} / 1e9` a division that already happened.
    Some(match rest.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
        Some((_, after)) => after,
        None => rest,
    })
}

/// The first number with its unit; whole numbers without one are bytes.
fn first_amount(text: &str) -> Option<Bytes> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let digits = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_' | ',')).unwrap_or(rest.len());
    let number = rest[..digits].trim_end_matches(['.', ',']).replace([',', '_'], "");
    let unit: String =
        rest[digits..].trim_start_matches([' ', '[', '(']).chars().take_while(char::is_ascii_alphabetic).collect();
    let known = ["b", "bytes", "kib", "mib", "gib", "tib", "kb", "mb", "gb", "tb"].contains(&unit.as_str());
    let unit = match unit.as_str() {
        "bytes" => "b",
        unit if known => unit,
        // A fraction of a byte: the unit is missing, and guessing it would be wrong half of the time.
        _ if number.contains('.') => return None,
        _ => "b",
    };
    amount(&number, unit)
}

/// The last number before `unit`.
fn last_amount(text: &str, unit: &str) -> Option<Bytes> {
    let number = text.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?;
    amount(number, unit)
}

fn amount(number: &str, unit: &str) -> Option<Bytes> {
    let factor: f64 = match unit {
        "b" => 1.0,
        "kib" => 1024.0,
        "mib" => 1024_f64.powi(2),
        "gib" => 1024_f64.powi(3),
        "tib" => 1024_f64.powi(4),
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    // What a line of a plan could not hold is no peak here either.
    PEAKS.contains(&(bytes as u64)).then_some(Bytes(bytes as u64))
}

/// Columns of a CSV with a header.
struct Csv {
    metric: Option<usize>,
    peak: usize,
    unit: &'static str,
    note: Option<usize>,
}

impl Csv {
    fn of(text: &str) -> Option<Self> {
        let header = cells(text.lines().next()?.trim_start_matches('\u{feff}'));
        let at = |name: &str| header.iter().position(|cell| cell.to_lowercase() == name);
        let peaks = [("peak_bytes", "b"), ("peak_mib", "mib"), ("peak_gib", "gib"), ("memory.used [mib]", "mib")];
        let (peak, unit) = peaks.into_iter().find_map(|(name, unit)| Some((at(name)?, unit)))?;
        Some(Self { metric: at("metric"), peak, unit, note: at("note") })
    }

    fn peaks(&self, text: &str) -> Result<Vec<MeasuredPeak>, String> {
        let mut peaks = Vec::new();
        for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
            let cells = cells(line);
            let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", String::as_str);
            let number = cell(Some(self.peak)).to_lowercase();
            let number = number.trim_end_matches(self.unit).trim();
            let bytes = amount(&number.replace('_', ""), self.unit)
                .ok_or_else(|| format!("line {}: `{number}` is no peak in {}", index + 1, self.unit))?;
            let words = cell(self.metric).to_lowercase();
            let metric = if words.contains("reserved") {
                Metric::Reserved
            } else if words.contains("allocated") || words.contains("tensors") {
                Metric::Tensors
            } else {
                Metric::Process
            };
            peaks.push(MeasuredPeak::new(metric, bytes, None, cell(self.note)));
        }
        Ok(peaks)
    }
}

/// Cells of a line; quotes keep commas together.
fn cells(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(text: &str) -> Vec<(Metric, u64)> {
        read_peaks(text).unwrap().into_iter().map(|peak| (peak.metric, peak.bytes.0 >> 20)).collect()
    }

    #[test]
    fn lines_of_pytorch_are_understood() {
        // 19,778,240,512 / 2^20 = 18,862.0…
        assert_eq!(found("max_memory_reserved: 19778240512\n"), [(Metric::Reserved, 18_862)]);
        assert_eq!(found("torch.cuda.max_memory_allocated(0) = 17.5 GiB"), [(Metric::Tensors, 17_920)]);
        assert_eq!(found("{'allocated_bytes.all.peak': 1048576000,"), [(Metric::Tensors, 1000)]);
        let summary = "\
|===========================================================================|
|                  PyTorch CUDA memory summary, device ID 0                 |
|        Metric         | Cur Usage  | Peak Usage | Tot Alloc  | Tot Freed  |
| Allocated memory      |   1024 KiB |   2048 MiB |  50000 MiB |  49999 MiB |
|       from large pool |    512 KiB |   2000 MiB |  40000 MiB |  39999 MiB |
| GPU reserved memory   |   2560 MiB |   3072 MiB |   3072 MiB |      0 B   |";
        assert_eq!(found(summary), [(Metric::Tensors, 2048), (Metric::Reserved, 3072)]);
    }

    #[test]
    fn nvidia_smi_and_csv_are_understood() {
        let table = "| 30%   45C    P2    120W / 450W |  18862MiB / 24564MiB |     97%      Default |";
        assert_eq!(found(table), [(Metric::Process, 18_862)]);
        assert_eq!(found("memory.used [MiB]\n18862 MiB\n18900 MiB\n").len(), 2);
        let csv = "note,metric,peak_gib\n\"4090, torch 2.9\",max_memory_reserved,18.5\nother,nvidia-smi,20\n";
        assert_eq!(found(csv), [(Metric::Reserved, 18_944), (Metric::Process, 20_480)]);
        assert_eq!(read_peaks(csv).unwrap()[0].note, "4090, torch 2.9");
    }

    #[test]
    fn what_is_no_peak_is_said() {
        assert!(read_peaks("").unwrap_err().contains("no measured peak"));
        // A byte is no peak in the plan's own words either.
        assert!(read_peaks("max_memory_allocated 1").is_err());
        // 18.4 of what?
        assert!(read_peaks("max_memory_reserved: 18.4").is_err());
        assert!(read_peaks("peak_gib,metric\nmany,reserved\n").unwrap_err().contains("line 2"));
        assert!(read_peaks(&"reserved 1 GiB\n".repeat(300)).unwrap_err().contains("256"));
        for hostile in ["|||||", "mib /", "max_memory_reserved", "max_memory_reserved(", "\u{0}", "peak_gib\n1e400\n"] {
            assert!(read_peaks(hostile).is_err(), "{hostile}");
        }
    }
}
