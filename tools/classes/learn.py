"""From many traces of a class to one description: which tensors there are, when, and how their sizes come from keys.

Every size and condition is one that the model's own code computed; which one is decided by what holds in all traces.
"""

import time
from collections import defaultdict

import symbols
from symbols import size as ast_size, text

FAILED = object()
# When to give up.
DEADLINE = [float("inf")]


class Unexplained(Exception):
    pass


class TooSlow(Exception):
    pass


class Samples:
    """Points at which something was seen: a configuration and the loop variables."""

    def __init__(self, points):
        self.points = points  # (config, variables)
        self.cache = {}

    def values(self, ast):
        found = self.cache.get(ast)
        if found is None:
            found = [self._value(ast, *point) for point in self.points]
            self.cache[ast] = found
        return found

    @staticmethod
    def _value(ast, config, variables):
        try:
            value = symbols.evaluate(ast, config, variables)
            return FAILED if isinstance(value, complex) else value
        except Exception:
            return FAILED


def keys_of(ast, found=None):
    found = set() if found is None else found
    if isinstance(ast, tuple):
        if ast[0] == "key":
            found.add(ast[1])
        else:
            for part in ast[1:]:
                keys_of(part, found)
    return found


def rank(ast):
    return (ast_size(ast), len(keys_of(ast)), len(text(ast)), text(ast))


def equal(a, b):
    return a is not FAILED and a == b and isinstance(a, bool) == isinstance(b, bool)


class Learner:
    def __init__(self, pool, atoms, max_depth=7):
        self.pool = sorted(pool, key=rank)
        self.atoms = list(atoms)
        self.halves = sorted({("//", ast, 2) for ast in pool if isinstance(ast, tuple) and ast[0] == "key"}, key=rank)
        self.max_depth = max_depth

    def value(self, samples, at, wanted):
        """The simplest expression that has the wanted value at every point of `at`; `None` if there is none."""
        first = wanted[at[0]]
        same = all(equal(wanted[k], first) for k in at)
        if same and (not isinstance(first, int) or isinstance(first, bool) or first <= 4):
            return ("const", first)
        for ast in self.pool:
            if time.time() > DEADLINE[0]:
                raise TooSlow("too slow")
            values = samples.values(ast)
            if all(equal(values[k], wanted[k]) for k in at):
                return ast
        if same:
            return ("const", first)
        # What torch computed by itself, as the frequencies of half a head.
        for ast in self.halves:
            if all(equal(v, wanted[k]) for k, v in zip(at, (samples.values(ast)[k] for k in at))):
                return ast
        return None

    def label(self, samples, at, labels):
        """`(expressions,)` for all points of `at`, where each label is `None` or a tuple of sizes."""
        if any(labels[k] is None for k in at):
            return (None,) if all(labels[k] is None for k in at) else FAILED
        lengths = {len(labels[k]) for k in at}
        if len(lengths) > 1:
            return FAILED
        found = []
        for dim in range(lengths.pop()):
            ast = self.value(samples, at, {k: labels[k][dim] for k in at})
            if ast is None:
                return FAILED
            found.append(ast)
        return (tuple(found),)

    def tree(self, samples, at, labels, depth=0):
        """Leaves as `(conditions, expressions or None)`; of the trees that explain all points one of few leaves."""
        if time.time() > DEADLINE[0]:
            raise TooSlow("too slow")
        whole = self.label(samples, at, labels)
        if whole is not FAILED:
            return [((), whole[0])]
        if depth >= self.max_depth:
            raise Unexplained("too deep")
        best = None
        for ast, (yes, no) in self.splits(samples, at, labels)[: (5, 3, 2)[depth] if depth < 3 else 1]:
            try:
                leaves = [((ast,) + c, leaf) for c, leaf in self.tree(samples, yes, labels, depth + 1)]
                leaves += [((negated(ast),) + c, leaf) for c, leaf in self.tree(samples, no, labels, depth + 1)]
            except Unexplained:
                continue
            if best is None or len(leaves) < len(best):
                best = leaves
            if len(best) == 2:
                break
        if best is None:
            raise Unexplained("no condition tells them apart")
        return best

    def splits(self, samples, at, labels):
        """Questions by how much they explain; of equals the one the code asks, and the simpler."""
        seen, found = set(), []
        for order, ast in enumerate(self.atoms):
            values = samples.values(ast)
            if any(values[k] is FAILED for k in at):
                continue
            truth = tuple(bool(values[k]) for k in at)
            if truth in seen or all(truth) or not any(truth):
                continue
            seen.add(truth)
            sides = [[k for k, t in zip(at, truth) if t], [k for k, t in zip(at, truth) if not t]]
            score = sum(len(side) for side in sides if self.label(samples, side, labels) is not FAILED)
            if score == 0:
                mixed = sum(
                    min(sum(labels[k] is None for k in s), sum(labels[k] is not None for k in s)) for s in sides
                )
                score = -1 - mixed - sum(len({labels[k] for k in s}) for s in sides) / 1000
            found.append((-score, order, ast, sides))
        found.sort(key=lambda item: item[:2])
        return [(ast, sides) for _, _, ast, sides in found]

    def expression(self, samples, labels):
        """One expression, with `c ? a : b` where needed."""
        labels = [None if label is None else (label,) for label in labels]
        leaves = self.tree(samples, list(range(len(labels))), labels)
        return ternary(leaves)


