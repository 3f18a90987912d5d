"""The historic bugs of dosing software, as patches: the ordinary suite must find each one.

`python -m tests.planted` puts them back one by one into a copy of the tree and runs the tests.
"""
