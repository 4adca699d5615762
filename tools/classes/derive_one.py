"""Derives the description of one model class, and checks it on configurations it has not seen."""

import copy
import itertools
import random
import time

import learn
import symbols
from learn import Description, Unexplained, expected, keys_of
import trace as trace_module
from trace import trace
from variants import Slow, Space, build, limited


def seen_words(space):
    for ast, words in symbols.COMPARED.items():
        if not isinstance(ast, tuple):
            continue
        if ast[0] == "key" and "." not in ast[1]:
            space.words.setdefault(ast[1], set()).update(words)
        elif ast[0] == "[]" and ast[1][0] == "key":
            space.words.setdefault(ast[1][1] + "[]", set()).update(words)


def heat(space, traces):
    """Keys of the questions that had one answer only so far are varied more."""
    answers = {}
    for t in traces:
        for ast, truth in t.asked.items():
            answers.setdefault(ast, set()).add(truth)
    space.hot = {}
    for ast, found in answers.items():
        if len(found) == 1:
            numbers = {n + d for n in constants(ast) for d in (-1, 0, 1)}
            for key in keys_of(ast):
                space.hot.setdefault(key, set()).update(numbers)


def constants(ast):
    if isinstance(ast, tuple) and ast[0] in ("key", "var"):
        return set()
    if isinstance(ast, tuple):
        return set().union(*(constants(part) for part in ast[1:]))
    return {ast} if type(ast) is int and ast < 64 else set()


def one_trace(model_class, space, kwargs, arguments):
    return limited(60, trace, model_class, space.make(copy.deepcopy(kwargs)), arguments)


def single_traces(model_class, space, arguments, most=60):
    for kwargs in itertools.islice(space.singles(), most):
        try:
            yield one_trace(model_class, space, kwargs, arguments)
        except (Slow, Exception):
            continue


def audit(found, config_class, model_class, arguments, seed=5):
    """Whether what was derived holds with single keys changed, and with some more configurations."""

    class Description:
        items, counts = found["items"], found["counts"]

    rng = random.Random(seed)
    symbols.COMPARED.clear()
    trace_module.MISSED.clear()
    space = Space(config_class, lambda config: build(model_class, config, **arguments))
    space.settle(rng)
    traces = [one_trace(model_class, space, space.base, arguments)]
    seen_words(space)
    space.with_missed(trace_module.MISSED & set(trace_module.EXTRA), rng)
    traces += list(single_traces(model_class, space, arguments))
    for _ in range(4 if "" in (p for _, p, _, _ in traces[0].parts.values()) else 14):
        try:
            traces.append(one_trace(model_class, space, space.variant(rng), arguments))
        except (Slow, Exception):
            continue
    return next((why for t in traces if (why := differs(Description, t))), None)


def differs(description, t):
    try:
        tensors, parts, removed = expected(description, t.config)
    except Exception as error:
        return f"cannot be evaluated: {error!r}"
    if tensors != t.tensors:
        names = [n for n in {**tensors, **t.tensors} if tensors.get(n) != t.tensors.get(n)]
        return f"{names[0]}: {tensors.get(names[0])}, is {t.tensors.get(names[0])}"
    theirs = {n: (a or c, p, tuple(sorted(k.items()))) for n, (c, p, k, a) in t.parts.items()}
    if parts != theirs:
        return f"parts {parts}, are {theirs}"
    return None if removed == t.removed else f"removed {removed ^ t.removed}"


def derive(config_class, model_class, arguments=None, rounds=5, first=22, fresh=16, seed=0, seconds=100):
    arguments, start = arguments or {}, time.time()
    learn.DEADLINE[0] = start + 1.5 * seconds
    rng = random.Random(seed)
    symbols.COMPARED.clear()
    trace_module.MISSED.clear()
    space = Space(config_class, lambda config: build(model_class, config, **arguments))
    space.settle(rng)
    traces = [one_trace(model_class, space, space.base, arguments)]
    seen_words(space)
    tried = [space.base]

    def more(count):
        found = []
        for _ in range(count):
            kwargs = space.variant(rng)
            try:
                found.append(one_trace(model_class, space, kwargs, arguments))
                tried.append(kwargs)
            except (Slow, Exception):
                continue
        seen_words(space)
        heat(space, traces + found)
        return found

    # A head on a model that is described by itself has little of its own.
    head = "" in (path for _, path, _, _ in traces[0].parts.values())
    space.with_missed(trace_module.MISSED & set(trace_module.EXTRA), rng)
    traces += list(single_traces(model_class, space, arguments))
    traces += more(12 if head else first)
    reason = None
    if head:
        fresh = 6
    for _ in range(rounds):
        if time.time() - start > seconds:
            raise Unexplained(f"{reason}; given up after {seconds} s")
        try:
            description = Description(traces)
        except Unexplained as error:
            reason, description = str(error), None
        new = more(fresh)
        wrong = [(t, why) for t in new if (why := differs(description, t))] if description else [(t, reason) for t in new]
        if description and not wrong and len(new) >= fresh // 2:
            description.space, description.checked = space, len(new)
            description.tried = tried
            return description
        reason = wrong[0][1] if wrong else reason or "no further configuration could be built"
        traces += new
    raise Unexplained(reason)
