//! The file and its JSON.

use super::checks;

checks! {
    FILE;
    EMPTY = Error "file.empty", "No rows", "there is nothing to train on", "every loader", "no safe fix: look at what made the file";
    UNREADABLE = Error "file.unreadable", "The file cannot be read", "nothing of it was checked", "this program", "no safe fix: see the message";
    UTF16 = Error "file.utf16", "UTF-16 or UTF-32 text", "json, orjson, polars, pyarrow and datasets all refuse it", "measured with datasets 5.2.0, polars 2.1.0, pyarrow 26.0.1", "save it as UTF-8: iconv -f UTF-16 -t UTF-8";
    BROKEN_PACKING = Error "file.compression-damaged", "The compressed file is damaged or cut", "rows behind the damage are lost, and loaders stop with an error", "gzip and Zstandard checksums", "no safe fix: copy or make the file again";
    INVALID_UTF8 = Error "file.invalid-utf8", "A byte that is no UTF-8", "json, orjson, polars, pyarrow and datasets refuse the whole file", "measured with datasets 5.2.0, polars 2.1.0, pyarrow 26.0.1", "no safe fix: find out the encoding of the source (often Latin-1) and convert that";
    BOM = Warning "file.bom", "A byte order mark at the beginning", "json, orjson and polars refuse the first line; datasets may change the names of columns", "measured; datasets issue 8241", "remove the first three bytes";
    CRLF = Note "file.crlf", "Lines end with CR LF", "all loaders take it; a CR in plain text becomes part of the row", "measured with six loaders", "convert the ends of lines, if the file is text";
    BLANK_LINES = Note "file.blank-lines", "Blank lines between rows", "loaders skip them; line numbers and row numbers part", "measured with six loaders", "remove them";
    NO_FINAL_NEWLINE = Note "file.no-final-newline", "The last line has no end", "loaders take it; appending a row would join the two", "measured with six loaders", "add a line end";
    TRUNCATED = Error "file.truncated", "The file ends in the middle of a row", "the row is lost, and loaders stop with an error", "measured with six loaders", "remove the last line, or copy the file again";
    LONG_LINE = Warning "file.long-line", "A row of over 10 MB", "pyarrow refuses rows beyond its block size, and hardly a model reads so much", "measured with pyarrow 26.0.1; datasets issue 629", "no safe fix: split the row where its text allows it";
    TOO_LONG = Error "file.row-too-long", "A row of over 64 MiB, which was passed over", "it was not checked; pyarrow refuses it", "limit of this program", "no safe fix: split the row where its text allows it";
    ARRAY_IN_JSONL = Warning "file.not-json-lines", "Named as JSON lines, but it is no file of one row a line", "json line by line, orjson, polars and pyarrow refuse it; datasets reads it", "measured with datasets 5.2.0, polars 2.1.0, pyarrow 26.0.1", "write one object a line, or name it .json";
    MIXED_FORMATS = Warning "file.mixed-formats", "Rows of different formats in one file", "a trainer reads the columns of the first row and drops, refuses or trains nothing of the others", "TRL 1.16.0 looks at the first row alone; Together refuses such files", "split the file by format";
    UNKNOWN_FORMAT = Error "row.unknown-format", "A row without the columns of any known format", "TRL stops with a KeyError, LLaMA-Factory drops it", "TRL 1.16.0, LLaMA-Factory 0.9.5", "no safe fix: rename the columns to those of the format that was meant";
    NOT_JSON = Error "json.syntax", "Not JSON", "loaders stop with an error", "measured with six loaders", "no safe fix: mend what made the row";
    NAN = Warning "json.nan", "NaN or Infinity, which JSON does not have", "Python's json, pyarrow and datasets accept it, orjson, polars and serde_json refuse the row", "measured; RFC 8259", "write null";
    TRAILING_COMMA = Error "json.trailing-comma", "A comma after the last value", "loaders stop with an error", "measured with six loaders", "remove the comma";
    PYTHON_REPR = Error "json.python-repr", "Python's way of writing instead of JSON", "loaders stop with an error", "measured with six loaders", "write the row with json.dumps instead of str";
    TWO_VALUES = Error "json.two-values", "Two values on one line", "json, orjson and polars refuse it, pyarrow and datasets make two rows of it", "measured with datasets 5.2.0, pyarrow 26.0.1", "put each on a line of its own";
    NOT_AN_OBJECT = Error "json.not-an-object", "A row that is no object", "polars, pyarrow and datasets refuse the file", "measured with datasets 5.2.0, polars 2.1.0, pyarrow 26.0.1", "no safe fix: remove the row, or give it the names of its columns";
    RAW_CONTROL = Error "json.raw-control-character", "A control character within a string that is not escaped", "loaders stop with an error", "measured with six loaders; RFC 8259", "escape it: a tab as \\t, a line end as \\n";
    LONE_SURROGATE = Error "json.lone-surrogate", "Half of a surrogate pair", "orjson, pyarrow and datasets refuse it, polars makes NUL of it, Python keeps what no tokenizer can encode", "measured with datasets 5.2.0, polars 2.1.0", "no safe fix: the other half is lost; replace it with a space or U+FFFD if the text bears it";
    NUL = Warning "json.nul", "A NUL character in text", "all loaders pass it on, and tokenizers train on it", "measured with six loaders", "remove the character";
    DUPLICATE_KEY = Error "json.duplicate-key", "A key twice in one object", "pyarrow and datasets refuse the file, json takes the last value, polars the first", "measured with datasets 5.2.0, polars 2.1.0, pyarrow 26.0.1", "no safe fix: only you know which of the values is meant";
    BIG_INTEGER = Warning "json.big-integer", "A whole number beyond 64 bits", "pyarrow, datasets and orjson round it to a float, which changes ids", "measured with datasets 5.2.0", "write it as a string";
    OUT_OF_RANGE = Error "json.number-out-of-range", "A number too large for a float", "datasets refuses the file", "measured with datasets 5.2.0", "write null or a string";
    DEEP = Warning "json.deep", "Over 64 levels of nesting", "loaders have limits of 128 or less on some paths", "measured with serde_json and sonic-rs", "no safe fix: flatten what is nested, or store it as a string";
    TOO_DEEP = Error "json.too-deep", "Over 128 levels of nesting", "datasets refuses the file, and the row was not checked further", "measured with datasets 5.2.0 at 500 levels", "no safe fix: flatten what is nested, or store it as a string";
    TOO_MANY_VALUES = Error "json.too-many-values", "A row of over 1,000,000 values, which was passed over", "it was not checked", "limit of this program", "no safe fix: split the row";
    TYPE_CHANGE = Warning "column.type-changes", "A column that changes its type", "pyarrow refuses the file; others make text or null of the values", "measured with pyarrow 26.0.1", "write all values of the column as strings";
    MIXED_CONTENT = Warning "column.content-list-and-text", "`content` is a list in some rows and text in others", "pyarrow refuses the file, polars makes text of the list, and templates differ in what they take", "measured with polars 2.1.0, pyarrow 26.0.1", "write all of them as lists of parts, or all as text";
    RAGGED = Note "column.not-in-every-row", "A column that not every row has", "tables fill it with null; a trainer that looks at the first row may not see it", "datasets issues 7159, 7222", "give every row the column, or none";
    CSV_CELLS = Error "csv.cells", "A row with another number of cells than the header has columns", "pandas and datasets stop with an error, or shift the cells", "RFC 4180; pandas", "no safe fix: put cells with commas or line ends into quotation marks";
}
