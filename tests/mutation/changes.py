"""What may be put in place of one node: the nearest wrong thing a person could have written."""

import ast
import copy
from collections.abc import Iterator
from typing import TypeVar

Change = tuple[str, str, ast.AST]
"""Text before, text after, node after."""
Node = TypeVar("Node", bound=ast.AST)

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OR = ("or", "and", ast.And)
_NAMES = {"max": "min", "min": "max", "any": "all", "all": "any"}


def changes_of(node: ast.AST, raised: bool) -> Iterator[Change]:
    """Every change of this node itself. Inside what is `raised` no text is changed."""
    match node:
        case ast.BoolOp():
            yield from _booleans(node)
        case ast.Call():
            yield from _calls(node)
        case ast.Match():
            yield from _matches(node)
        case ast.ExceptHandler():
            caught = f"except {ast.unparse(node.type)}" if node.type else "except"
            yield caught, f"{caught}: raise", _changed(node, body=[ast.Raise()])
        case ast.If() | ast.While() | ast.IfExp() if not _negates_itself(node.test):
            test = ast.unparse(node.test)
            new = _changed(node, test=ast.UnaryOp(ast.Not(), node.test))
            yield f"if {test}", f"if not {test}", new
        case _:
            for other in _replacements(node, raised):
                yield ast.unparse(node), ast.unparse(other), other
    if _is_deletable(node):
        yield ast.unparse(node), "pass", ast.Pass()


def _negates_itself(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare | ast.BoolOp) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )


def _replacements(node: ast.AST, raised: bool) -> Iterator[ast.AST]:
    match node:
        case ast.Constant():
            yield from _constants(node.value, raised)
        case ast.Compare():
            for at, op in enumerate(node.ops):
                for other in _COMPARISONS[type(op)]:
                    yield _changed(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])
        case ast.BinOp() | ast.AugAssign() if type(node.op) in _OPERATORS:
            yield _changed(node, op=_OPERATORS[type(node.op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Return() if node.value is not None and ast.unparse(node.value) != "None":
            yield ast.Return(ast.Constant(None))
        case _:
            pass


def _constants(value: object, raised: bool) -> Iterator[ast.AST]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
            if value:
                yield ast.Constant(value - 1)
        case str() if not raised:
            yield ast.Constant(value + "XX")
        case bytes():
            yield ast.Constant(value + b"X")
        case _:
            pass


def _booleans(node: ast.BoolOp) -> Iterator[Change]:
    word, wrong, other = ("and", "or", ast.Or) if isinstance(node.op, ast.And) else _OR
    texts = [ast.unparse(value) for value in node.values]
    yield f" {word} ".join(texts), f" {wrong} ".join(texts), _changed(node, op=other())
    for at, text in enumerate(texts):
        rest = node.values[:at] + node.values[at + 1 :]
        yield (
            f"{word} {text}",
            "left out",
            rest[0] if len(rest) == 1 else _changed(node, values=rest),
        )


def _calls(node: ast.Call) -> Iterator[Change]:
    if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
        other = _NAMES[node.func.id]
        arguments = ast.unparse(node).removeprefix(node.func.id)
        new = _changed(node, func=ast.Name(other, ast.Load()))
        yield node.func.id + arguments, other + arguments, new
    for keyword in node.keywords:
        rest = [each for each in node.keywords if each is not keyword]
        yield ast.unparse(keyword), "left out", _changed(node, keywords=rest)


def _matches(node: ast.Match) -> Iterator[Change]:
    for case in node.cases:
        pattern = ast.unparse(case.pattern)
        if pattern != "_":
            rest = [each for each in node.cases if each is not case]
            yield f"case {pattern}", "left out", _changed(node, cases=rest)


def _is_deletable(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return not isinstance(node.targets[0], ast.Name)
    return isinstance(node, ast.Expr | ast.Raise | ast.AugAssign | ast.Continue | ast.Break)


def _changed(node: Node, **fields: object) -> Node:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new