def ternary(leaves):
    if len(leaves) == 1:
        leaf = leaves[0][1]
        return leaf[0] if leaf else ("const", 0)
    condition = leaves[0][0][0]
    yes = [(c[1:], leaf) for c, leaf in leaves if c[0] == condition]
    no = [(c[1:], leaf) for c, leaf in leaves if c[0] != condition]
    a, b = ternary(yes), ternary(no)
    return a if a == b else ("?", condition, a, b)


def negated(ast):
    if isinstance(ast, tuple):
        if ast[0] == "not":
            return ast[1]
        if ast[0] == "==":
            return ("!=",) + ast[1:]
        if ast[0] == "!=":
            return ("==",) + ast[1:]
    return ("not", ast)


def resolved(ast):
    """`("const", x)` → x."""
    if isinstance(ast, tuple):
        if ast[0] == "const":
            return ast[1]
        if ast[0] in ("key", "var"):
            return ast
        return (ast[0],) + tuple(resolved(part) for part in ast[1:])
    return ast


def flat_keys(config, path=""):
    for name, value in config.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, dict) and name.endswith("config"):
            yield from flat_keys(value, key)
        elif not name.startswith("_"):
            yield key, value


def usual_atoms(configs):
    """Questions worth asking of any key: is it set, is it none, which word is it."""
    seen = defaultdict(list)
    for config in configs:
        for key, value in flat_keys(config):
            seen[key].append(value)
    for key, values in seen.items():
        ast = ("key", key)
        kinds = {type(v) for v in values}
        if kinds & {bool} and len(set(v for v in values if isinstance(v, bool))) > 1:
            yield ("truth", ast)
        if type(None) in kinds and len(kinds) > 1:
            yield ("==", ast, None)
        if str in kinds:
            words = {v for v in values if isinstance(v, str)}
            if 1 < len(words) < 12:
                yield from (("==", ast, word) for word in words)
        if int in kinds and any(v == 0 for v in values if type(v) is int):
            yield (">", ast, 0)
        if list in kinds and kinds - {list}:
            yield ("list", ast)


def shifted(ast):
    """The same of the repetition one further out, where it speaks of no other."""
    words = str(ast)
    if "('var', 'j')" in words and "('var', 'i')" not in words and "('var', 'k')" not in words:
        return moved(ast)
    return None


def moved(ast):
    if ast == ("var", "j"):
        return ("var", "i")
    return (ast[0],) + tuple(moved(part) for part in ast[1:]) if isinstance(ast, tuple) and ast[0] != "key" else ast


