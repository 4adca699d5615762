"""What a configuration class makes of keys that a file does not give, gives as null, or gives otherwise."""

import copy
import random

import symbols
from learn import FAILED, Learner, Samples, Unexplained, equal, rank, resolved, ternary, usual_atoms
from symbols import make
from trace import plain_config
from variants import GIVEN, Space, allows, small, usual

MISSING = object()


def raw_variants(config_class, needed, rng, count, words):
    """Keyword arguments with keys left out, null, or of any value; what is not left out is said, be it the default."""
    space = Space(config_class, lambda config: None)
    space.words.update(words)
    for key in needed:
        space.fields.setdefault(key, int)
    said = {k: copy.deepcopy(usual(space.default, k)) for k in space.fields}
    said = {k: v for k, v in said.items() if type(v) in (int, float, str)}
    for _ in range(count):
        proposal = space.proposal(rng, rich=True)
        inner = {k: proposal.pop(k) for k in space.subs if k in proposal}
        for part in inner.values():
            if rng.random() < 0.6:
                part["tie_word_embeddings"] = rng.random() < 0.5
        share, away = rng.choice([0.2, 0.5, 0.9]), rng.choice([0.05, 0.2, 0.4])
        kwargs = {**said, **{k: v for k, v in proposal.items() if rng.random() < share}}
        kwargs |= {k: v for k, v in inner.items() if rng.random() < 0.7}
        for key, hint in space.fields.items():
            if rng.random() < away:
                kwargs.pop(key, None)
            elif rng.random() < 0.15 and allows(hint, type(None)):
                kwargs[key] = None
        yield kwargs


def construct(config_class, kwargs):
    """The effective values as plain data, with what was computed on the way."""
    symbols.reset()
    symbols.patch()
    given = {}
    for k, v in kwargs.items():
        # A truth value must stay one for the class's own checks.
        if isinstance(v, dict):
            given[k] = {n: w if isinstance(w, (bool, dict)) or n == "model_type" else make(w, ("key", f"{k}.{n}")) for n, w in copy.deepcopy(v).items()}
        else:
            given[k] = copy.deepcopy(v) if isinstance(v, bool) else make(copy.deepcopy(v), ("key", k))
    config = config_class(**given)
    return plain_config(config), dict(symbols.POOL), dict(symbols.ASKED)


class Rules:
    """Per key: `absent`, `null` and `given`, each an expression or nothing where the value stands as it is."""

    def __init__(self, config_class, needed, words=None, seed=1, count=90):
        rng = random.Random(seed)
        samples, pool, asked = [], {}, {}
        for kwargs in raw_variants(config_class, needed, rng, count, words or {}):
            for _ in range(5):
                try:
                    effective, some, questions = construct(config_class, kwargs)
                    break
                except Exception:
                    kwargs = {k: v for k, v in kwargs.items() if rng.random() < 0.7}
            else:
                continue
            samples.append((kwargs, effective))
            pool.update(some)
            asked.update(questions)
        plain, _, _ = construct(config_class, copy.deepcopy(GIVEN.get(config_class.__name__, {})))
        samples.append(({}, plain))
        self.names = dict(getattr(config_class, "attribute_map", {}) or {})
        self.samples, self.rules, self.failed = samples, {}, {}
        configs = [effective for _, effective in samples]
        for key in needed:
            pool.setdefault(("key", key), None)
        atoms = sorted((a for a in asked if "num_labels" not in str(a)), key=rank) + [a for a in usual_atoms(configs) if a not in asked and "num_labels" not in str(a)]
        atoms.append(("==", ("var", "i"), 0))
        self.learner = Learner([a for a in pool if "num_labels" not in str(a)], atoms)
        for key in sorted(needed):
            self.rules[key] = self.of(key)

    def of(self, key):
        stored = self.names.get(key, key)
        found = {}
        for state in ("absent", "null", "given"):
            points = []
            for kwargs, effective in self.samples:
                names = [key, stored] + [alias for alias, kept in self.names.items() if kept == stored]
                raw = next((kwargs[name] for name in names if kwargs.get(name) is not None), MISSING)
                if raw is MISSING and any(name in kwargs for name in names):
                    raw = None
                is_state = {"absent": raw is MISSING, "null": raw is None, "given": raw is not MISSING and raw is not None}
                if is_state[state] and stored in effective:
                    points.append(({**effective, stored: None if raw is MISSING else raw}, effective[stored], raw))
            if not points:
                continue
            if state == "given" and all(same(value, raw) for _, value, raw in points):
                continue
            if state == "null" and all(value is None for _, value, _ in points):
                continue
            if state == "null" and self.holds(found.get("absent"), points):
                found[state] = found["absent"]
                continue
            try:
                found[state] = self.rule(points, stored)
            except Unexplained as error:
                found[state] = FAILED
                self.failed[f"{key} {state}"] = str(error)
        return found

    def holds(self, rule, points):
        """Whether what is made of an absent key is made of a null as well."""
        if rule is None or rule is FAILED:
            return False
        try:
            return all(same(value_of(rule, config), value) for config, value, _ in points)
        except Exception:
            return False

    def rule(self, points, key):
        values = [value for _, value, _ in points]
        if all(isinstance(v, dict) for v in values):
            raise Unexplained("a table")
        if all(equal(v, values[0]) or v is None and values[0] is None for v in values):
            return literal(values[0])
        if all(isinstance(v, list) for v in values):
            return self.list_rule(points, key)
        samples = Samples([(config, {}) for config, _, _ in points])
        if any(isinstance(v, list) for v in values):
            raise Unexplained("a list at times")
        return resolved(self.learner.expression(samples, [("null",) if v is None else v for v in values]))

    def list_rule(self, points, key):
        samples = Samples([(config, {}) for config, _, _ in points])
        count = self.learner.expression(samples, [len(value) for _, value, _ in points])
        inner = [(config, {"i": n}, item) for config, value, _ in points for n, item in enumerate(value)]
        if not inner:
            return ("list_of",)
        samples = Samples([(config, variables) for config, variables, _ in inner])
        item = self.learner.expression(samples, [item for _, _, item in inner])
        return ("each", resolved(count), resolved(item))


def value_of(rule, config):
    if isinstance(rule, tuple) and rule[0] == "each":
        count = symbols.evaluate(rule[1], config, {})
        return [value_of_one(rule[2], config, {"i": n}) for n in range(count)]
    if isinstance(rule, tuple) and rule[0] == "list_of":
        return [value_of(part, config) for part in rule[1:]]
    return value_of_one(rule, config, {})


def value_of_one(rule, config, variables):
    value = symbols.evaluate(rule, config, variables) if rule != ("null",) else None
    return None if value == ("null",) else value


def same(value, raw):
    value, raw = symbols.plain(value), symbols.plain(raw)
    return value == raw and isinstance(value, bool) == isinstance(raw, bool)


def literal(value):
    if isinstance(value, (list, tuple)):
        return ("list_of",) + tuple(literal(v) for v in value)
    return value
