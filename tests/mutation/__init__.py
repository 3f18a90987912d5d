"""Small faults in the text of the four parts that dosing rests on: each must make a test fail.

An own mutator, and no package: mutmut leaves out whatever has a decorator (so the ledger's
`certain` and `possible`) and all that stands outside functions; cosmic-ray starts an interpreter
for each mutant and knows no deleted statement. Touches a temporary copy of the tree.
"""
