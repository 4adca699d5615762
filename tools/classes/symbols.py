"""Numbers, words and lists that remember which configuration keys they come from.

A model built from a configuration of such values leaves behind every expression it computed (`POOL`) and every
question it asked (`ASKED`). Expressions are nested tuples: ("key", "vision_config.depth"), ("var", "i"),
("+", a, b), ("[]", a, index), …; plain values stand for themselves.
"""

import builtins
import math
import sys

POOL = {}
ASKED = {}
COMPARED = {}
_depth = [0]
VARS = "ijkl"


def note(ast, value):
    POOL.setdefault(ast, value)


def asked(ast, truth):
    ASKED.setdefault(ast, truth)
    return truth


def ast_of(value):
    return value.ast if hasattr(value, "ast") else builtins.float(value) if isinstance(value, float) else value


def make(value, ast):
    if isinstance(value, bool):
        return SymBool(value, ast)
    if isinstance(value, int):
        return Sym(value, ast)
    if isinstance(value, float):
        return SymFloat(value, ast)
    if isinstance(value, str):
        return SymStr(value, ast)
    if isinstance(value, (list, tuple)) and not isinstance(value, SymList):
        return SymList(value, ast)
    return value


def plain(value):
    if isinstance(value, SymBool):
        return bool(int.__int__(value))
    if isinstance(value, Sym):
        return int.__int__(value)
    if isinstance(value, SymFloat):
        return float.__float__(value)
    if isinstance(value, SymStr):
        return str.__str__(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in list.__iter__(value) if True] if isinstance(value, list) else [plain(v) for v in value]
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    return value