def short_lists(configs):
    """Keys of lists that hold a few numbers, as one for each stage of a model."""
    longest = {}
    for config in configs:
        for key, value in flat_keys(config):
            if isinstance(value, (list, tuple)):
                longest[key] = max(longest.get(key, 0), len(value))
    return {key: most for key, most in longest.items() if 1 < most <= 6}


def placed(ast, lists):
    """The expression with each place of the short list it looks into."""
    words = str(ast)
    for key, most in lists.items():
        if f"('[]', ('key', '{key}'), ('var', 'i'))" in words and "('var', 'j')" not in words:
            for at in range(most):
                yield with_place(ast, at)


def with_place(ast, at):
    if ast == ("var", "i"):
        return at
    return (ast[0],) + tuple(with_place(part, at) for part in ast[1:]) if isinstance(ast, tuple) and ast[0] != "key" else ast


class Description:
    """Items of one class: tensors, repeats, parts, and what parts lack here."""

    def __init__(self, traces):
        self.traces = traces
        pool, atoms = {}, {}
        for t in traces:
            pool.update(t.pool)
            atoms.update(t.asked)
        lists = short_lists([t.config for t in traces])
        for table in (pool, atoms):
            for ast in [new for old in list(table) for new in placed(old, lists)]:
                table.setdefault(ast, None)
        atoms = sorted(atoms, key=rank) + [a for a in usual_atoms([t.config for t in traces]) if a not in atoms]
        # A list that a property computes within a loop is asked for by the number of the loop around.
        atoms += [moved for a in list(atoms) if (moved := shifted(a)) is not None]
        for var in symbols.VARS[:2]:
            atoms.append(("==", ("var", var), 0))
        self.learner = Learner(pool, atoms)
        # Lists of a few modules are told apart by place; only if that explains nothing they are loops.
        for self.loops in self.find_loops():
            try:
                self.items = self.learn()
                return
            except Unexplained as error:
                reason = error
        raise reason

    def find_loops(self):
        """Templates of the lists whose length varies (or is long), each seen as a loop."""
        lengths = defaultdict(set)
        kinds = {}
        for t in self.traces:
            for path, (length, kind) in t.lists.items():
                lengths[anonymous(path)].add(length)
                kinds[anonymous(path)] = kind
        few = {p for p, seen in lengths.items() if max(seen) > 4 and (len(seen) > 1 or kinds[p] != "Sequential")}
        all_lists = few | {p for p, seen in lengths.items() if len(seen) > 1}
        return [few] if few == all_lists else [few, all_lists]

    def split(self, name, lists):
        """`layers.3.mlp.weight` → `layers.{i}.mlp.weight`, (3,)."""
        parts, path, indices = [], [], []
        for word in name.split("."):
            if word.isdigit() and ".".join(path) in lists and anonymous(".".join(path)) in self.loops:
                parts.append("{}")
                indices.append(int(word))
            else:
                parts.append(word)
            path.append(word)
        return ".".join(parts), tuple(indices)

    def domain(self, t, template):
        """All index tuples at which a name of this template could be in trace `t`."""
        found = [((), [])]
        for word in template.split("."):
            if word == "{}":
                more = []
                for indices, path in found:
                    length = t.lists.get(".".join(path), (0, ""))[0]
                    more += [(indices + (k,), path + [str(k)]) for k in range(length)]
                found = more
            else:
                found = [(indices, path + [word]) for indices, path in found]
        return [indices for indices, _ in found]

    def points(self, template):
        points, where = [], {}
        for n, t in enumerate(self.traces):
            for indices in self.domain(t, template):
                where[n, indices] = len(points)
                points.append((t.config, {symbols.VARS[d]: k for d, k in enumerate(indices)}))
        return Samples(points), where

    def learn(self):
        seen, parts, removed = defaultdict(dict), defaultdict(dict), defaultdict(dict)
        for n, t in enumerate(self.traces):
            for name, shape in t.tensors.items():
                template, indices = self.split(name, t.lists)
                seen[template][n, indices] = shape
            for name, (model_class, path, kwargs, auto) in t.parts.items():
                template, indices = self.split(name, t.lists)
                parts[template][n, indices] = (auto or model_class, path, tuple(sorted(kwargs.items())))
            for name in t.removed:
                removed[name][n, ()] = ()
        loops = sorted({template[: template.index(loop_end)] for template in list(seen) + list(parts) for loop_end in ["{}"] if loop_end in template} | self.inner(list(seen) + list(parts)))
        items, by_loop, shared = {}, {}, {}
        for loop in loops:
            samples, where = self.points(loop.rstrip("."))
            lengths = [None] * len(samples.points)
            for (n, indices), k in where.items():
                path = fill(loop.rstrip("."), indices)
                lengths[k] = self.traces[n].lists.get(path, (0, ""))[0]
            by_loop[loop] = self.explain(f"length of {loop}", self.learner.expression, samples, lengths)
            if loop.count("{}") == 0:
                self.learner.atoms.append(("==", ("var", "i"), ("-", resolved(by_loop[loop]), 1)))
        found = []
        for kind, group in (("part", parts), ("tensor", seen), ("without", removed)):
            for template, labels in group.items():
                key = tuple(template[: m + 2] for m in range(len(template)) if template[m : m + 2] == "{}")
                if key not in shared:
                    shared[key] = self.points(template if "{}" in template else "")
                samples, where = shared[key]
                if not samples.points:
                    continue
                seen_labels = [None] * len(samples.points)
                for at, label in labels.items():
                    seen_labels[where[at]] = label
                leaves = self.explain(template, self.learner.tree, samples, list(range(len(seen_labels))), seen_labels)
                for conditions, leaf in leaves:
                    if leaf is not None:
                        found.append((kind, template, resolved_all(leaf), resolved_all(conditions)))
        self.counts = {loop: resolved(ast) for loop, ast in by_loop.items()}
        order = {}
        for t in self.traces:
            for name in list(t.parts) + list(t.tensors):
                order.setdefault(self.split(name, t.lists)[0], len(order))
        found.sort(key=lambda item: (item[0] == "without", order.get(item[1], 1 << 20)))
        return found

    def inner(self, templates):
        found = set()
        for template in templates:
            start = template.find("{}")
            while start >= 0:
                found.add(template[:start])
                start = template.find("{}", start + 2)
        return found

    def explain(self, what, function, *args):
        try:
            return function(*args)
        except Unexplained as error:
            raise Unexplained(f"{what}: {error}") from None


