"""The line of every key, for all shapes that TOML allows."""

from controller.settings.positions import key_lines

TEXT = '''\
top = 1
"quoted key" = 2
dotted.name = 3  # a comment with = and [brackets]

[table]
text = """
not = "a key"
[nor a table]
"""
inline = { first = 1, second = { third = 2 } }
many = [
    1,
    { deep = 2 },
]

[[rows]]
when = 1979-05-27 07:32:00Z

[[rows]]
[rows.sub]
[[rows.sub.leaf]]
value = 'x # = y'
'''


def test_every_key_has_its_line() -> None:
    lines = key_lines(TEXT)
    assert lines[("top",)] == 1
    assert lines[("quoted key",)] == 2
    assert lines[("dotted", "name")] == 3
    assert lines[("table",)] == 5
    assert lines[("table", "text")] == 6
    assert lines[("table", "inline", "second", "third")] == 10
    assert lines[("table", "many", 1, "deep")] == 13
    assert lines[("rows", 0)] == 16
    assert lines[("rows", 0, "when")] == 17
    assert lines[("rows", 1)] == 19
    assert lines[("rows", 1, "sub", "leaf", 0, "value")] == 22


def test_text_inside_strings_is_never_a_key() -> None:
    assert not any("not" in path or "y" in path for path in key_lines(TEXT))


def test_an_empty_text_has_no_keys() -> None:
    assert key_lines("") == {}
    assert key_lines("# only a comment\n\n") == {}