def _binary(op, compute):
    def forward(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        return make(compute(plain(self), plain(other)), (op, ast_of(self), ast_of(other)))

    def backward(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        return make(compute(plain(other), plain(self)), (op, ast_of(other), ast_of(self)))

    return forward, backward


def _compare(op, compute):
    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        return SymBool(compute(plain(self), plain(other)), (op, ast_of(self), ast_of(other)))

    return method


class _Number:
    __add__, __radd__ = _binary("+", lambda a, b: a + b)
    __sub__, __rsub__ = _binary("-", lambda a, b: a - b)
    __mul__, __rmul__ = _binary("*", lambda a, b: a * b)
    __floordiv__, __rfloordiv__ = _binary("//", lambda a, b: a // b)
    __truediv__, __rtruediv__ = _binary("/", lambda a, b: a / b)
    __mod__, __rmod__ = _binary("%", lambda a, b: a % b)
    __pow__, __rpow__ = _binary("**", lambda a, b: a**b)
    __eq__ = _compare("==", lambda a, b: a == b)
    __ne__ = _compare("!=", lambda a, b: a != b)
    __lt__ = _compare("<", lambda a, b: a < b)
    __le__ = _compare("<=", lambda a, b: a <= b)
    __gt__ = _compare(">", lambda a, b: a > b)
    __ge__ = _compare(">=", lambda a, b: a >= b)

    def __neg__(self):
        return make(-plain(self), ("-", 0, ast_of(self)))

    def __deepcopy__(self, memo):
        return self

    def __copy__(self):
        return self

    def __reduce__(self):
        return (type(plain(self)), (plain(self),))


class Sym(_Number, int):
    def __new__(cls, value, ast):
        self = int.__new__(cls, value)
        self.ast = ast
        note(ast, int(value))
        return self

    __hash__ = int.__hash__

    def __bool__(self):
        return asked(("!=", self.ast, 0), int.__int__(self) != 0)


class SymFloat(_Number, float):
    def __new__(cls, value, ast):
        self = float.__new__(cls, value)
        self.ast = ast
        return self

    __hash__ = float.__hash__

    def __bool__(self):
        return asked(("!=", self.ast, 0), float.__float__(self) != 0)


class SymBool(int):
    def __new__(cls, value, ast):
        self = int.__new__(cls, bool(value))
        self.ast = ast
        return self

    def __bool__(self):
        return asked(self.ast, int.__int__(self) != 0)

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (bool, (int.__int__(self) != 0,))

    def __repr__(self):
        return str(int.__int__(self) != 0)

    __hash__ = int.__hash__


class SymStr(str):
    def __new__(cls, value, ast):
        self = str.__new__(cls, value)
        self.ast = ast
        return self

    def __eq__(self, other):
        if not isinstance(other, str):
            return False
        ours, theirs = str.__str__(self), str.__str__(other)
        if not hasattr(other, "ast"):
            COMPARED.setdefault(self.ast, set()).add(theirs)
        return asked(("==", self.ast, ast_of(other)), str.__eq__(ours, theirs))

    def __ne__(self, other):
        return not self.__eq__(other)

    __hash__ = str.__hash__

    def startswith(self, start, *rest):
        return asked(("starts", self.ast, start), str.startswith(self, start, *rest))

    def __contains__(self, other):
        return asked(("in", ast_of(other), self.ast), str.__contains__(self, other))

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (str, (str.__str__(self),))


class SymList(list):
    def __init__(self, values, ast):
        super().__init__(values)
        self.ast = ast

    def _at(self, index, ast):
        value = list.__getitem__(self, index)
        return value if hasattr(value, "ast") else make(value, ("[]", self.ast, ast))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return list.__getitem__(self, index)
        if plain(index) < 0:
            return self._at(plain(index), ("-", ("len", self.ast), -plain(index)))
        return self._at(plain(index), ast_of(index))

    def __iter__(self):
        _depth[0] += 1
        var = ("var", VARS[min(_depth[0], 4) - 1])
        try:
            for index in builtins.range(list.__len__(self)):
                yield self._at(index, var)
        finally:
            _depth[0] -= 1

    def __mul__(self, times):
        return SymRepeated(plain(self) * plain(times), self.ast)

    def __contains__(self, other):
        found = list.__contains__(self, plain(other))
        ast = ast_of(other)
        if isinstance(ast, str):
            COMPARED.setdefault(("[]", self.ast, ("var", "i")), set()).add(ast)
        return asked(("in", ast, self.ast), found)

    def __bool__(self):
        return asked((">", ("len", self.ast), 0), list.__len__(self) > 0)

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (list, (plain(self),))

    def index(self, value, *rest):
        found = list.index(self, plain(value), *rest)
        return Sym(found, ("index", self.ast, ast_of(value)))

    def count(self, value):
        return Sym(list.count(self, plain(value)), ("count", self.ast, ast_of(value)))


class SymRepeated(SymList):
    """A pattern one after the other, as long as is wanted."""

    def _at(self, index, ast):
        return make(list.__getitem__(self, index), ("[]", self.ast, ("%", ast, ("len", self.ast))))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return SymRepeated(list.__getitem__(self, slice(*(plain(b) for b in (index.start, index.stop, index.step)))), self.ast)
        return self._at(plain(index), ast_of(index))


class _IntMeta(type):
    def __instancecheck__(cls, value):
        return isinstance(value, builtins.int)

    def __subclasscheck__(cls, other):
        return issubclass(other, builtins.int)

    def __eq__(cls, other):
        return other is builtins.int or other is cls_int

    __hash__ = type.__hash__


class cls_int(metaclass=_IntMeta):
    def __new__(cls, value=0, *rest):
        if isinstance(value, SymFloat):
            return Sym(builtins.int(plain(value)), ("int", value.ast))
        if isinstance(value, SymBool):
            return Sym(int.__int__(value), ("int", value.ast))
        return value if isinstance(value, Sym) else builtins.int(value, *rest)


def sym_range(*bounds):
    _depth[0] += 1
    var = ("var", VARS[min(_depth[0], 4) - 1])
    if len(bounds) == 2 and any(hasattr(b, "ast") for b in bounds):
        note(("-", ast_of(bounds[1]), ast_of(bounds[0])), plain(bounds[1]) - plain(bounds[0]))
    try:
        for value in builtins.range(*(plain(bound) for bound in bounds)):
            yield Sym(value, var)
    finally:
        _depth[0] -= 1


class RangeMeta(type):
    def __instancecheck__(cls, value):
        return isinstance(value, builtins.range)


class Range(metaclass=RangeMeta):
    def __new__(cls, *bounds):
        return _Range(*bounds)


class _Range:
    def __init__(self, *bounds):
        self.bounds = bounds

    def __iter__(self):
        return sym_range(*self.bounds)

    def __len__(self):
        return len(builtins.range(*(plain(b) for b in self.bounds)))

    def __getitem__(self, index):
        return builtins.range(*(plain(b) for b in self.bounds))[index]

    def __contains__(self, value):
        return plain(value) in builtins.range(*(plain(b) for b in self.bounds))

    def __reversed__(self):
        return reversed(builtins.range(*(plain(b) for b in self.bounds)))


def sym_max(*values, **named):
    return _extreme("max", builtins.max, values, named)


def sym_min(*values, **named):
    return _extreme("min", builtins.min, values, named)


def _extreme(name, function, values, named):
    if len(values) == 2 and not named and any(hasattr(v, "ast") for v in values) and all(
        isinstance(v, (int, float)) for v in values
    ):
        return make(function(plain(values[0]), plain(values[1])), (name, ast_of(values[0]), ast_of(values[1])))
    return function(*values, **named)


def sym_len(value):
    if isinstance(value, SymList):
        return Sym(list.__len__(value), ("len", value.ast))
    return builtins.len(value)


def sym_sum(values, *start):
    if isinstance(values, SymList) and not start:
        return make(builtins.sum(plain(values)), ("sum", values.ast))
    return builtins.sum(values, *start)


def sym_round(value, *digits):
    if hasattr(value, "ast") and not digits:
        return Sym(builtins.round(plain(value)), ("round", value.ast))
    return builtins.round(value, *digits)


class _Math:
    def __getattr__(self, name):
        function = getattr(math, name)
        if name in ("ceil", "floor"):
            kind = {"ceil": "ceil", "floor": "int"}[name]
            return lambda v: Sym(function(plain(v)), (kind, v.ast)) if hasattr(v, "ast") else function(v)
        if name == "sqrt":
            return lambda v: SymFloat(math.sqrt(plain(v)), ("**", v.ast, 0.5)) if hasattr(v, "ast") else function(v)
        return function


MATH = _Math()
PATCHES = dict(int=cls_int, range=Range, max=sym_max, min=sym_min, len=sym_len, sum=sym_sum, round=sym_round)


_seen = [0]


def patch():
    """Lets the model code of transformers, as far as it is loaded, compute on these values."""
    if _seen[0] == len(sys.modules):
        return
    _seen[0] = len(sys.modules)
    for name, module in list(sys.modules.items()):
        if name.startswith("transformers.models.") and ".modeling_" in name or ".configuration_" in name:
            for word, value in PATCHES.items():
                module.__dict__.setdefault(word, value)
            if module.__dict__.get("math") is math:
                module.__dict__["math"] = MATH


def reset():
    POOL.clear()
    ASKED.clear()
    _depth[0] = 0


def size(ast):
    return 1 + sum(size(part) for part in ast[1:]) if isinstance(ast, tuple) and ast[0] not in ("key", "var") else 1


def evaluate(ast, config, variables):
    """The value of an expression; raises where it has none."""
    if not isinstance(ast, tuple):
        return ast
    op = ast[0]
    if op == "key":
        value = config
        for name in ast[1].split("."):
            value = value[name]
        return value
    if op == "var":
        return variables[ast[1]]
    if op == "and":
        return all(evaluate(a, config, variables) for a in ast[1:])
    if op == "or":
        return any(evaluate(a, config, variables) for a in ast[1:])
    if op == "?":
        return evaluate(ast[2] if evaluate(ast[1], config, variables) else ast[3], config, variables)
    values = [evaluate(a, config, variables) for a in ast[1:]]
    return _OPS[op](*values)


def _index(values, at):
    if at < 0:
        raise IndexError
    return values[at]


_OPS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "//": lambda a, b: a // b,
    "/": lambda a, b: a / b, "%": lambda a, b: a % b, "**": lambda a, b: a**b if abs(b) < 64 else 0,
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "in": lambda a, b: a in b, "[]": _index,
    "starts": lambda a, b: a.startswith(b), "not": lambda a: not a, "len": len, "sum": sum, "int": int,
    "ceil": math.ceil, "round": round, "max": max, "min": min, "index": lambda a, b: a.index(b),
    "count": lambda a, b: a.count(b), "truth": bool, "list": lambda a: isinstance(a, list),
}

_RANK = {"?": 0, "or": 1, "and": 2, "not": 3, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "+": 5,
         "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "**": 8}


def text(ast, outer=0):
    """The expression as the descriptions write it."""
    if ast is None:
        return "null"
    if isinstance(ast, bool):
        return "true" if ast else "false"
    if isinstance(ast, str):
        return "'" + ast + "'"
    if not isinstance(ast, tuple):
        return repr(ast)
    op = ast[0]
    if op in ("key", "var"):
        return ast[1]
    if op == "null":
        return "null"
    if op == "[]":
        return f"{text(ast[1], 9)}[{text(ast[2])}]"
    if op == "truth":
        return text(ast[1], outer)
    if op in _RANK:
        rank = _RANK[op]
        if op == "?":
            words = f"{text(ast[1], 1)} ? {text(ast[2])} : {text(ast[3])}"
        elif op == "not":
            words = f"not {text(ast[1], rank)}"
        elif op == "**":
            words = f"{text(ast[1], 9)} ** {text(ast[2], 9)}"
        else:
            words = f" {op} ".join([text(ast[1], rank)] + [text(a, rank + 1) for a in ast[2:]])
        return f"({words})" if rank < outer else words
    return f"{op}({', '.join(text(a) for a in ast[1:])})"