def resolved_all(asts):
    return tuple(resolved(a) for a in asts)


def fill(template, indices):
    for index in indices:
        template = template.replace("{}", str(index), 1)
    return template


def anonymous(path):
    return ".".join("#" if word.isdigit() else word for word in path.split("."))


def expected(description, config):
    """What a description says of a configuration: tensors, parts, names left out."""
    tensors, parts, removed = {}, {}, set()
    for kind, template, leaf, conditions in description.items:
        for indices in runs(description, template, config):
            variables = {symbols.VARS[d]: k for d, k in enumerate(indices)}
            if not all(symbols.evaluate(c, config, variables) for c in conditions):
                continue
            name = fill(template, indices)
            if kind == "tensor":
                tensors[name] = tuple(symbols.evaluate(a, config, variables) for a in leaf)
            elif kind == "part":
                parts[name] = leaf
            else:
                removed.add(name)
    return tensors, parts, removed


def runs(description, template, config):
    found, at = [()], template.find("{}")
    while at >= 0:
        loop = template[:at]
        found = [
            indices + (k,)
            for indices in found
            for k in range(
                int(symbols.evaluate(description.counts[loop], config, {symbols.VARS[d]: v for d, v in enumerate(indices)}))
            )
        ]
        at = template.find("{}", at + 2)
    return found
